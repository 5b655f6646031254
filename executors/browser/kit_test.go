package browser_test

import (
	"testing"

	"cofre/executors"
	"cofre/executors/executortest"
)

// TestCuts ends the network at each write to the site: what is claimed about the change is true. How many writes there are varies with the
// ends of connections, so that the one whose answer matters most may be missed: TestOutcomes loses that answer for sure.
func TestCuts(t *testing.T) {
	t.Parallel()
	h := open(t, share(t))
	seen := map[executors.Outcome]int{}
	landed := 0                            // uncertain, and the site has the new secret
	for n, whole := 1, 0; whole < 6; n++ { // a browser asks for more at times, such as an icon: three rounds without a cut are the end
		for _, after := range []bool{false, true} {
			a, fresh, b := h.add(t), canary+executortest.Fresh(), executortest.NewBrittle(n, after)
			outcome, err := h.change(t, a, fresh, func(s *executors.Session) { s.Dial = b.Dial })
			is, was := h.in(a.Name, fresh), h.in(a.Name, a.Password)
			seen[outcome]++
			if is == was || outcome == executors.Applied && !is || (outcome == executors.NotStarted || outcome == executors.Rejected) && is {
				t.Errorf("cut at write %d, after %t: %s, %v; the site has the new secret: %t", n, after, outcome, err, is)
			}
			if outcome == executors.Uncertain && is {
				landed++
			}
			if whole++; outcome != executors.Applied || b.Written() >= n {
				whole = 0
			}
		}
	}
	if seen[executors.NotStarted] == 0 || seen[executors.Applied] == 0 {
		t.Errorf("the cuts did not reach all phases: %v", seen)
	}
	t.Logf("%v, %d of the uncertain ones had changed the site", seen, landed)
}

// TestHostileValues: whatever a secret means to a page, a script, a URL or a shell, it arrives unchanged or is refused before anything
// is dialed; as a name it opens nothing.
func TestHostileValues(t *testing.T) {
	t.Parallel()
	h := open(t, share(t))
	witness := h.add(t)
	arrived := 0
	for _, v := range executortest.Hostile() {
		a, b := h.add(t), executortest.NewBrittle(0, false)
		outcome, err := h.change(t, a, v, func(s *executors.Session) { s.Dial = b.Dial })
		switch {
		case outcome == executors.Applied && h.in(a.Name, v):
			arrived++
		case outcome == executors.NotStarted && b.Written() == 0 && executortest.ClassOf(err) == executors.ClassTemplate && h.in(a.Name, a.Password):
		default:
			t.Errorf("%.40q: %s, %v", v, outcome, err)
		}
		if outcome, err := h.change(t, executortest.Account{Name: v, Password: "Other-Pass-1x"}, canary+"x1", nil); outcome != executors.NotStarted {
			t.Errorf("the name %.40q: %s, %v", v, outcome, err)
		}
	}
	if arrived == 0 || !h.in(witness.Name, witness.Password) {
		t.Errorf("%d arrived", arrived)
	}
}
