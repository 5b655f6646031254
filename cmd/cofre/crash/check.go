package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// collect reads the operations of a round and counts how they ended.
func (m *matrix) collect(ctx context.Context) ([]op, error) {
	ops, err := m.api.list(ctx, "", m.last)
	if err != nil {
		return nil, err
	}
	for i := range ops {
		o := &ops[i]
		m.last = max(m.last, o.Number)
		m.outcomes[o.State]++
		switch {
		case o.fine():
			m.load.ended++
		case o.Final && m.plant == "":
			m.stuck++
			m.evidence(ctx, fmt.Sprintf("operation %d ended as %s: %s", o.Number, o.State, o.Message), o.Number)
		}
	}
	return ops, nil
}

// logins demands that every account opens with what the API hands out, over a fresh login.
func (m *matrix) logins(ctx context.Context) (lost int) {
	var work sync.WaitGroup
	var mu sync.Mutex // guards lost
	lanes := make(chan struct{}, 6)
	for _, a := range m.targets.accounts {
		lanes <- struct{}{}
		work.Go(func() {
			defer func() { <-lanes }()
			if why := m.login(ctx, a); why != "" {
				mu.Lock()
				defer mu.Unlock()
				lost++
				m.say("LOST %s (%s): %s", a.identifier, a.user, why)
				if m.plant == "" {
					m.history(ctx, a)
				}
			}
		})
	}
	work.Wait()
	return lost
}

// login tells why an account counts as lost; "" if it does not. Only an answer of the server counts, and only twice.
func (m *matrix) login(ctx context.Context, a *account) (why string) {
	for range 3 {
		var s struct{ Secret string }
		err := m.api.do(ctx, http.MethodGet, "/api/v1/credentials/"+a.identifier+"/secret", nil, &s)
		in := false
		if err == nil {
			in, err = a.login(a.user, s.Secret)
		}
		switch {
		case err == nil && in:
			return ""
		case err != nil:
			why = err.Error()
		default:
			why = "the server refuses the value that the API hands out"
		}
		if m.plant != "" {
			break
		}
		_ = pause(ctx, 2*time.Second)
	}
	return why
}

// evidence keeps everything known about an operation.
func (m *matrix) evidence(ctx context.Context, what string, number uint64) {
	m.say("%s", what)
	var all json.RawMessage
	if err := m.api.do(ctx, http.MethodGet, fmt.Sprintf("/api/v1/operations/%d", number), nil, &all); err != nil {
		m.say("  %v", err)
		return
	}
	m.write(fmt.Sprintf("operation-%d.json", number), all)
}

// history keeps everything known about an account: its operations with their attempts, and when its server changed it.
func (m *matrix) history(ctx context.Context, a *account) {
	ops, err := m.api.list(ctx, "&credential="+a.identifier, 0)
	if err != nil {
		m.say("  %v", err)
		return
	}
	var full []json.RawMessage
	for _, o := range ops[:min(5, len(ops))] {
		var one json.RawMessage
		if err := m.api.do(ctx, http.MethodGet, fmt.Sprintf("/api/v1/operations/%d", o.Number), nil, &one); err == nil {
			full = append(full, one)
		}
	}
	type strike struct {
		At         time.Time
		Kind, Node string
		Led        bool
	}
	var strikes []strike
	for _, f := range m.struck {
		strikes = append(strikes, strike{f.at, f.kind, f.node, f.led})
	}
	b, err := json.MarshalIndent(map[string]any{"account": a.identifier, "user": a.user, "effects": m.targets.effects(a.user), "operations": full, "faults": strikes}, "", "  ")
	if err != nil {
		m.say("  %v", err)
		return
	}
	m.write("lost-"+a.identifier+".json", b)
}

func (m *matrix) write(name string, b []byte) {
	path := filepath.Join(m.dir, name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		m.say("  %v", err)
		return
	}
	m.say("  see %s", path)
}
