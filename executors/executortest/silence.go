package executortest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cofre/executors"
	"cofre/fsm/model"
)

// patience is what a session sets as its time-outs here; enough means that an attempt did not wait for much more than that.
const (
	patience = 2 * time.Second
	enough   = 30 * time.Second
)

// silence lets the target say nothing more after some write, and nobody cancels: the session's own time-outs end the attempt.
func (k Kit) silence(t *testing.T) {
	t.Parallel()
	acc, writes := k.probe(t)
	k.Connect, k.Read = patience, patience
	at := []int{1, writes / 2}
	for n := max(1, writes-5); n <= writes; n++ { // the last ones are the change and the farewell
		at = append(at, n)
	}
	slices.Sort(at)
	var wg sync.WaitGroup
	for _, at := range slices.Compact(at) {
		wg.Go(func() {
			acc, fresh, began := k.Account(t), Fresh(), time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), enough)
			defer cancel()
			a := k.change(ctx, t, acc, fresh, &wire{mode: stall, at: at, stalled: func() {}}, nil)
			if ctx.Err() != nil || a.outcome != executors.Applied && !silent(a.err) {
				t.Errorf("silent after write %d: %s, %v after %s", at, a.outcome, a.err, time.Since(began).Round(time.Second))
			}
			k.inForce(t, fmt.Sprintf("silent after write %d", at), a, acc, fresh)
		})
	}
	wg.Wait()
	if v, ok := k.verifier(t); ok {
		ctx, cancel := context.WithTimeout(t.Context(), enough)
		defer cancel()
		in, err := v.Verify(ctx, k.session(acc, "", &wire{mode: stall, at: 1, stalled: func() {}}), value(acc.Password))
		if in || !silent(err) || ctx.Err() != nil {
			t.Errorf("verify at a silent target: %t, %v", in, err)
		}
	}
}

// silent tells whether an error says that the target did not answer; in the TLS handshake its class is that of TLS.
func silent(err error) bool {
	return ClassOf(err) == executors.ClassTimeout || ClassOf(err) == executors.ClassTLS && strings.Contains(err.Error(), "no answer")
}

// impostor lets the device expect another certificate or host key than the target shows, or puts a target there that lets everybody in:
// nothing is sent, and nothing called right or wrong. The device's opt-out lets certificates pass, and nothing else.
func (k Kit) impostor(t *testing.T) {
	t.Parallel()
	own, class := k.Target, executors.ClassTLS
	strange := map[string]model.Endpoint{}
	with := func(name string, change func(*model.Endpoint)) {
		e := own
		change(&e)
		strange[name] = e
	}
	switch {
	case own.CA != "":
		with("an unknown authority", func(e *model.Endpoint) { e.CA = "" })
		with("another name", func(e *model.Endpoint) { e.Hostname = "other.example" })
	case len(own.HostKeys) > 0:
		class = executors.ClassHostKey
		with("no host key is pinned", func(e *model.Endpoint) { e.HostKeys = nil })
		with("another host key", func(e *model.Endpoint) {
			e.HostKeys = []model.HostKey{{Fingerprint: "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"}}
		})
		with("no host key is pinned, and certificates are not verified", func(e *model.Endpoint) { e.HostKeys, e.InsecureTLS = nil, true })
	case own.InsecureTLS:
		with("clear text was not meant", func(e *model.Endpoint) { e.InsecureTLS = false })
	case k.Impostor != nil:
		class = executors.ClassProtocol
		with("a server that lets everybody in", func(e *model.Endpoint) { *e = *k.Impostor })
	default:
		t.Fatal("the kit says nothing of how this target proves that it is the one that is meant")
	}
	acc := k.Account(t)
	for name, e := range strange {
		k := k
		k.Target = e
		fresh := Fresh()
		a := k.change(t.Context(), t, acc, fresh, &wire{}, nil)
		if a.outcome != executors.NotStarted || ClassOf(a.err) != class {
			t.Errorf("%s: %s, %v", name, a.outcome, a.err)
		}
		k.inForce(t, name, a, acc, fresh)
		if v, ok := k.verifier(t); ok {
			if in, err := v.Verify(t.Context(), k.session(acc, "", &wire{}), value(acc.Password)); in || ClassOf(err) != class {
				t.Errorf("verify, %s: %t, %v", name, in, err)
			}
		}
	}
	if own.CA != "" {
		k.Target.CA, k.Target.InsecureTLS = "", true
		if a := k.change(t.Context(), t, acc, Fresh(), &wire{}, nil); a.outcome != executors.Applied {
			t.Errorf("with the opt-out: %s, %v", a.outcome, a.err)
		}
	}
}
