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
