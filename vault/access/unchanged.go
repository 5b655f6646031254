package access

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"cofre/fsm/dsm"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// DSMReading is what a read of secrets gave. The caller wipes the values.
type DSMReading struct {
	Secrets   []OpenedDSM
	Tag       string // of what was read: an entity tag without quotes
	Unchanged bool   // the caller has it already: nothing was read
}

// unchangedDSM gives the tag of what a read would show now if it is one of those that are known, else "". The decision is
// made on everything that was committed before, so that a withdrawn right or a new version counts at once, on every node.
func (s *Service) unchangedDSM(ctx context.Context, actor model.Actor, args dsm.ReadArgs, known []string) (string, error) {
	if err := s.fresh(ctx); err != nil {
		return "", err
	}
	v := s.views.View()
	defer v.Close()
	r, ok := dsm.Peek(v, actor, model.TimeOf(time.Now()), args)
	if !ok {
		return "", nil
	}
	tag, err := s.tagDSM(v, actor, args, r)
	if err != nil || !slices.Contains(known, tag) {
		return "", err
	}
	return tag, nil
}

// tagDSM is a keyed hash of who reads which versions of what, and of the revisions of the rows beside the values that are
// shown; never of a value (RULES 9).
func (s *Service) tagDSM(v table.Reader, actor model.Actor, args dsm.ReadArgs, r dsm.ReadResult) (string, error) {
	lines := []string{}
	for _, one := range r.Secrets {
		line := fmt.Sprintf("secret %s %d", one.ID, one.Version)
		if row, ok := state.DSMSecrets.Get(v, string(one.ID)); ok {
			line += fmt.Sprintf(" %d", row.Revision)
		}
		for _, a := range one.Accounts {
			line += fmt.Sprintf("\naccount %s %d", a.Credential, a.Version)
			if c, ok := state.Credentials.Get(v, string(a.Credential)); ok {
				line += fmt.Sprintf(" %d %s", c.Revision, deviceRevision(v, c.Device))
			}
		}
		for _, u := range one.Users {
			line += fmt.Sprintf("\nuser %s", u.User)
			if row, ok := state.DynamicUsers.Get(v, string(u.User)); ok {
				line += " " + deviceRevision(v, row.Device)
				if p, ok := state.Profiles.Get(v, string(row.Profile)); ok {
					line += fmt.Sprintf(" %d", p.Revision)
				}
			}
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	head := fmt.Sprintf("dsm-tag\x00%s %s %s", actor.Authorization, args.Module, args.ID)
	if auth, ok := state.Authorizations.Get(v, string(actor.Authorization)); ok {
		head += fmt.Sprintf(" %d", auth.Revision)
		if app, ok := state.Applications.Get(v, string(auth.Application)); ok {
			head += fmt.Sprintf(" %d", app.Revision)
		}
	}
	key, mac, err := s.named.MAC(KeyPepper, 0, []byte(head+"\n"+strings.Join(lines, "\n")))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d-%s", key, base64.RawURLEncoding.EncodeToString(mac[:16])), nil
}

func deviceRevision(v table.Reader, id model.DeviceID) string {
	d, ok := state.Devices.Get(v, string(id))
	if !ok {
		return "0"
	}
	return fmt.Sprint(d.Revision)
}
