package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cofre/cmd/cofre/daemon"
	"cofre/cmd/cofre/operator"
	"cofre/fsm/model"
	"cofre/vault/access"
	"cofre/vault/keyring"
	"cofre/vault/secret"
)

// TestRotateTerm: every value, old versions included, goes under the new term while the cluster works and its leader is
// killed in the middle; then the old term opens nothing, and it opened everything before.
func TestRotateTerm(t *testing.T) {
	t.Parallel()
	c := startSeveral(t, 3, "reencrypt_rate: 25\n")
	want := c.fill(100)
	c.returns(c.client(filepath.Join(c.nodes[0].path("init"), "ca.pem"), c.nodes[2]), want) // it has caught up
	c.nodes[2].stop()
	before := steal(t, copyOf(t, c.nodes[2]))
	old := before.ring()
	if opened, all := before.opens(old); opened != all || all != 103 {
		t.Fatalf("the control: the old term opens %d of %d values", opened, all)
	}
	c.nodes[2].start()
	c.healthy(3)

	if out := c.nodes[1].must("", "rotate", "term"); !strings.Contains(out, "Key term 2") {
		t.Errorf("rotate: %s", out)
	}
	var seen []int
	c.keys("the half is encrypted again", func(k daemon.KeyStatus) bool {
		seen = append(seen, k.Pending)
		return k.Term == 2 && k.Older == 1 && k.Pending > 0 && k.Pending <= 60
	})
	c.put("meanwhile", "written-during-the-rotation")
	want["meanwhile"] = "written-during-the-rotation"
	dead := c.leader()
	dead.kill()
	if s, err := c.status(); err != nil || s.Keys.Older != 1 {
		t.Errorf("the leader was killed too late: %+v, %v", s.Keys, err)
	}
	c.returns(c.api, want) // in the middle
	c.keys("the old term is destroyed", func(k daemon.KeyStatus) bool { seen = append(seen, k.Pending); return k.Older == 0 && k.Pending == 0 })
	slices.Reverse(seen)
	if !slices.IsSorted(seen) {
		t.Errorf("the rows that are left to do grew: %v", seen)
	}
	dead.start()
	c.healthy(3)
	for _, s := range c.nodes {
		c.returns(c.client(filepath.Join(c.nodes[0].path("init"), "ca.pem"), s), want)
	}

	c.nodes[2].stop()
	after := steal(t, copyOf(t, c.nodes[2]))
	if opened, all := after.opens(old); opened != 0 || all != 104 {
		t.Errorf("the destroyed term opens %d of %d values", opened, all)
	}
	if opened, all := after.opens(after.ring()); opened != all {
		t.Errorf("the new term opens %d of %d values", opened, all)
	}
}

// TestRotateRoot: a node that was away for two rotations takes the newest root key by itself; the old root key opens
// nothing any more, and did before.
func TestRotateRoot(t *testing.T) {
	t.Parallel()
	c := startSeveral(t, 3, "")
	want := c.fill(3)
	away := c.nodes[2]
	away.stop()
	before := steal(t, copyOf(t, away))
	if err := keyring.Check(before.row, before.root); err != nil {
		t.Fatalf("the control: the kept root key does not open the ring: %v", err)
	}
	for i := range 2 {
		c.nodes[i].must("", "rotate", "root")
		c.keys("the others hold the new root key", func(k daemon.KeyStatus) bool {
			return k.Root == uint32(i+2) && slices.Equal(k.Waiting, []string{"n3"})
		})
	}
	c.nodes[0].must("", "rotate", "term")
	if out := c.nodes[0].must("", "status"); !strings.Contains(out, "not taken the newest root key yet") || !strings.Contains(out, "n3") {
		t.Errorf("status does not name the node that waits:\n%s", out)
	}
	away.start()
	c.healthy(3)
	c.keys("every node holds the newest root key", func(k daemon.KeyStatus) bool { return k.Root == 3 && len(k.Waiting) == 0 })
	c.returns(c.client(filepath.Join(c.nodes[0].path("init"), "ca.pem"), away), want)

	for _, s := range c.nodes { // the whole cluster off
		s.stop()
	}
	after := steal(t, copyOf(t, away))
	if err := keyring.Check(after.row, before.root); !errors.Is(err, keyring.ErrWrongRoot) {
		t.Errorf("the old root key opens the ring: %v", err)
	}
	if err := keyring.Check(after.row, after.root); err != nil {
		t.Errorf("the root key that the node keeps is not the newest: %v", err)
	}
	for _, s := range c.nodes {
		s.start()
	}
	c.healthy(3)
	c.returns(c.api, want)
}

