package api

import (
	"strings"
	"testing"
)

// What a target says is asked for, told of and dropped; nothing of it reaches a pipe unasked.
func TestCapture(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("device", "create", "web1", "--ip", "192.0.2.1")
	h.run("template", "put", "passwd", h.file("t", "exec \"passwd\""), "--executor", "ssh")
	h.run("credential", "create", "web1-root", "--hostname", "web1", "--username", "root", "--generate", "--template", "passwd")
	h.refused("for one credential", "operation", "request", "web1-root", "web2-root", "--capture")
	if out := h.run("operation", "request", "web1-root", "--capture", "--json"); !strings.Contains(out, `"capture": true`) {
		t.Error(out)
	}
	h.refused("standard output is no terminal", "operation", "capture", "1")
	h.refused("nothing that the target said is kept", "operation", "capture", "1", "--raw")
	h.refused("attempt must be a whole number", "operation", "capture", "1", "--raw", "--attempt", "-1")
	h.refused("none of the others can be", "operation", "capture", "1", "--ask", "--drop")
	h.refused("there is no such operation", "operation", "capture", "77", "--ask")
	if out := h.run("operation", "capture", "1", "--drop", "--json"); strings.Contains(out, `"capture"`) {
		t.Error(out)
	}
	if out := h.run("operation", "capture", "1", "--ask", "--json"); !strings.Contains(out, `"capture": true`) {
		t.Error(out)
	}
}

func TestEscaped(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", `a "b" \c`: `a "b" \c`, "\x1b]0;x\a\tção 日本": `\x1b]0;x\a\tção 日本`, "\u202e\x7f": `\u202e\x7f`} {
		if got := escaped(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
