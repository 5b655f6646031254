package api

import (
	"errors"
	"maps"
	"strings"
	"testing"
)

// What goes wrong first on a new machine is answered with what to do.
func TestAdvice(t *testing.T) {
	t.Parallel()
	h := open(t)
	for name, c := range map[string]struct {
		env  map[string]string
		want string
	}{
		"no authority": {map[string]string{"COFRE_CA_FILE": ""}, "cofre cluster ca"},
		"another key":  {map[string]string{"COFRE_CLIENT_SECRET": "x"}, "the client id or its secret"},
		"all is well":  {nil, ""},
	} {
		all := maps.Clone(h.env)
		maps.Copy(h.env, c.env)
		_, _, err := h.try("", "whoami")
		h.env = all
		if got := Advice(err); (err == nil) != (c.want == "") || !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %v, advice %q", name, err, got)
		}
	}
	for _, c := range [][2]string{
		{"template show None", "cofre template list"}, {"template show None --executor ssh", "cofre template list"}, {"template replay 99", "cofre operation list"}, {"credential show none", "cofre credential list"}, {"device show none", "cofre device list"},
		{"application show none", "cofre application list"}, {"policy show none", "cofre policy list"}, {"chain show none", "cofre chain list"}, {"pool show none", "cofre pool list"}, {"access-profile show none", "cofre access-profile list"},
		{"secret show none", "cofre secret list"}, {"encryption show none", "cofre encryption list"}, {"information show none", "cofre information list"}, {"session end 99", "cofre session list"},
	} {
		if _, _, err := h.try("", strings.Fields(c[0])...); err == nil || !strings.Contains(Advice(err), c[1]) {
			t.Errorf("%s: %v, advice %q", c[0], err, Advice(err))
		}
	}
	if got := Advice(errors.New("no idea")); got != "" {
		t.Errorf("advice about anything: %q", got)
	}

	h.run("device", "create", "web1", "--ip", "192.0.2.1")
	h.run("credential", "create", "bare", "--hostname", "web1", "--username", "bare", "--generate")
	if _, _, err := h.try("", "operation", "request", "bare"); !strings.Contains(Advice(err), "--template") {
		t.Errorf("%v, advice %q", err, Advice(err))
	}

	h.run("template", "put", "By SSH", h.file("s.txt", "exec [#NEW_PASSWORD#]\nexpect \"*$\"\n"), "--executor", "ssh")
	h.run("template", "put", "By Telnet", h.file("t.txt", "exec [#NEW_PASSWORD#]\nexpect \"*$\"\n"), "--executor", "telnet")
	h.run("credential", "update", "bare", "--template", "By SSH")
	if _, _, err := h.try("", "credential", "update", "bare", "--template", "By Telnet"); !strings.Contains(Advice(err), "--executor telnet") {
		t.Errorf("%v, advice %q", err, Advice(err))
	}
	h.run("credential", "update", "bare", "--template", "By Telnet", "--executor", "telnet")

	// Rights come to nothing without --write, which is told when they are given and when they are tried.
	h.run("application", "create", "night")
	given, told, err := h.try("", "authorization", "create", "night", "op", "--right", "operation.run", "--all")
	if err != nil || !strings.Contains(told, "operation.run") || !strings.Contains(told, "--write") {
		t.Errorf("%v, told %q", err, told)
	}
	own := maps.Clone(h.env)
	h.env["COFRE_CLIENT_ID"], h.env["COFRE_CLIENT_SECRET"] = strings.Fields(given)[2], strings.Fields(given)[5]
	if _, _, err := h.try("", "operation", "request", "bare"); !strings.Contains(Advice(err), "--write") {
		t.Errorf("%v, advice %q", err, Advice(err))
	}
	h.env = own

	// An administrator as cofre init makes one holds no secret.read, and nobody gives what he does not hold.
	h.run("application", "create", "ops")
	keys := strings.Fields(h.run("authorization", "create", "ops", "chief", "--right", "authorization.write", "--right", "cluster.admin", "--module", "PAM Core,A2A,Application,Users", "--write", "--all"))
	chief := maps.Clone(h.env)
	h.env["COFRE_CLIENT_ID"], h.env["COFRE_CLIENT_SECRET"] = keys[2], keys[5]
	give := []string{"authorization", "create", "ops", "reader", "--right", "secret.read"}
	if _, _, err := h.try("", give...); !strings.Contains(Advice(err), "cofre authorization take-secret-read") {
		t.Errorf("%v, advice %q", err, Advice(err))
	}
	h.run("authorization", "take-secret-read")
	h.run(give...)
	h.env = chief
}
