package runner_test

import (
	"context"
	"testing"

	"cofre/executors"
	"cofre/fsm/credential"
	"cofre/fsm/device"
	"cofre/fsm/model"
)

// TestWhoseSessionStays: only that of somebody who changes others, and only where nothing is on the way and the device has no limit of its own.
func TestWhoseSessionStays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		manager, way bool
		lanes        int
		want         bool
	}{{name: "the account itself"}, {name: "a manager", manager: true, want: true}, {name: "a manager behind a jump host", manager: true, way: true},
		{name: "a manager where connections are counted", manager: true, lanes: 4}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			own := h.credential()
			if c.manager {
				boss := put(h, credential.PutArgs{Identifier: "boss", Device: own.Device, Username: new("boss"), Secret: &credential.NewSecret{Row: "rboss", Secret: model.Sealed{Term: 1, Box: []byte("Boss-pass-1")}}})
				put(h, credential.PutArgs{ID: own.ID, Execution: &credential.ExecutionPatch{Authentication: &boss}})
			}
			if c.way {
				hop := as(h, device.Put, device.PutArgs{Device: model.Device{Hostname: "hop", IP: "127.0.0.1", Connectivities: []model.Connectivity{{Protocol: "SOCKS5", Port: 1080}}}}).Device
				d := h.device(own.Device)
				d.Via = hop.ID
				as(h, device.Put, device.PutArgs{Device: *d})
			}
			if c.lanes > 0 {
				d := h.device(own.Device)
				d.Lanes = c.lanes
				as(h, device.Put, device.PutArgs{Device: *d})
			}
			seen := make(chan executors.Session, 1)
			h.start(fake{run: func(_ context.Context, s executors.Session) (executors.Outcome, error) {
				seen <- s
				return executors.Applied, nil
			}, verify: func(string) (bool, error) { return true, nil }})
			id, _ := h.grant()
			h.await(id, c.name, in(model.OpSucceeded))
			s := <-seen
			if (s.Sessions != nil) != c.want || s.Managed != c.manager {
				t.Errorf("a session may stay: %t; a manager logs in: %t", s.Sessions != nil, s.Managed)
			}
		})
	}
}
