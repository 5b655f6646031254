package daemon

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"cofre/cmd/cofre/config"
	"cofre/fsm/model"
	"cofre/vault/keyring"
)

// TestCutOffBeforeRaft: a process that was killed while it founded a cluster, after its identity was written and before raft knew
// of it, comes back and says what to do. From its first start on it does not start without its log: that would be a node under
// the same name that has forgotten for whom it voted and what it confirmed.
func TestCutOffBeforeRaft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := config.Config{
		Node: "n1", DataDir: filepath.Join(dir, "data"), KeyDir: filepath.Join(dir, "keys"), Seal: "keyfile", Dev: true, Slots: 1, Timing: 1, ReencryptRate: 100,
		Peer: config.Listen{Listen: "127.0.0.1:0", Advertise: "127.0.0.1:1"}, API: config.API{Listen: "127.0.0.1:0", Advertise: "127.0.0.1:2"},
		Gossip: config.Listen{Listen: "127.0.0.1:0", Advertise: "127.0.0.1:3"},
	}
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	run := func(use func(*Daemon)) error {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		group, ctx := errgroup.WithContext(ctx)
		d := &Daemon{config: c, version: "test", log: log, group: group, ctx: ctx, leave: newLeaving(ctx)}
		err := d.resume()
		if err == nil {
			use(d)
		}
		cancel()
		if end := group.Wait(); end != nil && !errors.Is(end, context.Canceled) {
			t.Error(end)
		}
		if d.member != nil {
			err = errors.Join(err, d.member.close())
		}
		return err
	}
	if err := run(func(d *Daemon) { // founding, up to the identity
		key, err := d.makeKeys()
		if err != nil {
			t.Fatal(err)
		}
		now := model.TimeOf(time.Now())
		row, ring, err := keyring.Create("c1", true, now)
		if err != nil {
			t.Fatal(err)
		}
		defer ring.Close()
		if err := newCA(ring, &row, now); err != nil {
			t.Fatal(err)
		}
		id, err := d.firstIdentity(row, ring, &founded{Cluster: "c1"})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.saveIdentity(id, key); err != nil {
			t.Fatal(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	const began = "founding a cluster began here"
	for range 2 { // its own data are no obstacle
		if err := run(func(d *Daemon) {
			if s := d.status(t.Context()); !strings.Contains(s.Headline, began) {
				t.Errorf("its status does not say what to do: %s", s.Headline)
			}
			if _, err := d.found(t.Context(), foundArgs{}); err == nil || !strings.Contains(err.Error(), began) {
				t.Errorf("founding again: %v", err)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"raft", "state"} {
		if err := os.RemoveAll(filepath.Join(c.DataDir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(func(*Daemon) {}); err == nil || !strings.Contains(err.Error(), filepath.Join("raft", "log")+" is gone") || !strings.Contains(err.Error(), "cofre cluster remove n1") {
		t.Errorf("it starts without its log: %v", err)
	}
}