// TestRekeyRecovery: new recovery shares open the vault when every seal is lost, and the old ones do not; before they are
// confirmed it is the other way round.
func TestRekeyRecovery(t *testing.T) {
	t.Parallel()
	c := startSeveral(t, 1, "")
	want := c.fill(2)
	s := c.nodes[0]
	lose := func() {
		s.stop()
		for _, f := range []string{filepath.Join(s.path("data"), "root.sealed"), filepath.Join(s.path("keys"), "seal.key")} {
			if err := os.Remove(f); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
		}
		s.start()
		Eventually(t, 20*time.Second, "the node leads, sealed", func() error {
			st, err := s.status()
			if err == nil && (st.Leader == "" || !st.Sealed) {
				err = errors.New("not yet")
			}
			return err
		})
	}
	var drafted struct{ Shares []string }
	out := s.must("", "recover", "rekey", "--help")
	if !strings.Contains(out, "--recovery-out") {
		t.Error(out)
	}
	// Shares that were made and never typed back are worth nothing.
	args := map[string]any{"kind": "recovery", "shares": 5, "threshold": 3}
	if err := operator.NewClient(s.path("s")).Post(t.Context(), "/shares", args, &drafted); err != nil || len(drafted.Shares) != 5 {
		t.Fatalf("%d shares, %v", len(drafted.Shares), err)
	}
	lose()
	s.fails("do not open", strings.Join(drafted.Shares[:3], "\n"), "recover", "unseal")
	s.must(s.shares("recovery", 1, 2, 3), "recover", "unseal")
	c.returns(c.api, want)

	s.must("", "recover", "rekey", "--recovery-out", s.path("new"))
	s.fails("may be a share in force", "", "recover", "rekey", "--recovery-out", s.path("new"))
	lose()
	s.fails("do not open", s.shares("recovery", 1, 2, 3), "recover", "unseal")
	if err := os.Rename(s.path("init"), s.path("old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(s.path("new"), s.path("init")); err != nil {
		t.Fatal(err)
	}
	s.must(s.shares("recovery", 2, 4, 5), "recover", "unseal")
	c.returns(c.api, want)
}

// TestEject: the disk of n5 is stolen while n4 is off. n4 comes back and takes the new keys; the thief, who has all that
// n5 had and even the newest state, opens nothing new, and what he could read is listed until it is changed.
func TestEject(t *testing.T) {
	t.Parallel()
	c := startSeveral(t, 5, "")
	want := c.fill(3)
	token, err := c.api.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if code := whoami(t, c.nodes[0], pool(t, filepath.Join(c.nodes[0].path("init"), "ca.pem")), token); code != http.StatusOK {
		t.Fatalf("the control: the old token is answered %d", code)
	}
	lost, away := c.nodes[4], c.nodes[3]
	lost.stop()
	robbed := steal(t, copyOf(t, lost))
	old := robbed.ring()
	if opened, all := robbed.opens(old); opened != all || all == 0 {
		t.Fatalf("the control: the thief opens %d of %d values", opened, all)
	}
	away.kill()

	ca := c.nodes[0].path("new-ca.pem")
	out := c.nodes[0].must("", "cluster", "remove", "n5", "--compromised", "--ca-out", ca)
	if !strings.Contains(out, "3 credentials") || !strings.Contains(out, "account-2") || !strings.Contains(out, "xargs") {
		t.Errorf("remove --compromised:\n%s", out)
	}
	c.connect(ca)
	c.returns(c.api, want)
	both := pool(t, filepath.Join(c.nodes[0].path("init"), "ca.pem"), ca)
	for _, s := range c.nodes[:3] {
		Eventually(t, 20*time.Second, "a token of before is refused", func() error {
			if code := whoami(t, s, both, token); code != http.StatusUnauthorized {
				return fmt.Errorf("answered %d", code)
			}
			return nil
		})
	}
	away.start()
	c.healthy(4)
	c.keys("n4 took the new keys, and the old term is gone", func(k daemon.KeyStatus) bool {
		return k.Root == 2 && k.Term == 2 && len(k.Waiting) == 0 && k.Older == 0
	})
	c.returns(c.client(ca, away), want)
	c.change("account-1", "changed-after-the-theft")
	want["account-1"] = "changed-after-the-theft"
	if out := c.nodes[1].must("", "cluster", "exposed", "n5"); strings.Contains(out, "account-1") || !strings.Contains(out, "account-2") {
		t.Errorf("exposed:\n%s", out)
	}

	away.stop()
	now := steal(t, copyOf(t, away))
	if bytes.Equal(now.id.Gossip[0], robbed.id.Gossip[0]) || bytes.Equal(now.id.CA[0], robbed.id.CA[0]) {
		t.Error("n4 came back with the gossip key or the CA that the thief has")
	}
	private := secret.New(robbed.id.HPKE)
	me := keyring.Member{ID: "n5", Key: model.Fingerprint(robbed.id.PublicKey())}
	if _, err := keyring.TakeRoot(now.row, robbed.root, me, private); !errors.Is(err, keyring.ErrWrongRoot) {
		t.Errorf("the thief takes the new root key: %v", err)
	}
	if opened, all := now.opens(old); opened != 0 || all == 0 {
		t.Errorf("the thief opens %d of %d values of the newest state", opened, all)
	}
	for _, name := range []string{access.KeyToken, access.KeyAudit, access.KeyCA} {
		before, _ := old.Key(robbed.row, name)
		if before.Private.Len() == 0 {
			t.Fatalf("the control: the thief does not hold the old %s key", name)
		}
		if _, err := old.Key(now.row, name); err == nil {
			t.Errorf("the thief opens the new %s key", name)
		}
	}
	away.start()
	// The thief starts the node: its former peers do not talk to it.
	lost.start()
	Eventually(t, 30*time.Second, "the lost node finds out that it is alone", func() error {
		if b, _ := os.ReadFile(c.nodes[0].path("log")); !strings.Contains(string(b), "not a member") {
			return errors.New("nobody refused it yet")
		}
		return nil
	})
	if st, err := lost.status(); err == nil && st.Leader != "" {
		t.Errorf("the lost node follows leader %s", st.Leader)
	}
	c.returns(c.api, want)
}

// TestEjectShamir: after an eject people have new shares; the old ones open no node.
func TestEjectShamir(t *testing.T) {
	t.Parallel()
	c := startSeveral(t, 3, "seal: shamir\n")
	want := c.fill(2)
	first, second, lost := c.nodes[0], c.nodes[1], c.nodes[2]
	second.stop()
	second.start() // the control: the old shares open it now
	second.must(first.shares("unseal", 1, 2, 3), "unseal", "--shares")
	c.healthy(3)
	lost.kill()
	first.must("", "rotate", "root") // shares stay good through it
	first.fails("write the shares", "", "cluster", "remove", "n3", "--compromised", "--shares-out", "/dev/null/x")
	ca := first.path("new-ca.pem")
	first.must("", "cluster", "remove", "n3", "--compromised", "--shares-out", first.path("new"), "--ca-out", ca)
	c.connect(ca)
	c.returns(c.api, want)
	second.stop()
	second.start()
	second.fails("do not open", first.shares("unseal", 1, 2, 3), "unseal", "--shares")
	if err := os.Rename(first.path("init"), first.path("old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(first.path("new"), first.path("init")); err != nil {
		t.Fatal(err)
	}
	second.must(first.shares("unseal", 2, 3, 5), "unseal", "--shares")
	c.healthy(2)
	if err := os.Rename(first.path("init"), first.path("new")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(first.path("old"), first.path("init")); err != nil {
		t.Fatal(err)
	}
	c.returns(c.client(ca, second), want)
}
