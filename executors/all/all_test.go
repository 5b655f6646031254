package all

import (
	"cmp"
	"context"
	"errors"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

func TestCatalogueCompiles(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range Catalogue() {
		e := Find(c.Executor)
		if e == nil {
			t.Errorf("%s: no executor %q", c.Name, c.Executor)
			continue
		}
		p, err := executors.Compile(e, c.Kind, c.Content)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if x, err := executors.Inspect(e, c.Kind, c.Content); err != nil || len(x.Steps) == 0 || len(x.Tags) != len(p.Masks()) {
			t.Errorf("%s: %d steps (told by the Program's Explain), %d tags, %v", c.Name, len(x.Steps), len(x.Tags), err)
		}
		if len(p.Notices()) > 0 || len(p.Masks()) == 0 || c.Kind == "" || seen[c.Name] {
			t.Errorf("%s: notices %q, masks %v, kind %q", c.Name, p.Notices(), p.Masks(), c.Kind)
		}
		seen[c.Name] = true
	}
	if len(seen) < 60 {
		t.Errorf("the catalogue has %d templates", len(seen))
	}
	if Find("nope") != nil {
		t.Error("an executor that does not exist was found")
	}
}

func TestEveryExecutorVerifies(t *testing.T) {
	t.Parallel()
	for _, e := range List() {
		if _, ok := e.(executors.Verifier); !ok {
			t.Errorf("%s cannot verify: uncertain outcomes could not be settled", e.Name())
		}
	}
}

func TestNamed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"ssh": "ssh", "PostgreSQL": "postgres", "MySQL": "mysql", "TELNET": "telnet",
		"Cassandra":         `Cofre does not offer the executor "Cassandra": no real server and no faithful double could be had to prove it`,
		"IBM 3270 Terminal": `Cofre does not offer the executor "IBM 3270 Terminal": it needs a mainframe's terminal`,
		"Selenium":          `Cofre does not offer the executor "Selenium": its templates are programs that would run on the appliance`,
		"Tk Expect":         `Cofre does not offer the executor "Tk Expect": its templates are programs that would run on the appliance; use ssh or telnet`,
		"ansible":           `Cofre does not offer the executor "ansible": its templates are programs that would run on the appliance`,
		"SQL Server":        "sqlserver", "SSH Legacy": "ssh-legacy", "VMWare ESXi": "esxi", "cURL": "curl",
		"MongoDB": "mongodb", "Windows RM": "winrm", "HTTP": "browser",
		"foo": `there is no executor "foo": ` + strings.Join(Names(), ", "),
	} {
		name, err := Named(text)
		got := string(name)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	for _, name := range Names() {
		if back, err := Named(Label(model.ExecutorName(name))); err != nil || string(back) != name {
			t.Errorf("%s is written %q, which leads to %q, %v", name, Label(model.ExecutorName(name)), back, err)
		}
	}
	for _, l := range labels {
		if (l.name == "") == (l.why == "") || l.name != "" && Find(l.name) == nil {
			t.Errorf("%s leads to nothing", l.text)
		}
	}
}

// Which executors list accounts is known to the replicated state by their names.
func TestListersAreKnown(t *testing.T) {
	t.Parallel()
	for _, e := range List() {
		if _, ok := e.(executors.Lister); ok != model.ListsAccounts(e.Name()) {
			t.Errorf("%s lists accounts: %t", e.Name(), ok)
		}
	}
}

// TestFindersAreKnown: whose proofs log in as AUTH_USER is known to the replicated state, which reserves that login.
func TestFindersAreKnown(t *testing.T) {
	t.Parallel()
	for _, e := range List() {
		v, ok := e.(executors.Verifier)
		if !ok {
			continue
		}
		asked := false
		for _, info := range []string{"ou=people", "service"} {
			in, err := v.Verify(t.Context(), executors.Session{
				Target: model.Endpoint{Hostname: "away", Address: "192.0.2.1", HostKeys: []model.HostKey{{Fingerprint: "SHA256:x"}}, InsecureTLS: true},
				Dial:   func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("nobody is there") },
				Resolve: func(n mask.Name) (secret.Value, error) {
					asked = asked || n == mask.AuthUser || n == mask.AuthPassword
					return secret.New([]byte(cmp.Or(map[mask.Name]string{mask.AddInfo: info}[n], "x"))), nil
				},
			}, secret.New([]byte("y")))
			if in {
				t.Errorf("%s: proven at nobody: %v", e.Name(), err)
			}
		}
		if asked != model.LooksUp(e.Name(), "ou=people") {
			t.Errorf("%s logs in as AUTH_USER to prove: %t (finders in fsm/model/executor.go)", e.Name(), asked)
		}
	}
}

// TestSecretsAreAnswersToQuestions: on a machine with a shell, a secret of the catalogue is typed as an answer, and never a part of a
// command, which the process list, a history or a log of commands may show. These are devices whose command lines take it no other way.
func TestSecretsAreAnswersToQuestions(t *testing.T) {
	t.Parallel()
	inCommand := map[string]bool{}
	for _, name := range []string{
		"Arista EOS local user", "HPE Aruba CX local user", "Cisco ASA local user", "Cisco IOS enable secret", "Cisco IOS local user", "Cisco IOS XR local user", "Cisco NX-OS local user", "Dell iDRAC user",
		"Dell OS10 local user", "Fortinet FortiOS administrator", "HP ProCurve manager", "HPE iLO user", "Huawei VRP local user", "MikroTik RouterOS user", "VyOS and EdgeOS user",
		"Cisco IOS enable secret (Telnet)", "Cisco IOS local user (Telnet)", "HPE Comware local user (Telnet)", "Huawei VRP local user (Telnet)",
	} {
		inCommand[name] = true
	}
	alone := regexp.MustCompile(`^(exec|write|send) "?\[#[A-Z_]+#\]"?$`)
	for _, c := range Catalogue() {
		if c.Executor != "ssh" && c.Executor != "telnet" {
			continue
		}
		found := false
		for line := range strings.Lines(c.Content) {
			parts, err := mask.Parse(line)
			if err != nil {
				t.Fatal(err)
			}
			secret := slices.ContainsFunc(mask.Names(parts), mask.Name.Secret)
			found = found || secret && !strings.HasPrefix(line, "#") && !alone.MatchString(strings.TrimSpace(line))
		}
		if found != inCommand[c.Name] {
			t.Errorf("%s: a secret is part of a command: %t", c.Name, found)
		}
		delete(inCommand, c.Name)
	}
	for name := range inCommand {
		t.Errorf("the catalogue has no %s", name)
	}
}
