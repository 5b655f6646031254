//go:build cofre_planted

package daemon

import (
	"fmt"
	"net/http"
	"slices"

	"cofre/cluster/siem"
	"cofre/executors"
	"cofre/fsm"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/table"
	"cofre/scheduler/sim"
)

// plant names the mistake that this binary makes; the linker sets it. Such a binary exists only to show that the crash
// matrix would notice: the law "planted binaries" keeps the tag out of everything that is shipped.
var plant string

// verbs is what this binary can apply, with its mistake.
func verbs() (*command.Registry, error) {
	p := sim.Plant(plant)
	switch {
	case plant == siem.Plant:
		return fsm.NewRegistry()
	case !slices.Contains(sim.Plants, p):
		return nil, fmt.Errorf("this binary was built to make a mistake, and there is none called %q", plant)
	}
	features := sim.Planted(p, fsm.Features)
	if p == sim.RetryBlindly {
		features = deafened(features)
	}
	return command.NewRegistry(fsm.Level, features...)
}

// testRoutes is what this binary answers besides: nothing.
func (d *Daemon) testRoutes(*http.ServeMux) {}

// deafened lets reports forget that a target refused the login: whoever retries blindly must not learn from that either,
// for the product would then ask the target which secret it knows, and lose nothing.
func deafened(features []command.Feature) []command.Feature {
	out := slices.Clone(features)
	for i := range out {
		out[i].Commands = slices.Clone(out[i].Commands)
		for k, c := range out[i].Commands {
			if c.Kind() == operation.Finish.Kind() {
				out[i].Commands[k] = deaf{c}
			}
		}
	}
	return out
}

type deaf struct{ command.Erased }

func (d deaf) Apply(tx *table.Tx, m command.Meta, payload codec.Raw) (codec.Raw, error) {
	var a operation.FinishArgs
	if err := codec.Decode(payload, &a); err != nil {
		return nil, fmt.Errorf("planted: %w", err)
	}
	if a.Outcome == model.OutcomeNotStarted && a.Class == string(executors.ClassAuth) {
		a.Class = string(executors.ClassNetwork)
		payload = codec.MustEncode(a)
	}
	return d.Erased.Apply(tx, m, payload)
}
