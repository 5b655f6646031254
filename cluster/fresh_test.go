package cluster

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestPausedLeaderIsInTouchWithNobody: a leader that was paused believes in itself when it goes on, and calls the moment in which it steps
// down a contact. Neither is one: only its last proof counts, until it hears another leader.
func TestPausedLeaderIsInTouchWithNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		proven := time.Now()
		c := contact{heard: time.Now} // as raft answers on a leader
		c.set(true, proven)
		time.Sleep(time.Minute)
		if at := c.last(); !at.Equal(proven) {
			t.Errorf("it leads, proven %s ago: the last contact was %s ago", time.Since(proven), time.Since(at))
		}
		down := time.Now()
		c.heard = func() time.Time { return down }
		c.stepDown()
		time.Sleep(time.Second)
		if at := c.last(); !at.Equal(proven) {
			t.Errorf("it stepped down a second ago: the last contact was %s ago", time.Since(at))
		}
		heard := time.Now()
		c.heard = func() time.Time { return heard }
		if at := c.last(); !at.Equal(heard) {
			t.Errorf("it hears another leader: the last contact was %s ago", time.Since(at))
		}
	})
}
