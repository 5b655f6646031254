package access

import (
	"strings"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
)

// sessionKinds are the kinds that the vendor's dashboard tells apart: a protocol by the proxy of its own, and other proxies by name.
var sessionKinds = []string{"ssh", "rdp", "sshweb", "rdpweb", "jumpserver", "rdpgate"}

// SessionUseFilter narrows what is counted; empty fields do not. From and Until are when a session began; 0: no bound.
type SessionUseFilter struct {
	From, Until                model.Time
	Hostname, Username, Person string
}

// SessionUse counts sessions of credentials that the caller reaches, by kind: those that are going on, and those that are over.
func (s *Service) SessionUse(actor model.Actor, at model.Time, f SessionUseFilter) (live, over map[string]int, err error) {
	v := s.views.View()
	defer v.Close()
	p, err := command.Authorize(v, actor, at, authz.Action{Module: model.ModuleDashboards}, nil)
	if err != nil {
		return nil, nil, err
	}
	live, over = map[string]int{}, map[string]int{}
	for row := range state.Sessions.All(v, "") {
		kind := sessionKind(row)
		if kind == "" || f.From != 0 && row.StartedAt < f.From || f.Until != 0 && row.StartedAt >= f.Until || f.Person != "" && row.Person != f.Person {
			continue
		}
		of := sessionOf(v, row)
		if f.Hostname != "" && model.FoldHost(of.Device.Hostname) != model.FoldHost(f.Hostname) || f.Username != "" && of.Credential.Username != f.Username || !p.Reaches(authz.ObjectOf(&of.Credential)) {
			continue
		}
		if row.Live() {
			live[kind]++
		} else {
			over[kind]++
		}
	}
	return live, over, nil
}

// sessionKind is one of sessionKinds; "" for a session of another protocol.
func sessionKind(row *model.Session) string {
	for _, by := range []string{row.Proxy, row.Protocol} {
		for _, k := range sessionKinds {
			if strings.EqualFold(k, by) {
				return k
			}
		}
	}
	return ""
}
