package fsm_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestMadeAhead: a proposer whose clock is ahead gains no second application: its command's answer is remembered for as
// long as the command may come, and one that is too far ahead is refused.
func TestMadeAhead(t *testing.T) {
	t.Parallel()
	m := start(t)
	e := m.envelope("test.add", t0.Add(90*time.Second), struct{}{})
	first := m.entry(t0, m.envelope("test.deny", t0, struct{}{}), e, m.envelope("test.deny", t0, struct{}{}))[1:] // between some that are forgotten earlier
	for _, after := range []time.Duration{2*time.Minute + time.Second, 3 * time.Minute, 3*time.Minute + 29*time.Second} {
		for range 3 { // time enough to forget what may be forgotten
			m.one(t0.Add(after), "test.deny", struct{}{})
		}
		if diff := cmp.Diff(first[0], m.entry(t0.Add(after), e)[0]); diff != "" {
			t.Errorf("%s later (-first +again):\n%s", after, diff)
		}
	}
	for range 3 {
		m.one(t0.Add(3*time.Minute+31*time.Second), "test.deny", struct{}{})
	}
	if r := m.entry(t0.Add(3*time.Minute+31*time.Second), e)[0]; kind(r) != "expired" {
		t.Errorf("after its time: %v", r)
	}
	if n := m.count(); n != 1 {
		t.Errorf("one command counted %d", n)
	}
	now := m.now()
	for made, want := range map[time.Duration]string{2 * time.Minute: "ok", 2*time.Minute + time.Millisecond: "expired", 80 * 365 * 24 * time.Hour: "expired"} {
		if r := m.entry(now, m.envelope("test.add", now.Add(made), struct{}{}))[0]; kind(r) != want {
			t.Errorf("made %s ahead: %v, want %s", made, r, want)
		}
	}
}
