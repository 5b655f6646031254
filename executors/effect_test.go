package executors_test

import (
	"testing"

	"cofre/executors"
)

// TestEffect: Rejected only for a clear no before anything was done, and NotStarted only while nothing can have arrived.
func TestEffect(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		effect  executors.Effect
		refused bool
		want    executors.Outcome
	}{
		{executors.Effect{}, false, executors.NotStarted},
		{executors.Effect{}, true, executors.NotStarted},
		{executors.Effect{Exposed: true}, false, executors.Uncertain},
		{executors.Effect{Exposed: true}, true, executors.Rejected},
		{executors.Effect{Exposed: true, Done: true}, true, executors.Uncertain},
		{executors.Effect{Exposed: true, Done: true}, false, executors.Uncertain},
	} {
		if got := c.effect.Outcome(c.refused); got != c.want {
			t.Errorf("%+v, refused %t: %s, want %s", c.effect, c.refused, got, c.want)
		}
	}
}
