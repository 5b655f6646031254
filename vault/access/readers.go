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
	readersTrail = 100_000 // events of a kind that are looked at
)

// Reader is who read a secret lately, and when last.
type Reader struct {
	Authorization model.AuthorizationID
	At            model.Time
}

// RecentReaders finds in the trail who read a secret, or the accounts that it refers to by whatever way, in the last days:
// changing those accounts may stop them. A holder that asked and had them already counts. It looks at a bounded number of
// events, the newest ones; since is how far back that is.
func (s *Service) RecentReaders(id model.DSMSecretID, at model.Time) (readers []Reader, since model.Time) {
	v := s.views.View()
	defer v.Close()
	since = at.Add(-readersSpan)
	row, ok := state.DSMSecrets.Get(v, string(id))
	if !ok {
		return nil, since
	}
	own, accounts, ids := []string{numberOf(row.Number)}, []string{}, []string{}
	if version, ok := state.DSMVersions.Get(v, state.DSMVersionKey(id, row.Version)); ok {
		for _, ref := range version.References() {
			ids = append(ids, string(ref))
			if c, ok := state.Credentials.Get(v, string(ref)); ok {
				accounts = append(accounts, numberOf(c.Number))
			}
		}
	}
	last := map[model.AuthorizationID]model.Time{}
	for _, k := range []struct {
		kind  string
		about func(e *audit.Event) bool
	}{
		{audit.DSMRead.Kind, func(e *audit.Event) bool {
			return names(e.Field("secrets"), own) || names(e.Field("credentials"), accounts)
		}},
		{audit.CredentialRead.Kind, func(e *audit.Event) bool { return slices.Contains(ids, e.Field("credential")) }},
		{audit.DSMUnchanged.Kind, func(e *audit.Event) bool {
			by := model.AuthorizationID(e.Field("authorization"))
			return by == row.Owner || slices.Contains(row.Readers, by)
		}},
	} {
		looked := 0
		for e := range table.Audit.Reverse(v, "kind", k.kind+"\x00", k.kind+"\x01") {
			if e.At < since {
				break
			}
			if looked++; looked > readersTrail {
				since = e.At
				break
			}
			by := e.Authorization
			if k.kind == audit.DSMUnchanged.Kind {
				by = model.AuthorizationID(e.Field("authorization"))
			}
			if by != "" && k.about(e) {
				last[by] = max(last[by], e.At)
			}
		}
	}
	readers = []Reader{}
	for a, t := range last {
		readers = append(readers, Reader{a, t})
	}
	slices.SortFunc(readers, func(a, b Reader) int {
		if a.At != b.At {
			return int(b.At - a.At)
		}
		return strings.Compare(string(a.Authorization), string(b.Authorization))
	})
	return readers, since
}

// numberOf is how events begin the name of a version.
func numberOf(n uint64) string { return strconv.FormatUint(n, 10) + ":" }

// names tells whether a list of versions, as events have it, holds one of these.
func names(list string, numbers []string) bool {
	return slices.ContainsFunc(strings.Fields(list), func(one string) bool {
		return slices.ContainsFunc(numbers, func(n string) bool { return strings.HasPrefix(one, n) })
	})
}
