package runner_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	host "cofre/executors/executortest/target"
	"cofre/executors/ssh"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/vault/secret"
	"cofre/vault/sshkey"
)

// TestKeyRotation changes a key that opens three real servers, the second by its pattern of host names, the third because it is listed, with nothing but that key: one
// after the other, in the order of their numbers. When the second one cannot be reached, nothing is taken away at the first, and the third is not touched.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	root, err := os.MkdirTemp("", "cofre-rotate-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	private, public, err := sshkey.Generate("ed25519")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"first", "second", "third"}
	servers := map[string]*host.SSH{}
	user := ""
	for _, name := range names { // one account of this machine, three servers with lists of their own
		dir := filepath.Join(root, name)
		servers[name] = host.SSHD(t, "AuthorizedKeysFile "+dir+"/authorized_keys")
		if user == "" {
			user, _ = servers[name].AddUser(t)
		}
		for _, err := range []error{os.Chmod(root, 0o755), os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "authorized_keys"), []byte(public), 0o600), exec.Command("chown", "-R", user, dir).Run()} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	accepts := func(server, key string) bool {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(root, server, "authorized_keys"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(b), key)
	}
	h := openFrom(t, keyScript(t, root, user, public, private, names, servers))
	h.start(ssh.Key())

	id, _ := h.grant()
	h.await(id, "all servers answer", func(o *model.Operation) bool { return o.State == model.OpSucceeded })
	now := h.credential().ByRole(model.RoleCurrent)
	if now.N != 2 || now.Public == public || !strings.HasPrefix(string(now.Secret.Box), "-----BEGIN") || h.operation(id).Message != "" {
		t.Fatalf("version %d, %s: %s", now.N, now.Public, h.operation(id).Message)
	}
	for _, name := range names {
		if accepts(name, public) || !accepts(name, now.Public) {
			t.Errorf("%s accepts the old key %t, the new key %t", name, accepts(name, public), accepts(name, now.Public))
		}
	}

	if got := h.proven(id); !slices.Equal(got, names) {
		t.Errorf("the new key was proven at %q", got)
	}

	if err := servers["second"].Stop(); err != nil {
		t.Fatal(err)
	}
	id, _ = h.grant()
	h.await(id, "one server is down", func(o *model.Operation) bool { return o.Attempt == 1 && o.Lease == nil || o.State.Final() })
	c := h.credential()
	if c.ByRole(model.RoleCurrent).N != 2 || !accepts("first", now.Public) || !accepts("second", now.Public) || !accepts("third", now.Public) || !strings.Contains(h.operation(id).Message, "second") {
		t.Errorf("current %d: %s", c.ByRole(model.RoleCurrent).N, h.operation(id).Message)
	}
	if got := h.proven(id); !slices.Equal(got, names[:1]) {
		t.Errorf("with the second down, the new key was proven at %q", got)
	}
}

// proven lists where an operation proved a new key, in this order.
func (h *house) proven(id model.OperationID) (at []string) {
	h.t.Helper()
	v := h.m.View()
	defer v.Close()
	for a := range state.Attempts.All(v, string(id)+"/") {
		if a.Operation != id {
			break
		}
		for _, s := range a.Steps {
			if where, ok := strings.CutPrefix(s.Text, "login with the new key alone succeeded at "); ok {
				at = append(at, where)
			}
		}
	}
	return at
}

// keyScript is the state with one key that opens all servers.
func keyScript(t *testing.T, root, user, public string, private secret.Value, names []string, servers map[string]*host.SSH) string {
	t.Helper()
	base, err := os.ReadFile("testdata/setup.txt")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	head, _, _ := strings.Cut(string(base), "device.put")
	fmt.Fprintf(&b, "%stemplate.put actor=client:admin capture=tpl:id\n{\"name\": \"key\", \"executor\": \"ssh-key\", \"kind\": \"Change password\", \"content\": %q}\n\n", head, `authorized-keys "`+root+`/[#HOSTNAME#]/authorized_keys"`)
	for _, name := range names {
		fmt.Fprintf(&b, "device.put actor=client:admin capture=%[1]s:device.id\n{\"device\": {\"id\": \"\", \"number\": 0, \"hostname\": %[1]q, \"ip\": \"127.0.0.1\", \"connectivities\": [{\"protocol\": \"ssh\", \"port\": %[2]d}], \"enabled\": false, \"created_at\": 0, \"revision\": 0}}\n\n"+
			"device.trust actor=client:admin\n{\"id\": \"$%[1]s\", \"keys\": [{\"fingerprint\": %[4]q, \"key\": %[3]q, \"at\": 0}]}\n\n",
			name, servers[name].Port(), servers[name].HostKeyLines()[0], servers[name].Fingerprint())
	}
	_ = private.Reveal(func(p []byte) error {
		fmt.Fprintf(&b, "credential.put actor=client:admin\n{\"identifier\": \"c\", \"device\": \"$%s\", \"username\": %q, \"key\": {\"devices\": [\"$%s\"], \"pattern\": \"%s*\"}, \"execution\": {\"change_template\": \"$tpl\"}, \"secret\": {\"row\": \"r1\", \"secret\": {\"t\": 1, \"b\": \"hex:%s\"}, \"public\": %q}}\n",
			names[0], user, names[2], names[1][:3], hex.EncodeToString(p), public)
		return nil
	})
	file := filepath.Join(t.TempDir(), "key.txt")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
