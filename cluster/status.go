package cluster

import (
	"context"
	"sync"
	"time"

	"cofre/cluster/raftnode"
	"cofre/cluster/rpc"
	"cofre/fsm/model"
)

// Status is what a member says of itself.
type Status struct {
	Progress raftnode.Progress `cbor:"progress"`
	Sealed   bool              `cbor:"sealed"`
	Unfit    bool              `cbor:"unfit"` // its clock or its disk keeps it from leading
	Fresh    bool              `cbor:"fresh"`
	Version  string            `cbor:"version"`
	Level    uint16            `cbor:"level"` // highest feature level of the binary
	Notes    []string          `cbor:"notes,omitempty"`
}

// MemberStatus is a member as seen from here. Status is nil when it did not answer; then Err says why.
type MemberStatus struct {
	raftnode.Member
	Status *Status
	Err    error
	Lag    uint64 // log entries behind the most advanced member
}

// StatusHandler answers rpc.Status with what own says.
func StatusHandler(own func() Status) rpc.Handler {
	return rpc.Handle(func(context.Context, model.NodeID, struct{}) (Status, error) { return own(), nil })
}

const statusTime = 2 * time.Second

// Gather asks every member of raft's configuration at once.
func Gather(ctx context.Context, node *raftnode.Node, call Caller, own func() Status) ([]MemberStatus, error) {
	members, err := node.Members()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, statusTime)
	defer cancel()
	out := make([]MemberStatus, len(members))
	var wg sync.WaitGroup
	for i, m := range members {
		out[i].Member = m
		if m.ID == node.ID() {
			s := own()
			out[i].Status = &s
			continue
		}
		wg.Go(func() {
			var s Status
			if out[i].Err = call.Call(ctx, m.ID, rpc.Status, struct{}{}, &s); out[i].Err == nil {
				out[i].Status = &s
			}
		})
	}
	wg.Wait()
	var newest uint64
	for _, m := range out {
		if m.Status != nil {
			newest = max(newest, m.Status.Progress.LastIndex)
		}
	}
	for i := range out {
		if s := out[i].Status; s != nil {
			out[i].Lag = newest - s.Progress.LastIndex
		}
	}
	return out, nil
}
