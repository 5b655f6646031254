package access

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"cofre/fsm/audit"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

const (
	readersSpan  = 7 * 24 * time.Hour
	readersTrail = 50_000 // events that are looked at
)

// Reader is who read a secret lately, and when last.
type Reader struct {
	Authorization model.AuthorizationID
	At            model.Time
}

// RecentReaders finds in the trail who read a secret, or the accounts that it refers to, in the last days: changing those
// accounts may stop them. It looks at a bounded number of events.
func (s *Service) RecentReaders(id model.DSMSecretID, at model.Time) []Reader {
	v := s.views.View()
	defer v.Close()
	row, ok := state.DSMSecrets.Get(v, string(id))
	if !ok {
		return nil
	}
	secret, accounts := strconv.FormatUint(row.Number, 10)+":", []string{}
	if version, ok := state.DSMVersions.Get(v, state.DSMVersionKey(id, row.Version)); ok {
		for _, c := range version.References() {
			accounts = append(accounts, string(c))
		}
	}
	last := map[model.AuthorizationID]model.Time{}
	from := uint64(1)
	if h, ok := table.AuditHead.Get(v, "head"); ok && h.Head.Seq > readersTrail {
		from = h.Head.Seq - readersTrail
	}
	for e := range table.Audit.All(v, table.NumberKey(from)) {
		if at.Sub(e.At) > readersSpan {
			continue
		}
		for _, f := range e.Fields {
			read := e.Kind == audit.DSMRead.Kind && f.Name == "secrets" && slices.ContainsFunc(strings.Fields(f.Value), func(n string) bool { return strings.HasPrefix(n, secret) }) ||
				e.Kind == audit.CredentialRead.Kind && f.Name == "credential" && slices.Contains(accounts, f.Value)
			if read {
				last[e.Authorization] = e.At
			}
		}
	}
	out := []Reader{}
	for a, t := range last {
		out = append(out, Reader{a, t})
	}
	slices.SortFunc(out, func(a, b Reader) int {
		if a.At != b.At {
			return int(b.At - a.At)
		}
		return strings.Compare(string(a.Authorization), string(b.Authorization))
	})
	return out
}
