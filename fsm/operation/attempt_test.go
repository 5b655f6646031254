package operation

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofre/fsm/model"
)

func TestTrust(t *testing.T) {
	t.Parallel()
	tr := NewTrust(model.DefaultLeases) // 60 s less a margin of 10 s
	if tr.Holds(0) {
		t.Error("trusted before any renewal")
	}
	if !tr.Extend(100 * time.Second) {
		t.Error("a renewal was not taken")
	}
	for at, want := range map[time.Duration]bool{100 * time.Second: true, 150*time.Second - 1: true, 150 * time.Second: false, time.Hour: false} {
		if got := tr.Holds(at); got != want {
			t.Errorf("at %v: %v, want %v", at, got, want)
		}
	}
	tr.Lose()
	if tr.Holds(101*time.Second) || tr.Extend(101*time.Second) || tr.Holds(102*time.Second) {
		t.Error("what was lost came back")
	}
}

// TestBegun: after an unknown answer the replica tells what became of a begin. A candidate of an earlier life of the node
// is not ours, though token and state are: sending our own, which is not committed, would lose a password.
func TestBegun(t *testing.T) {
	t.Parallel()
	lease := &model.Lease{Token: 7, Until: 99}
	running := &model.Operation{State: model.OpRunning, Lease: lease, Candidate: 2}
	for name, c := range map[string]struct {
		o     *model.Operation
		args  BeginArgs
		want  LeaseResult
		known bool
	}{
		"committed":               {running, BeginArgs{Token: 7, Row: "r2"}, LeaseResult{Version: 2, Until: 99}, true},
		"committed, reused":       {running, BeginArgs{Token: 7, Reuse: 2}, LeaseResult{Version: 2, Until: 99}, true},
		"an earlier life's":       {running, BeginArgs{Token: 7, Row: "other"}, LeaseResult{Fenced: true}, true},
		"an earlier life's reuse": {running, BeginArgs{Token: 7, Reuse: 1}, LeaseResult{Fenced: true}, true},
		"open":                    {&model.Operation{State: model.OpLeased, Lease: lease}, BeginArgs{Token: 7, Row: "r2"}, LeaseResult{}, false},
		"granted anew":            {running, BeginArgs{Token: 6, Row: "r2"}, LeaseResult{Fenced: true}, true},
		"expired":                 {&model.Operation{State: model.OpUncertain, Candidate: 2}, BeginArgs{Token: 7, Row: "r2"}, LeaseResult{Fenced: true}, true},
		"gone":                    {nil, BeginArgs{Token: 7, Row: "r2"}, LeaseResult{Fenced: true}, true},
	} {
		if got, known := Begun(c.o, cred(), c.args); known != c.known || cmp.Diff(c.want, got) != "" {
			t.Errorf("%s: %+v, %v", name, got, known)
		}
	}
}

func cred() *model.Credential {
	return &model.Credential{Versions: []model.SecretVersion{{N: 1, Row: "r1", Role: model.RoleCurrent}, {N: 2, Row: "r2", Role: model.RoleCandidate}}}
}

func TestSettling(t *testing.T) {
	t.Parallel()
	c := cred()
	c.Versions = append(c.Versions, model.SecretVersion{N: 3, Role: model.RoleAbandoned}, model.SecretVersion{N: 4, Role: model.RoleRetired})
	p := model.DefaultPolicy()
	p.BadLogins = 2
	now := model.Time(1_000_000_000)
	for name, c2 := range map[string]struct {
		inForce uint64
		refused []uint64
		bad     []model.Time
		tried   []uint64
		proven  uint64
		spent   bool
	}{
		"the candidate":          {inForce: 2, tried: []uint64{2}, proven: 2},
		"the current one":        {inForce: 1, tried: []uint64{2, 1}, proven: 1},
		"an older one, too far":  {inForce: 3, tried: []uint64{2, 1}, spent: true},
		"an older one, the rest": {inForce: 3, refused: []uint64{2, 1}, tried: []uint64{3}, proven: 3},
		"none, the rest":         {inForce: 9, refused: []uint64{2, 1}, tried: []uint64{3, 4}},
		"one login left":         {inForce: 1, bad: []model.Time{now - 1}, tried: []uint64{2}, spent: true},
		"none left":              {inForce: 1, bad: []model.Time{now - 2, now - 1}, spent: true},
		"old failures are gone":  {inForce: 1, bad: []model.Time{1, 2}, tried: []uint64{2, 1}, proven: 1},
	} {
		cr := *c
		cr.BadLogins = c2.bad
		left, _ := cr.LoginBudget(p.BadLogins, model.Span(p.BadLoginWindow), now)
		cr.ReserveLogins(7, left)
		s := NewSettling(&model.Operation{Refused: c2.refused, Target: model.TargetRef{Kind: model.TargetCredential}, Lease: &model.Lease{Token: 7}}, &cr)
		var tried []uint64
		for n, more := s.Next(); more; n, more = s.Next() {
			tried = append(tried, n)
			s.Note(n == c2.inForce)
		}
		got := s.Found(FinishArgs{Outcome: model.OutcomeApplied})
		if diff := cmp.Diff(c2.tried, tried); diff != "" || got.Proven != c2.proven || s.Spent() != c2.spent {
			t.Errorf("%s: proven %d, spent %v, tried (-want +got)\n%s", name, got.Proven, s.Spent(), diff)
		}
		if (got.Outcome == model.OutcomeApplied) != (c2.proven != 0) {
			t.Errorf("%s: outcome %s", name, got.Outcome)
		}
	}
}

func TestAskPause(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]time.Duration{1: 200 * time.Millisecond, 2: 400 * time.Millisecond, 7: 10 * time.Second, 1000: 10 * time.Second} {
		if got := AskPause(n); got != want {
			t.Errorf("pause %d: %v, want %v", n, got, want)
		}
	}
}
