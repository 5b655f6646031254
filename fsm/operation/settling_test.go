package operation_test

import (
	"fmt"
	"strings"
	"testing"

	"cofre/fsm/model"
	"cofre/fsm/operation"
)

// TestSettlingOrder: the candidate is asked for again as soon as the current one is refused, and after all others.
func TestSettlingOrder(t *testing.T) {
	t.Parallel()
	c := &model.Credential{Versions: []model.SecretVersion{
		{N: 1, Role: model.RoleRetired}, {N: 2, Role: model.RoleAbandoned}, {N: 3, Role: model.RoleCurrent}, {N: 4, Role: model.RoleCandidate},
		{N: 5, Role: model.RoleAbandoned, Unsent: true},
	}}
	for _, s := range []struct {
		candidate uint64
		refused   []uint64
		knows     uint64
		want      string
	}{
		{4, nil, 4, "4"},
		{4, nil, 3, "4 3"},
		{4, nil, 1, "4 3 4 2 1"},
		{4, nil, 0, "4 3 4 2 1 5 4"},
		{4, []uint64{4}, 0, "3 4 2 1 5 4"},
		{4, []uint64{4, 3}, 0, "4 2 1 5 4"},
		{4, []uint64{3, 4, 2}, 0, "1 5 4"},
		{4, []uint64{3, 4, 2, 1, 5}, 0, "4"},
		{4, []uint64{3, 2, 1, 5, 4}, 0, ""},
		{0, []uint64{3}, 0, "4 2 1 5"}, // of a verification: nothing of its own is under way
	} {
		walk, tried := operation.NewSettling(&model.Operation{Candidate: s.candidate, Refused: s.refused}, c), []string{}
		for n, more := walk.Next(); more; n, more = walk.Next() {
			tried = append(tried, fmt.Sprint(n))
			walk.Note(n == s.knows)
		}
		if got := strings.Join(tried, " "); got != s.want {
			t.Errorf("%+v: tried %q", s, got)
		}
		if r := walk.Found(operation.FinishArgs{}); r.Proven != s.knows || len(r.Refused) > len(c.Versions) {
			t.Errorf("%+v: %+v", s, r)
		}
	}
}
