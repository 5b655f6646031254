package api

import (
	"strings"
	"testing"
)

// TestInformation: protected information, related users and custodies on the command line.
func TestInformation(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.refused("say --stdin", "information", "create", "licence")
	if out := h.runWith("k-1\n", "information", "create", "licence", "--name", "Licence", "--tag", "licences", "--stdin"); strings.Contains(out, "k-1") || !strings.Contains(out, "licence") {
		t.Error(out)
	}
	if out := h.runWith("k-2", "information", "update", "licence", "--stdin", "--service", "backup"); !strings.Contains(out, "backup") || !strings.Contains(out, "Licence") {
		t.Error(out)
	}
	h.golden(`
NUMBER  IDENTIFIER  NAME  TYPE  SERVICE  VERSION  TAGS
1  licence  Licence  -  backup  2  licences
`, "information", "list", "--tag", "licences")
	h.refused("standard output is no terminal", "information", "read", "licence")
	if out := h.run("information", "read", "licence", "--raw"); out != "k-2" {
		t.Errorf("%q", out)
	}
	if out := h.run("information", "read", "licence", "--version", "1", "--raw"); out != "k-1" {
		t.Errorf("%q", out)
	}
	h.refused("Information not found", "information", "show", "none")
	if out := h.run("information", "disable", "licence"); !strings.Contains(out, "disabled") {
		t.Error(out)
	}
	h.run("information", "enable", "licence")

	h.refused("required flag", "related-user", "create", "asilva")
	h.run("related-user", "create", "asilva", "--name", "Ana Silva")
	h.run("related-user", "update", "1", "--username", "ana.silva")
	h.golden(`
NUMBER  NAME  USERNAME
1  Ana Silva  ana.silva
`, "related-user", "list")
	h.run("related-user", "delete", "1")
	h.refused("Related user not found", "related-user", "delete", "1")

	h.run("device", "create", "web1", "--ip", "192.0.2.1")
	h.run("credential", "create", "web1-root", "--hostname", "web1", "--username", "root", "--generate")
	h.run("credential", "read", "web1-root", "--raw")
	if out := h.run("credential", "custodies", "--mine", "--csv"); strings.Count(out, "\n") != 2 || !strings.Contains(out, "web1-root,root,web1,") {
		t.Error(out)
	}
	h.run("credential", "release", "web1-root")
	if out := h.run("credential", "custodies", "--csv"); strings.Count(out, "\n") != 1 {
		t.Error(out)
	}
}
