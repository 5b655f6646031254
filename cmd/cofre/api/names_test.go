package api

import (
	"strings"
	"testing"
)

// TestNames: what the API shows by id, people see by name; what they may not see keeps its id.
func TestNames(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("device", "create", "web1", "--ip", "192.0.2.1")
	h.run("credential", "create", "web1-root", "--hostname", "web1", "--username", "root", "--generate")
	h.run("application", "create", "shop")
	h.golden(`
access profile  auditors
id  ID
state  enabled
rights  see
devices  web1
credentials  web1-root
revision  1
`, "access-profile", "create", "auditors", "--device", "web1", "--credential", "web1-root")
	if out := h.run("access-profile", "show", "auditors"); !strings.Contains(out, "web1-root") {
		t.Error(out)
	}
	if out := h.run("access-profile", "show", "auditors", "--json"); strings.Contains(out, "web1") {
		t.Errorf("JSON is what the API says: %s", out)
	}

	h.run("authorization", "create", "shop", "prod", "--tag", "x,y", "--credential", "web1-root", "--access-profile", "auditors", "--referrer", "portal.example.com")
	show := func(want ...string) {
		t.Helper()
		out := steady(h.run("authorization", "show", "shop", "prod"))
		for _, w := range want {
			if !strings.Contains(out, "\n"+w+"\n") {
				t.Errorf("no line %q in:\n%s", w, out)
			}
		}
	}
	show("reaches  what it creates itself; credentials with a tag of x,y; the credentials web1-root", "access profiles  auditors", "referrers  portal.example.com")
	h.run("authorization", "update", "shop", "prod", "--credential", "", "--tag", "")
	show("reaches  only what it creates itself")
	h.run("authorization", "update", "shop", "prod", "--all", "--creates", "--write", "--delegate", "shop-*/erp")
	show("reaches  every credential", "registers  applications that it makes; shop-*/erp/*")
}

// TestUnknownExecutor: an executor that there is not is not blamed on a template.
func TestUnknownExecutor(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("application", "create", "shop")
	h.run("device", "create", "web1", "--ip", "192.0.2.1")
	h.run("credential", "create", "web1-root", "--hostname", "web1", "--username", "root", "--generate")
	for _, line := range []string{
		"credential create x --hostname web1 --username x --generate --template y --executor",
		"secret automation create push --trigger secret.created --application shop --template y --credential web1-root --executor",
		"dynamic profile create app --create x --remove y --authentication web1-root --ttl 1h --executor",
		"execution-profile create linux --template y --executor",
		"template list --executor", "template show y --executor",
	} {
		words := strings.Fields(line)
		h.refused(`there is no executor "shh": ssh, `, append(words, "shh")...)
		if words[1] != "list" {
			h.refused("there is no such template", append(words, "SSH")...)
		}
	}
}

// TestHostKeyNotice: only where somebody logs in over SSH is a host key missed.
func TestHostKeyNotice(t *testing.T) {
	t.Parallel()
	h := open(t)
	for ports, missed := range map[string]bool{"POSTGRESQL:5432": false, "LDAP:636,REDIS:6379": false, "REDIS:6379,SSH:22": true, "SSH-WEAK:22": true} {
		host := "h-" + strings.ToLower(strings.NewReplacer(":", "-", ",", "-").Replace(ports))
		if out := h.run("device", "create", host, "--connectivity", ports); strings.Contains(out, "cofre device trust") != missed {
			t.Errorf("%s: %s", ports, out)
		}
	}
	if out := h.run("device", "create", "bare"); !strings.Contains(out, "cofre device trust") {
		t.Error(out)
	}
}
