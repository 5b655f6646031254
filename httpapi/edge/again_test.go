package edge_test

import (
	"fmt"
	"strings"
	"testing"

	"cofre/fsm/model"
	"cofre/fsm/state"
)

// Playbooks put the same again with every run. That is told as no change (response.changed, contract/clients.md 1.3), and makes no
// versions of secrets, which would fill up.
func TestPutAgain(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	device := []string{"ip", "172.30.54.10", "hostname", "linux-001", "type", "Server", "vendor", "Red Hat", "model", "RHEL", "site", "AWS", "device_tags", "aws,linux", "connectivities", "SSH:22,HTTPS:443"}
	credential := []string{"ip", "172.30.54.10", "hostname", "linux-001", "type", "Local User", "username", "ansible", "identifier", "ansible-1", "content", "it's \"ü\"", "tags", "a,b", "additional", "by Ansible"}
	put := func(token, path, want string, pairs ...string) {
		t.Helper()
		if a := h.form(token, "POST", path, 201, pairs...); a.text("response.changed") != want {
			t.Errorf("%s: changed is %q, want %q", path, a.text("response.changed"), want)
		}
	}
	kept := func() (versions int, revision uint64) {
		v := h.fsm.View()
		defer v.Close()
		c, _ := state.Credentials.First(v, "identifier", "ansible-1")
		return len(c.Versions), c.Revision
	}
	put(admin, "/iso/pam/device", "true", device...)
	put(admin, "/iso/pam/device", "false", device...)
	put(admin, "/iso/pam/device", "true", append(device, "site", "GCP")...)
	put(admin, "/iso/pam/device", "false", append(device, "site", "GCP", "hostname", "LINUX-001")...) // the same host
	put(admin, "/iso/pam/credential", "true", credential...)
	put(admin, "/iso/pam/credential", "false", append(credential, "identifier", "", "hostname", "Linux-001")...)
	for range model.MaxVersions + 2 {
		put(admin, "/api/pam/credential", "false", credential...)
	}
	if n, revision := kept(); n != 1 || revision != 1 {
		t.Errorf("%d versions, revision %v", n, revision)
	}
	if a := h.json(admin, "GET", "/iso/pam/credential/ansible@LINUX-001", 200, ""); a.text("credential.hostname") != "linux-001" {
		t.Error(a.raw)
	}
	put(admin, "/iso/pam/credential", "true", append(credential, "tags", "a")...)
	put(admin, "/iso/pam/credential", "true", append(credential, "tags", "a", "content", "another")...)
	put(admin, "/iso/pam/credential", "false", append(credential, "tags", "a", "content", "another")...)
	put(admin, "/iso/pam/credential", "false", "identifier", "ansible-1", "username", "ansible")
	put(admin, "/iso/pam/credential", "true", credential...) // the first value, which was replaced meanwhile
	if n, _ := kept(); n != 3 {
		t.Errorf("%d versions", n)
	}
	// Who may not read the secret does not learn by putting that it had guessed it.
	blind := h.token(h.authorize(admin, "blind", `{"name":"w","modules":["PAM Core"],"write":true,"rights":["credential.write"],"filter":{"all":true}}`))
	put(blind, "/iso/pam/credential", "true", credential...)
	if n, _ := kept(); n != 4 {
		t.Errorf("%d versions", n)
	}
	// A key is the same one whatever its file looks like.
	key := `{"identifier":"deploy","hostname":"linux-001","username":"deploy","private_key":` + privateKey + `}`
	for i, want := range []string{"true", "false"} {
		if a := h.json(admin, "POST", "/iso/pam/key", 201, key); a.text("response.changed") != want {
			t.Errorf("%d: %s", i, a.raw)
		}
	}
	// A text that is kept secret makes no versions either, and who may not read it does not learn it.
	note := []string{"identifier", "licence", "name", "Licence", "content", "k-1", "tags", "a"}
	put(admin, "/iso/pam/info", "true", note...)
	put(admin, "/api/pam/info", "false", note...)
	put(admin, "/iso/pam/info", "true", append(note, "tags", "b")...)
	put(blind, "/iso/pam/info", "true", note...)
	put(admin, "/iso/pam/info", "false", note...)
	put(admin, "/iso/pam/info", "true", append(note, "content", "k-2")...)
	if a := h.json(admin, "GET", "/iso/pam/info/licence", 200, ""); a.text("info.version") != "3" {
		t.Error(a.raw)
	}
	// A value for a managed credential is refused, the right one too.
	h.json(admin, "POST", "/api/v1/templates", 200, `{"name":"change","executor":"ssh","content":"exec \"x\" [#NEW_PASSWORD#]"}`)
	h.json(admin, "PUT", "/api/v1/credentials/ansible-1", 200, `{"execution":{"template":"change","automatic":true}}`)
	if a := h.form(admin, "POST", "/iso/pam/credential", 400, credential...); !strings.Contains(a.raw, "managed credential") || strings.Contains(a.raw, "changed\"") {
		t.Error(a.raw)
	}
	put(admin, "/iso/pam/credential", "false", "identifier", "ansible-1", "username", "ansible")
	if a := h.json(admin, "GET", "/api/v1/audit?kind=credential.put&limit=1000", 200, ""); strings.Count(a.raw, `"unchanged"`) != model.MaxVersions+2+5 {
		t.Error(fmt.Sprint(strings.Count(a.raw, `"unchanged"`)))
	}
}
