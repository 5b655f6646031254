package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

const (
	readers = 6  // clients of the load
	vaulted = 10 // credentials that they read
	between = 40 // requests answered between two kills
	condemn = 6  // kills until a mistake must show
)

// audit kills the leader under a load of secret reads and writes while rsyslogd receives, then demands that the set of
// events received is the set in the chain. Its code is 1 if one is missing, or if one was received that the chain lacks.
func audit(ctx context.Context, o options) (code int, err error) {
	m := newMatrix(o)
	defer func() { err = errors.Join(err, m.close()) }()
	if o.plant != "" {
		m.kills = condemn
	}
	if err := m.setupAudit(ctx); err != nil {
		return 2, err
	}
	began := time.Now()
	w := &watchers{api: m.api}
	w.start(ctx)
	for n := 1; n <= m.kills && err == nil; n++ {
		if err = m.behead(ctx, w); err == nil && n%20 == 0 {
			m.say("%d leaders killed, %d requests answered", n, w.done.Load())
		}
	}
	w.stop()
	if err != nil {
		return 2, err
	}
	m.say("%d leaders killed in %s, %d requests answered", m.kills, time.Since(began).Round(time.Second), w.done.Load())
	if err := m.healthy(ctx); err != nil {
		return 2, err
	}
	return m.compare(ctx)
}

func (m *matrix) setupAudit(ctx context.Context) (err error) {
	if m.net, err = newNetwork(); err != nil {
		return err
	}
	if m.receiver, err = startReceiver(ctx, filepath.Join(m.dir, "rsyslog"), m.net.host); err == nil {
		err = m.receiver.config()
	}
	if err != nil {
		return err
	}
	if err := errors.Join(m.startNodes(ctx), ctx.Err()); err != nil {
		return err
	}
	if err := m.found(ctx); err != nil {
		return err
	}
	m.say("three nodes vote and send their events to rsyslogd at %s over TLS", m.receiver.addr)
	if err := m.api.do(ctx, http.MethodPost, "/api/v1/devices", map[string]any{"hostname": "audited", "ip": "192.0.2.1"}, nil); err != nil {
		return err
	}
	for i := range vaulted {
		if err := m.api.do(ctx, http.MethodPost, "/api/v1/credentials", vaultedCredential(fmt.Sprintf("vaulted-%d", i)), nil); err != nil {
			return err
		}
	}
	return nil
}

func vaultedCredential(name string) map[string]any {
	return map[string]any{"identifier": name, "hostname": "audited", "username": name, "secret": "only a sample, of no account"}
}

// behead kills whoever leads, a moment later lets him come back, and waits until the load goes on.
func (m *matrix) behead(ctx context.Context, w *watchers) error {
	var victim *node
	err := until(ctx, 30*time.Second, "somebody leads", func() error {
		if victim = m.find(m.leader(ctx, nil), nil); victim == nil {
			return errors.New("nobody does")
		}
		s, err := victim.status(ctx)
		if err == nil && s.Leader != victim.id {
			err = fmt.Errorf("%s does not say so", victim.id)
		}
		return err
	})
	if err != nil {
		return err
	}
	_ = pause(ctx, m.between(0, 300*time.Millisecond))
	if err := victim.kill(); err != nil {
		return err
	}
	before := w.done.Load()
	_ = pause(ctx, m.between(50*time.Millisecond, 800*time.Millisecond))
	if err := victim.revive(ctx); err != nil {
		return err
	}
	return until(ctx, patience, "the load goes on", func() error {
		if n := w.done.Load() - before; n < between {
			return fmt.Errorf("%d requests answered", n)
		}
		return ctx.Err()
	})
}

// watchers read secrets, and now and then make a credential: each leaves an event on the node that was asked.
type watchers struct {
	api    *api
	cancel context.CancelFunc
	work   sync.WaitGroup
	done   atomic.Int64
	made   atomic.Int64
}

func (w *watchers) start(ctx context.Context) {
	ctx, w.cancel = context.WithCancel(ctx)
	for range readers {
		w.work.Go(func() {
			for ctx.Err() == nil {
				if w.once(ctx) == nil {
					w.done.Add(1)
				}
				_ = pause(ctx, 5*time.Millisecond) // leaves some of the machine to elections
			}
		})
	}
}

func (w *watchers) once(ctx context.Context) error {
	node := w.api.nodes[rand.IntN(len(w.api.nodes))]
	if rand.IntN(10) == 0 {
		return node.Do(ctx, http.MethodPost, "/api/v1/credentials", vaultedCredential(fmt.Sprintf("made-%d", w.made.Add(1))), nil)
	}
	return node.Do(ctx, http.MethodGet, fmt.Sprintf("/api/v1/credentials/vaulted-%d/secret", rand.IntN(vaulted)), nil, nil)
}

func (w *watchers) stop() {
	w.cancel()
	w.work.Wait()
}

// compare exports the trail, has it verified, and waits a minute for what is still on its way.
func (m *matrix) compare(ctx context.Context) (code int, err error) {
	chain, err := m.export(ctx)
	if err != nil {
		return 2, err
	}
	var got map[event]bool
	var twins, missing int
	wait := time.Minute
	if m.plant != "" {
		wait = 10 * time.Second // what is lost does not come
	}
	_ = until(ctx, wait, "everything arrived", func() error {
		if got, twins, err = m.receiver.events(); err != nil {
			return err
		}
		if missing = absent(chain, got); missing > 0 {
			_ = pause(ctx, time.Second) // a large file is read again
			return fmt.Errorf("%d are missing", missing)
		}
		return nil
	})
	if err != nil {
		return 2, err
	}
	alien := 0
	last := uint64(len(chain))
	for e := range got {
		if e.seq <= last && !chain[e] {
			alien++
		}
	}
	for e := range chain {
		if !got[e] && missing < 20 {
			m.say("MISSING event %d of %s", e.seq, e.node)
		}
	}
	fmt.Printf("missing %d and foreign %d of %d events after %d leader kills; %d came twice\n", missing, alien, len(chain), m.kills, twins)
	if missing > 0 || alien > 0 {
		return 1, nil
	}
	return 0, nil
}

func absent(chain, got map[event]bool) (n int) {
	for e := range chain {
		if !got[e] {
			n++
		}
	}
	return n
}

// export takes the trail as an auditor would: with the command line, which verifies it too.
func (m *matrix) export(ctx context.Context) (map[event]bool, error) {
	file := filepath.Join(m.dir, "trail.jsonl")
	for _, args := range [][]string{{"audit", "export", file}, {"audit", "verify", file}} {
		cmd := exec.CommandContext(ctx, m.nodes[0].binary, args...)
		cmd.Env = append(os.Environ(), m.connect...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("cofre %s: %w: %s", args[1], err, out)
		}
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	chain := map[event]bool{}
	in := bufio.NewScanner(f)
	in.Buffer(nil, 4<<20)
	for in.Scan() {
		var e struct {
			Seq        uint64
			Hash, Node string
		}
		if err := json.Unmarshal(in.Bytes(), &e); err != nil {
			return nil, err
		}
		if e.Seq == 0 {
			continue // the header, or the signed end
		}
		if e.Node == "" {
			return nil, fmt.Errorf("event %d names no node: nobody sends it", e.Seq)
		}
		chain[event{e.Seq, e.Hash, e.Node}] = true
	}
	return chain, in.Err()
}
