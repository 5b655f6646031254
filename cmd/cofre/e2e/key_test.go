package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"cofre/executors/executortest/target"
)

// TestKeyOfARealServer: Cofre makes a key, somebody puts its public half on the server once, and from then on Cofre changes it: the
// new one logs in, the old one does not any more.
func TestKeyOfARealServer(t *testing.T) {
	t.Parallel()
	c := Start(t)
	root, err := os.MkdirTemp("", "cofre-keys-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	sshd := target.SSHD(t, "AuthorizedKeysFile "+root+"/%u/authorized_keys")
	user, _ := sshd.AddUser(t)
	sshDevice(c, "linux", sshd)
	c.Must(http.MethodPost, "/api/v1/templates", map[string]any{"name": "keys", "executor": "ssh-key", "content": `authorized-keys "` + root + `/[#USERNAME#]/authorized_keys"`}, nil)
	var made struct {
		Key struct {
			Public string `json:"public_key"`
		} `json:"key"`
	}
	c.Must(http.MethodPost, "/api/v1/credentials", map[string]any{"identifier": "deploy", "hostname": "linux", "username": user,
		"key": map[string]any{"generate": true}, "execution": map[string]any{"template": "keys"}}, &made)
	home := filepath.Join(root, user)
	if err := os.Mkdir(home, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "authorized_keys"), []byte(made.Key.Public+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("chown", "-R", user, home).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	old := c.Secret("deploy")
	opens := func(private string) bool {
		in, err := sshd.LoginKey(user, private)
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	if !opens(old) {
		t.Fatal("the key that Cofre made does not log in")
	}
	var rotated struct {
		Operation struct {
			ID string `json:"id"`
		} `json:"operation"`
	}
	c.Must(http.MethodPost, "/api/pam/sshkey/deploy/rotate", nil, &rotated)
	number, err := strconv.ParseUint(rotated.Operation.ID, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if o := c.Await(number); o.State != "succeeded" {
		t.Fatalf("the operation ended as %s: %s", o.State, o.Message)
	}
	if fresh := c.Secret("deploy"); fresh == old || !opens(fresh) || opens(old) {
		t.Error("the new key does not log in, or the old one still does")
	}
}
