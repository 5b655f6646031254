package cluster

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A leader that was paused finds answers to what it asked before. They prove nothing, whenever in a proof the pause was; a
// proof soon after another one takes no longer than its question.
func TestProofAfterAPause(t *testing.T) {
	t.Parallel()
	deposed := errors.New("there is another leader")
	for name, c := range map[string]struct {
		before, within time.Duration // pauses: before the proof, and while its first question is under way
		want           error
		took           time.Duration
	}{
		"no pause":                       {50 * time.Millisecond, 0, nil, 0},
		"paused before":                  {2 * time.Second, 0, deposed, drain},
		"paused while it asks":           {0, 2 * time.Second, deposed, 2*time.Second + drain},
		"too short for another election": {sleepless - 1, 0, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				elected := time.Now().Add(500 * time.Millisecond) // another leader, if this one is not heard
				asked := 0
				p := &proof{verify: func(context.Context) error {
					if asked++; asked == 1 {
						time.Sleep(c.within)
						return nil // an old answer
					}
					if time.Now().After(elected) {
						return deposed
					}
					return nil
				}}
				p.begin(time.Now())
				time.Sleep(c.before)
				from := time.Now()
				if err := p.now(t.Context()); !errors.Is(err, c.want) || time.Since(from) != c.took {
					t.Errorf("%v after %s, want %v after %s", err, time.Since(from), c.want, c.took)
				}
			})
		})
	}
}
