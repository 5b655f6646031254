//go:build cofre_nextlevel

package daemon

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"cofre/fsm"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/fsm/trail"
)

// This binary plays the next release in the rollover test: it knows one verb more, and one field more in a verb that
// there is, which makes that a new version of it (RULES 4). The law "planted binaries" keeps it out of what is shipped.

type nextArgs struct {
	Name string `cbor:"name" json:"name"`
}

// nextNote is trail.NoteArgs with a field more.
type nextNote struct {
	Count   uint64   `cbor:"count"`
	Reasons []string `cbor:"reasons"`
	Sources []string `cbor:"sources"`
	Edge    string   `cbor:"edge"`
}

var (
	nextVerb = command.Define("test.next", 1, func(tx *table.Tx, _ command.Meta, a nextArgs) (uint64, error) {
		return state.Next(tx, "next-"+a.Name), nil
	}).Since(fsm.Level)
	nextField = command.Define(trail.Note.Kind(), 2, func(tx *table.Tx, _ command.Meta, a nextNote) (uint64, error) {
		return state.Next(tx, "edge-"+a.Edge), nil
	}).Since(fsm.Level)
)

// verbs is what this binary can apply.
func verbs() (*command.Registry, error) {
	next := command.Feature{Name: "next", Commands: []command.Erased{nextVerb, nextField}}
	return command.NewRegistry(fsm.Level, append(slices.Clone(fsm.Features), next)...)
}

// testRoutes propose what is new, and show the hash of the state.
func (d *Daemon) testRoutes(mux *http.ServeMux) {
	mux.Handle("POST /next/verb", operate(withMember(d, func(ctx context.Context, m *member, who model.Actor, a nextArgs) (any, error) {
		return command.Propose(ctx, m.proposer, nextVerb, who, a)
	})))
	mux.Handle("POST /next/field", operate(withMember(d, func(ctx context.Context, m *member, who model.Actor, a nextArgs) (any, error) {
		return command.Propose(ctx, m.proposer, nextField, who, nextNote{Edge: a.Name})
	})))
	mux.Handle("POST /next/hash", operate(withMember(d, func(_ context.Context, m *member, _ model.Actor, _ none) (any, error) {
		v := m.fsm.View()
		defer v.Close()
		hash, rows := v.StateHash(), v.Scrub()
		return map[string]string{"applied": fmt.Sprint(v.Applied().Index), "hash": fmt.Sprintf("%x", hash), "rows": fmt.Sprintf("%x", rows)}, nil
	})))
}
