package ssh_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"net"
	"strings"
	"testing"

	xssh "golang.org/x/crypto/ssh"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/ssh"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// TestUnpinnedIsNotDialed: a device without a pinned key, or with one that nobody can read, is not even asked for one.
func TestUnpinnedIsNotDialed(t *testing.T) {
	t.Parallel()
	for what, pins := range map[string][]model.HostKey{"cofre device trust": nil, "cannot be read": {{Line: "ssh-ed25519 nonsense"}}} {
		s := session(model.Endpoint{Address: "127.0.0.1", Port: 1, HostKeys: pins})
		s.Dial = func(context.Context, string, string) (net.Conn, error) {
			t.Error("the device was dialed")
			return nil, net.ErrClosed
		}
		if ok, err := ssh.New().Verify(t.Context(), s, secret.New([]byte(oldPassword))); ok || executortest.ClassOf(err) != executors.ClassHostKey || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, %v", ok, err)
		}
	}
}

// TestHostKeySignedBySHA1: a signature that can be forged proves no host key, unless the device is listed as one that can do no better.
func TestHostKeySignedBySHA1(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	all, ok := signer(t, key).(xssh.AlgorithmSigner)
	if !ok {
		t.Fatal("no choice of signatures")
	}
	old, err := xssh.NewSignerWithAlgorithms(all, []string{xssh.KeyAlgoRSA})
	if err != nil {
		t.Fatal(err)
	}
	e := fake{cfg: byPassword(), keys: []xssh.Signer{old}}.serve(t)
	if ok, err := ssh.New().Verify(t.Context(), session(e), secret.New([]byte(oldPassword))); ok || executortest.ClassOf(err) != executors.ClassHostKey {
		t.Errorf("%v, %v", ok, err)
	}
	e.Protocol = ssh.Weak
	if ok, err := ssh.New().Verify(t.Context(), session(e), secret.New([]byte(oldPassword))); !ok || err != nil {
		t.Errorf("as %s: %v, %v", ssh.Weak, ok, err)
	}
}
