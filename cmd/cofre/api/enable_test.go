package api

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// What can be enabled or disabled has both verbs, wherever update has the flag: people look for the verb.
func TestEveryStateHasItsVerbs(t *testing.T) {
	t.Parallel()
	seen := 0
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		var names []string
		flag := false
		for _, sub := range c.Commands() {
			walk(sub)
			names = append(names, sub.Name())
			flag = flag || sub.Flags().Lookup("enabled") != nil
		}
		on, off := slices.Contains(names, "enable"), slices.Contains(names, "disable")
		if on != off || flag && !on {
			t.Errorf("%s: enable %v, disable %v, a flag --enabled %v", c.CommandPath(), on, off, flag)
		}
		if on {
			seen++
		}
	}
	for _, c := range Commands() {
		walk(c)
	}
	if seen < 14 {
		t.Errorf("%d objects have the verbs", seen)
	}
}

func TestEnableDisable(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("application", "create", "shop")
	h.run("authorization", "create", "shop", "prod", "--tag", "shop")
	h.run("policy", "create", "weekly", "--max-age", "168h")
	h.run("access-profile", "create", "auditors", "--tag", "shop")
	h.run("template", "put", "Ours", h.file("t.txt", "exec \"passwd\"\nexec [#NEW_PASSWORD#]\nend\n"), "--executor", "ssh")
	h.run("execution-profile", "create", "linux", "--priority", "10", "--for", "device_types=Linux", "--template", "Ours")
	h.run("device", "create", "web1", "--ip", "192.0.2.1")
	h.run("credential", "create", "a", "--hostname", "web1", "--username", "a", "--generate", "--template", "Ours")
	h.run("chain", "create", "web", "--script", h.file("web.chain", "change cred a\n"))
	for _, o := range []string{"application shop", "authorization shop prod", "policy weekly", "access-profile auditors", "execution-profile linux", "chain web"} {
		noun, args := strings.Fields(o)[0], strings.Fields(o)[1:]
		for _, verb := range []string{"disable", "enable"} {
			out := h.run(append([]string{noun, verb}, args...)...)
			if off := strings.Contains(out, "disabled") || strings.Contains(steady(out), "enabled  no"); off != (verb == "disable") {
				t.Errorf("after cofre %s %s:\n%s", noun, verb, out)
			}
		}
	}
	if out := steady(h.run("authorization", "show", "shop", "prod")); !strings.Contains(out, "reaches  what it creates itself; credentials with a tag of shop") {
		t.Errorf("the verbs changed more than the state:\n%s", out)
	}
}

// TestDeviceTakesItsCredentialsAlong: the disabling does, the enabling says how they come back, several at once.
func TestDeviceTakesItsCredentialsAlong(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("device", "create", "web1", "--ip", "192.0.2.1")
	for _, name := range []string{"a", "b", "c"} {
		h.run("credential", "create", name, "--hostname", "web1", "--username", name, "--generate")
	}
	h.run("device", "disable", "web1")
	_, notes, err := h.try("", "device", "enable", "web1")
	if want := "3 of its credentials are disabled: cofre credential list --device web1 --disabled shows them"; err != nil || !strings.Contains(notes, want) {
		t.Errorf("%q, %v; want %s", notes, err, want)
	}
	if _, _, err := h.try("", "operation", "request", "a"); err == nil || !strings.Contains(Advice(err), "cofre credential enable NAME") {
		t.Errorf("%v", err)
	}
	out, _, err := h.try("", "credential", "enable", "a", "none", "b")
	if err == nil || !strings.Contains(err.Error(), "none: ") || strings.Count(out, "enabled") != 2 {
		t.Errorf("%v\n%s", err, out)
	}
	if _, notes, err := h.try("", "device", "enable", "web1"); err == nil && !strings.Contains(notes, "1 of its credentials") {
		t.Errorf("%q", notes)
	}
	h.refused("requires at least 1 arg", "credential", "enable")
}
