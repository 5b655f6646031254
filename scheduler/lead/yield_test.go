package lead_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"cofre/fsm"
	"cofre/fsm/command"
	"cofre/fsm/credential"
	"cofre/fsm/model"
	"cofre/fsm/node"
	"cofre/fsm/policy"
	"cofre/fsm/state"
	"cofre/scheduler/lead"
)

// TestWhatIsDueIsFoundAsItMayStart: 60 credentials fall due. When nobody else asks, an operation of each is made at once; while
// requests come, no more than may start soon.
func TestWhatIsDueIsFoundAsItMayStart(t *testing.T) {
	t.Parallel()
	const due = 60
	for name, c := range map[string]struct {
		felt        func() (int, time.Duration)
		least, most int
	}{
		"nobody asks":   {nil, due, due},
		"requests come": {requests(), 1, due / 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, p := waiting(t)
			admin := model.Actor{Kind: model.ActorClient, Authorization: "admin", Epoch: 1}
			hourly := model.DefaultPolicy()
			hourly.ID, hourly.Name, hourly.VerifyEvery = "", "hourly", time.Hour.Milliseconds()
			hourly, err := command.Propose(t.Context(), p, policy.Put, admin, policy.PutArgs{Policy: hourly})
			if err != nil {
				t.Fatal(err)
			}
			device, template := changeOf(m).Device, changeOf(m).Template
			for i := range due {
				user := fmt.Sprintf("due%d", i)
				_, err := command.Propose(t.Context(), p, credential.Put, admin, credential.PutArgs{Create: true, Identifier: user, Device: device, Username: &user, Policy: &hourly.ID,
					Execution: &credential.ExecutionPatch{ChangeTemplate: &template, Automatic: new(true)},
					Secret:    &credential.NewSecret{Row: user, Secret: model.Sealed{Term: 1, Box: make([]byte, 64)}}})
				if err != nil {
					t.Fatal(err)
				}
			}
			var now atomic.Int64
			now.Store(int64(p.Now()))
			p.Now = func() model.Time { return model.Time(now.Load()) }
			time.AfterFunc(time.Second, func() { // requests come for a while before
				later := p.Now().Add(3 * time.Hour)
				if _, err := command.Propose(context.Background(), p, node.AdvanceClock, model.Actor{Kind: model.ActorSystem}, node.ClockArgs{To: later}); err != nil {
					t.Error(err)
				}
				now.Store(int64(later))
			})
			runWith(t, m, lead.Config{Proposer: p, View: m.View, Changed: m.Changed, Alive: everybody, Felt: c.felt, Now: p.Now}, 3*time.Second,
				func() bool { return made(m) == due })
			if n := made(m); n < c.least || n > c.most {
				t.Errorf("%d operations were made of %d credentials, want %d to %d", n, due, c.least, c.most)
			}
		})
	}
}

// requests counts one more request, which waited a millisecond, each time it is asked.
func requests() func() (int, time.Duration) {
	var n atomic.Int64
	return func() (int, time.Duration) {
		n := n.Add(100)
		return int(n), time.Duration(n) * time.Millisecond
	}
}

func everybody(model.NodeID) bool { return true }

// made counts the operations that the heartbeat made.
func made(m *fsm.FSM) (n int) {
	v := m.View()
	defer v.Close()
	for o := range state.Operations.All(v, "") {
		if o.Trigger == "heartbeat" {
			n++
		}
	}
	return n
}
