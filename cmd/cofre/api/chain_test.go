package api

import (
	"strings"
	"testing"
)

// A chain of a credential and a pool, from its script to a run, whose operations nobody takes here.
func TestChains(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("device", "create", "web1", "--ip", "192.0.2.1")
	h.run("template", "put", "change", h.file("change", "exec \"passwd\""), "--executor", "ssh", "--kind", "Change password")
	for _, name := range []string{"app", "web2", "web3"} {
		h.run("credential", "create", name, "--hostname", "web1", "--username", name, "--generate", "--template", "change")
	}
	h.run("pool", "create", "rest", "web2", "web3")
	if out := h.run("pool", "show", "1"); !strings.Contains(out, "web2, web3") {
		t.Error(out)
	}
	h.refused("line 2, column 8: expected cred or pool", "chain", "create", "web", "--script", h.file("bad", "# all\nchange user app\n"))
	script := h.file("web", "check_conn\nrollback\nchange cred app\nchange pool rest\n")
	h.refused("at least an hour", "chain", "create", "web", "--script", script, "--automatic", "--every", "5m")
	if out := h.run("chain", "create", "web", "--script", script, "--automatic", "--every", "720h", "--days", "sat,sun", "--hours", "2-6"); !strings.Contains(out, "app, pool rest") || !strings.Contains(out, "once a run by hand has succeeded") || !strings.Contains(out, "change pool rest") {
		t.Error(out)
	}
	h.refused("names the pool", "pool", "delete", "rest")
	if out := h.run("chain", "run", "web"); !strings.Contains(out, "checking") || !strings.Contains(out, "check by operation 3") {
		t.Error(out)
	}
	h.refused("a run of the chain is at work", "chain", "run", "web")
	for _, n := range []string{"1", "2", "3"} {
		h.run("operation", "cancel", n)
	}
	if out := h.run("chain", "follow", "web", "1"); !strings.Contains(out, "aborted") || !strings.Contains(out, "unreachable") {
		t.Error(out)
	}
	if out := h.run("chain", "runs", "web", "--csv"); !strings.Contains(out, "1,aborted,3,3,request") {
		t.Error(out)
	}
	if out := h.run("chain", "list"); !strings.Contains(out, "enabled") {
		t.Error(out)
	}
	if out := h.run("chain", "update", "web", "--enabled=false", "--automatic=false", "--name", "rest"); !strings.Contains(out, "disabled") {
		t.Error(out)
	}
	h.refused("the chain is disabled", "chain", "run", "rest")
	h.run("chain", "delete", "rest")
	h.refused("there is no such chain", "chain", "show", "rest")
	if out := h.run("pool", "update", "rest", "--credentials", "web2"); strings.Contains(out, "web3") {
		t.Error(out)
	}
	h.run("pool", "delete", "rest")
	h.refused("there is no such pool", "pool", "show", "rest")
}
