package api

import (
	"strings"
	"testing"
)

const copies = `
kind: manifest
name: copies
---
kind: secret-automation
name: push
triggers: [When a secret is created, secret.updated]
applications: [shop]
secrets: ["1"]
executor: ssh
template: Push
devices: [{credential: door}, {credential: root@web1, hostname: WEB1}]
---
kind: template
name: Push
executor: ssh
execution_type: Secret Management Automation
content: |
  exec "store"
  exec [#API_KEY#]
  end
---
{kind: application, name: shop}
---
{kind: credential, name: door, hostname: web2, username: deploy}
---
{kind: device, name: web2, ip: 192.0.2.2}
`

// Automations of secrets, with what they need; the file names things in other ways than the API shows them.
func TestApplySecretAutomation(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("device", "create", "web1", "--ip", "192.0.2.1")
	h.run("credential", "create", "web1-root", "--hostname", "web1", "--username", "root", "--no-secret")
	h.runWith(`{"API_KEY":"canary"}`, "secret", "create", "db", "--stdin")
	file := h.file("copies.yaml", copies)
	if out := h.run("apply", "-f", file, "--plan"); !strings.HasSuffix(out, "5 to create, 0 to change, 0 to disable, 0 unchanged\n") {
		t.Error(out)
	}
	h.refused("not found", "secret", "automation", "show", "push")
	h.run("apply", "-f", file)
	out := h.run("secret", "automation", "show", "push")
	for _, want := range []string{"secret.created,secret.updated", "shop", "db", "ssh: Push", "web2 (door)", "web1 (web1-root)", "enabled"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if out := h.run("apply", "-f", file); out != "0 to create, 0 to change, 0 to disable, 5 unchanged\n" {
		t.Error("applying again: " + out)
	}

	// What the file says is changed and nothing else; what somebody switched off stays off until the file says otherwise.
	h.run("secret", "automation", "update", "push", "--description", "kept", "--trigger", "secret.inactivated")
	h.run("secret", "automation", "disable", "push")
	h.file("copies.yaml", strings.Replace(copies, `secrets: ["1"]`, "secrets: []", 1))
	want := `! secret-automation push is disabled in the cluster and stays so; "enabled: true" in the file enables it
~ change secret-automation push
    secrets: ["db"] -> []
    triggers: ["secret.inactivated"] -> ["secret.created","secret.updated"]
0 to create, 1 to change, 0 to disable, 4 unchanged
`
	if out := h.run("apply", "-f", file); out != want {
		t.Errorf("got\n%s", out)
	}
	h.file("copies.yaml", strings.Replace(copies, `secrets: ["1"]`, "enabled: true", 1))
	if out := h.run("apply", "-f", file); !strings.Contains(out, "enabled: false -> true") {
		t.Error(out)
	}
	if out := h.run("secret", "automation", "show", "push"); !strings.Contains(out, "enabled") || !strings.Contains(out, "kept") || strings.Contains(out, "db") {
		t.Error(out)
	}

	// What leaves the file is disabled, even where its template is out of use already.
	h.run("template", "disable", "Push", "--executor", "ssh")
	h.file("copies.yaml", copies[:strings.Index(copies, "---\nkind: secret-auto")]+copies[strings.Index(copies, "---\n{kind: application"):])
	if out := h.run("apply", "-f", file, "--prune"); out != "- disable secret-automation push\n0 to create, 0 to change, 1 to disable, 3 unchanged\n" {
		t.Error(out)
	}
	if out := h.run("secret", "automation", "list"); !strings.Contains(out, "disabled") {
		t.Error(out)
	}
	h.refused("inactive", "secret", "automation", "enable", "push")
	if out := h.run("apply", "-f", file, "--prune"); !strings.HasPrefix(out, "0 to create, 0 to change, 0 to disable") {
		t.Error(out)
	}
}
