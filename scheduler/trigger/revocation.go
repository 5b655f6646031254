package trigger

import (
	"strings"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Revocation finds dynamic users that were revoked together: of a profile that is deleted, of an authorization or an
// application that was disabled or whose users somebody revoked. When all were asked to go, it finds the revocation itself;
// that of a profile when they are gone.
func Revocation(r table.Reader, _ model.Time, limit int) []Due {
	var due []Due
	for rev := range state.Revocations.All(r, "") {
		asked := true
		for u := range state.DynamicUsers.Range(r, "wanted", state.WantedKey(rev.Key, 0), state.WantedKey(rev.Key, rev.At+1)) {
			if asked = false; len(due) == limit {
				return due
			}
			due = append(due, Due{User: u.ID, Trigger: rev.Reason})
		}
		if id, ok := strings.CutPrefix(rev.Key, model.RevokedProfile); ok && asked {
			_, used := state.DynamicUsers.First(r, "profile", id)
			asked = !used
		}
		if asked {
			due = append(due, Due{Revocation: rev.Key})
		}
	}
	return due
}
