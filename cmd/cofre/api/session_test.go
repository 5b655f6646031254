package api

import (
	"strings"
	"testing"
)

// Sessions of an account that is always open, and of one that waits for its activation, which nobody runs here.
func TestSessions(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("device", "create", "web1", "--ip", "192.0.2.1")
	h.run("template", "put", "on", h.file("on", "exec \"on\""), "--executor", "ssh", "--kind", "Enable credential")
	h.run("template", "put", "off", h.file("off", "exec \"off\""), "--executor", "ssh", "--kind", "Disable credential")
	h.run("policy", "create", "one", "--one-session", "--change-on-session", "--session-expiry", "4h")
	h.run("credential", "create", "manager", "--hostname", "web1", "--username", "manager", "--generate", "--policy", "one")
	h.run("credential", "create", "root", "--hostname", "web1", "--username", "root", "--generate", "--activate", "on", "--deactivate", "off", "--jit-with", "manager")
	if out := h.run("credential", "show", "root"); !strings.Contains(out, "unknown: on and off by manager") {
		t.Error(out)
	}
	h.golden(`
session  1
id  ID
state  active
user  ana
source  192.0.2.9
credential  manager
user name  manager
device  web1
protocol  SSH
started  TIME
active since  TIME
until  TIME
`, "session", "start", "manager", "--user", "ana", "--source", "192.0.2.9", "--protocol", "SSH", "--ttl", "1h", "--wait", "1s")
	h.refused("session 1 uses it", "session", "start", "manager", "--user", "bob")
	h.refused("a session lasts between", "session", "start", "root", "--user", "bob", "--ttl", "1s")
	h.refused("wait is at most", "session", "start", "root", "--user", "bob", "--wait", "1h")
	h.refused("required flag", "session", "start", "root")
	if out := h.run("session", "start", "root", "--user", "bob", "--reason", "patch", "--ticket", "T1"); !strings.Contains(out, "opening") {
		t.Error(out)
	}
	if out := h.run("session", "list", "--live", "--user", "ana", "--csv"); strings.Count(out, "\n") != 2 {
		t.Error(out)
	}
	if out := h.run("session", "end", "1"); !strings.Contains(out, "ended") {
		t.Error(out)
	}
	h.refused("the session is over", "session", "end", "1")
	h.refused("Session not found", "session", "show", "9")
	h.run("credential", "disable", "root")
	if out := h.run("session", "show", "2"); !strings.Contains(out, "disabled") {
		t.Error(out)
	}
	if out := h.run("session", "list", "--live", "--csv"); strings.Count(out, "\n") != 1 {
		t.Error(out)
	}
}
