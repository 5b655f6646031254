package api

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const shop = `
kind: manifest
name: shop
---
kind: policy
name: weekly
max_age: 168h0m
strength: {length: 24}
---
kind: device
name: web1
ip: 192.0.2.1
connectivities: ["ssh:22"]
tags: [b, a]
host_keys: ["` + hostKey + ` comment", "` + fakePin + `"]
---
kind: authorization
application: shop
name: prod
ips: [10.0.0.0/8]
token_ttl: 600s
expires_at: 2027-01-31T12:00:00Z
filter: {credentials: [web1-root]}
---
kind: application
name: shop
---
kind: credential
name: child
hostname: web1
username: child
parent: web1-root
secret: {generate: weekly}
---
kind: credential
name: web1-root
hostname: web1
username: root
secret: {stdin: true}
execution: {template: Ours}
---
kind: template
name: Ours
executor: ssh
file: ours.txt
`

func TestApply(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.file("ours.txt", "exec [#NEW_PASSWORD#]\n")
	file, dir := h.file("shop.yaml", shop), filepath.Join(h.dir, "keys")
	h.refused("--keys-dir", "apply", "-f", file)
	if out := h.run("apply", "-f", file, "--plan"); !strings.Contains(out, "7 to create, 0 to change, 0 to disable, 0 unchanged") || strings.Index(out, "credential child") < strings.Index(out, "credential web1-root") {
		t.Error(out)
	}
	if out := h.run("device", "list"); out != "" {
		t.Error("a plan changed something: " + out)
	}
	h.runWith(password, "apply", "-f", file, "--keys-dir", dir)
	if got := h.run("credential", "read", "web1-root", "--raw"); got != password {
		t.Errorf("the secret is %q", got)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "shop-prod.env")); err != nil || !strings.Contains(string(b), "COFRE_CLIENT_SECRET=") {
		t.Error(err)
	}
	if out := h.run("apply", "-f", file); out != "0 to create, 0 to change, 0 to disable, 7 unchanged\n" {
		t.Error("applying again: " + out)
	}

	// Others change the cluster, the file changes: both are seen, and what leaves the file is disabled, not more.
	h.run("device", "create", "foreign")
	h.run("device", "update", "web1", "--site", "north", "--ip", "192.0.2.9")
	less := strings.Replace(shop, "length: 24", "length: 30", 1)
	less = less[:strings.Index(less, "kind: credential\nname: child")] + less[strings.Index(less, "kind: credential\nname: web1-root"):]
	h.file("shop.yaml", less)
	out := h.run("apply", "-f", file, "--prune")
	want := `~ change policy weekly
    strength.length: 24 -> 30
~ change device web1
    ip: "192.0.2.9" -> "192.0.2.1"
- disable credential child
0 to create, 2 to change, 1 to disable, 4 unchanged
`
	if out != want {
		t.Errorf("got\n%s", out)
	}
	if out := h.run("device", "list"); strings.Contains(out, "disabled") || !strings.Contains(out, "north") {
		t.Error(out)
	}
	if out := h.run("apply", "-f", file, "--prune"); !strings.HasPrefix(out, "0 to create, 0 to change, 0 to disable") {
		t.Error(out)
	}
	h.file("shop.yaml", shop)
	if out := h.run("apply", "-f", file); !strings.Contains(out, "! credential child is disabled") {
		t.Error(out)
	}
	h.file("shop.yaml", strings.Replace(shop, "parent: web1-root", "parent: web1-root\nenabled: true", 1))
	h.run("apply", "-f", file)
	if out := h.run("credential", "list"); !strings.Contains(out, "child") {
		t.Error(out)
	}

	// A terminal shows the plan only.
	h.file("shop.yaml", less)
	h.tty = true
	if out, notes, err := h.try("", "apply", "-f", file, "--prune"); err != nil || !strings.Contains(out, "- disable credential child") || !strings.Contains(notes, "Nothing was changed") {
		t.Error(out, notes, err)
	}
}

const team = `
kind: chain
name: pair
policy: ""
every: 24h
script: |
  check_conn
  change pool both
---
kind: authorization
application: team
name: operators
profiles: [linux]
---
kind: application
name: team
---
kind: access-profile
name: linux
rights: [operation.run]
credentials: [manager, a]
devices: [web1]
---
kind: pool
name: both
credentials: [a, b]
---
{kind: credential, name: a, hostname: web1, username: a, type: Linux, execution: {template: Ours}}
---
{kind: credential, name: b, hostname: web1, username: b, execution: {template: Ours}}
---
{kind: credential, name: manager, hostname: web1, username: manager}
---
kind: profile
name: linux
criteria: {types: [Linux]}
template: Ours
authentication: manager
automatic: true
---
{kind: device, name: web1, ip: 192.0.2.1, connectivities: ["ssh:22"]}
---
{kind: template, name: Ours, executor: ssh, content: "exec [#NEW_PASSWORD#]\n"}
`

// Profiles, pools, chains and access profiles, with what they need, in an order that is not that of the file.
// TestApplyWay: a jump host and who logs in there come before what stands behind them, and are told by their names.
func TestApplyWay(t *testing.T) {
	t.Parallel()
	h := open(t)
	file := h.file("way.yaml", `
{kind: manifest, name: way}
---
{kind: device, name: inner, ip: 192.0.2.3, connectivities: ["ssh:22"], via: bastion, via_login: jumper}
---
{kind: credential, name: jumper, hostname: bastion, username: jump, secret: {stdin: true}}
---
{kind: device, name: bastion, ip: 192.0.2.7, connectivities: ["ssh:22"]}
`)
	h.runWith(password, "apply", "-f", file)
	if out := h.run("apply", "-f", file); out != "0 to create, 0 to change, 0 to disable, 3 unchanged\n" {
		t.Error("applying again: " + out)
	}
	if out := h.run("device", "show", "inner"); !strings.Contains(out, "bastion as jumper") {
		t.Error(out)
	}
	if out := h.run("device", "update", "inner", "--via", ""); strings.Contains(out, "bastion") {
		t.Error(out)
	}
	if out := h.run("apply", "-f", file, "--plan"); !strings.Contains(out, "1 to change") {
		t.Error(out)
	}
}

func TestApplyTeam(t *testing.T) {
	t.Parallel()
	h := open(t)
	file, dir := h.file("team.yaml", team), filepath.Join(h.dir, "keys")
	h.run("apply", "-f", file, "--keys-dir", dir)
	if out := h.run("apply", "-f", file); out != "0 to create, 0 to change, 0 to disable, 11 unchanged\n" {
		t.Error("applying again: " + out)
	}
	h.file("team.yaml", strings.NewReplacer("credentials: [a, b]", "credentials: [b]", "devices: [web1]", "devices: []", "rights: [operation.run]", "rights: [secret.read]").Replace(team))
	want := `~ change pool both
    credentials: ["a","b"] -> ["b"]
~ change access-profile linux
    devices: ["web1"] -> []
    rights: ["operation.run"] -> ["secret.read"]
0 to create, 2 to change, 0 to disable, 9 unchanged
`
	if out := h.run("apply", "-f", file); out != want {
		t.Errorf("got\n%s", out)
	}
}

// The first error ends it, and the report says what is and what is not applied.
func TestApplyStops(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("device", "create", "web1")
	h.run("credential", "create", "taken", "--hostname", "web1", "--username", "root", "--no-secret")
	file := h.file("a.yaml", "kind: policy\nname: p\n---\nkind: credential\nname: other\nhostname: web1\nusername: root\n---\nkind: application\nname: a\n")
	_, _, err := h.try("", "apply", "-f", file)
	if err == nil {
		t.Fatal("a second account of the same name was created")
	}
	for _, want := range []string{"credential other: ", "applied before: policy p\n", "not applied: credential other (perhaps in part), application a\n"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	// Somebody else changes the object between plan and put: the revision decides.
	s := &step{object: &object{kind: &kinds[2], name: "web1", want: map[string]any{"hostname": "web1", "site": "x"}}, Action: "change", have: map[string]any{"revision": float64(99)}}
	p := &session{lookup: func(k string) (string, bool) { return h.env[k], true }}
	c := applyCommand(p)
	c.SetContext(t.Context())
	if _, err := p.put(c, s, applyFlags{}); err == nil || !strings.Contains(err.Error(), "meanwhile") {
		t.Errorf("a stale change was taken: %v", err)
	}
}

// Host names are the same in any case: what is spelt otherwise is neither another device nor one that stands in the file no more.
func TestApplyHostsInAnyCase(t *testing.T) {
	t.Parallel()
	h := open(t)
	const rest = "kind: credential\nname: c9\nhostname: WEB9\nusername: u\n---\nkind: manifest\nname: hosts\n"
	file := h.file("hosts.yaml", "kind: device\nname: Web9\nip: 192.0.2.9\n---\n"+rest)
	for _, want := range []string{"2 to create, 0 to change, 0 to disable, 0 unchanged", "0 to create, 0 to change, 0 to disable, 2 unchanged"} {
		if out := h.run("apply", "-f", file, "--prune"); !strings.Contains(out, want) {
			t.Errorf("%s, want %s", out, want)
		}
	}
	// What refers to a device by another spelling does not change at each run.
	refers := h.file("refers.yaml", "kind: access-profile\nname: nine\nrights: [secret.read]\ndevices: [wEB9]\n---\nkind: device\nname: inner9\nip: 192.0.2.10\nvia: WEB9\n---\n"+
		"kind: profile\nname: nine\ndevice: weB9\ntemplate: Nines\n---\nkind: template\nname: Nines\nexecutor: ssh\ncontent: \"exec [#NEW_PASSWORD#]\\n\"\n---\nkind: manifest\nname: refers\n")
	for _, want := range []string{"4 to create, 0 to change, 0 to disable, 0 unchanged", "0 to create, 0 to change, 0 to disable, 4 unchanged"} {
		if out := h.run("apply", "-f", refers); !strings.Contains(out, want) {
			t.Errorf("%s, want %s", out, want)
		}
	}
	file = h.file("hosts.yaml", "kind: device\nname: web9\nip: 192.0.2.9\n---\n"+rest)
	if out := h.run("apply", "-f", file, "--prune"); !strings.Contains(out, "0 to create, 1 to change, 0 to disable, 1 unchanged") {
		t.Error(out)
	}
	if out := h.run("device", "show", "WEB9"); !strings.Contains(out, "web9") || !strings.Contains(out, "enabled") {
		t.Error(out)
	}
}

func TestManifestFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, file, want string }{
		{"unknown key", "kind: device\nname: x\nipp: 1\n", "line 3: device x: unknown key ipp"},
		{"nested key", "kind: policy\nname: x\nstrength:\n  lengths: 1\n", "line 4: policy x: unknown key strength.lengths"},
		{"second document", "kind: device\nname: x\n---\n\nkind: device\nname: y\ntags: a\n", "line 7: device y: tags must be a list"},
		{"list item", "kind: device\nname: x\nconnectivities:\n  - {protocol: SSH, port: 22}\n  - {protocol: SSH, prt: 22}\n", "line 5: device x: unknown key connectivities[1].prt"},
		{"type", "kind: credential\nname: x\nusername: 12\n", "line 3: credential x: username must be a string"},
		{"span", "kind: policy\nname: x\nmax_age: 7 days\n", "line 3: policy x: max_age: a span"},
		{"kind", "name: x\n", "line 1: kind is manifest"},
		{"no name", "kind: device\n", "line 1: this device has no name"},
		{"number as name", "kind: device\nname: 7\n", "has no name (a text)"},
		{"twice", "kind: device\nname: x\n---\nkind: device\nname: x\n", "line 4: device x stands already in line 1"},
		{"twice in another case", "kind: device\nname: x\n---\nkind: device\nname: X\n", "line 4: device X stands already in line 1"},
		{"key twice", "kind: device\nname: x\nip: a\nip: b\n", "already defined at line 3"},
		{"two names", "kind: manifest\nname: x\n---\nkind: manifest\nname: y\n", "has a name already"},
		{"plain secret", "kind: credential\nname: x\nsecret: hunter2\n", "line 3: credential x: secret is one of"},
		{"secret by two", "kind: credential\nname: x\nsecret: {env: A, stdin: true}\n", "secret is one of"},
		{"secret in env", "kind: credential\nname: x\nsecret: {env: 'hunter 2'}\n", "env is not the name"},
		{"revision", "kind: device\nname: x\nrevision: 3\n", "line 3: device x: revision does not stand"},
		{"authorization alone", "kind: authorization\nname: x\n", "application is missing"},
		{"host key", "kind: device\nname: x\nhost_keys: [abc]\n", "line 3: device x: a host key is"},
		{"shortened host key", "kind: device\nname: x\nhost_keys: [\"SHA256:...\"]\n", "line 3: device x: a host key is"},
		{"cut host key", "kind: device\nname: x\nhost_keys: [ssh-ed25519 AAAA]\n", "line 3: device x: a host key is"},
		{"both", "kind: template\nname: x\nexecutor: ssh\ncontent: a\nfile: b\n", "line 5: template \"x\": file is a path"},
		{"execution type", "kind: template\nname: x\nexecutor: ssh\nexecution_type: Push\n", "line 4: template \"x\": execution_type is one of"},
		{"trigger by number", "kind: secret-automation\nname: x\ntriggers: [1]\n", "line 3: secret-automation x: triggers"},
		{"list", "- kind: device\n", "line 1: a document is one object"},
		{"not YAML", "a: [", "not YAML"},
		{"odd keys", "kind: device\nname: x\ntags: {[1]: 2}\n", "line 1: the document is not valid: invalid map key"},
	} {
		_, err := parseManifest([]byte(c.file))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestPlanFaults(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, c := range []struct{ name, file, want string }{
		{"device", "kind: credential\nname: x\nhostname: nope\n", "line 3: credential x: there is no device \"nope\""},
		{"policy", "kind: credential\nname: x\npolicy: nope\n", "line 3: credential x: there is no policy"},
		{"template", "kind: credential\nname: x\nexecution:\n  template: nope\n", "line 4: credential x: there is no template"},
		{"parent", "kind: credential\nname: x\nparent: nope\n", "line 3: credential x: there is no credential"},
		{"generator", "kind: credential\nname: x\nsecret: {generate: nope}\n", "line 3: credential x: there is no policy"},
		{"application", "kind: authorization\napplication: nope\nname: x\n", "line 2: authorization nope/x: there is no application"},
		{"filter", "kind: authorization\napplication: admin\nname: x\nfilter: {credentials: [nope]}\n", "line 4: authorization admin/x: there is no credential"},
		{"profile", "kind: profile\nname: x\ntemplate: nope\n", "line 3: profile x: there is no template \"nope\""},
		{"opener of a profile", "kind: profile\nname: x\nactivate: nope\n", "line 3: profile x: there is no template \"nope\""},
		{"door of a profile", "kind: profile\nname: x\nauthentication: nope\n", "line 3: profile x: there is no credential"},
		{"pool", "kind: pool\nname: x\ncredentials: [nope]\n", "line 3: pool x: there is no credential"},
		{"chain", "kind: chain\nname: x\npolicy: nope\n", "line 3: chain x: there is no policy"},
		{"access", "kind: access-profile\nname: x\ndevices: [nope]\n", "line 3: access-profile x: there is no device"},
		{"access of an authorization", "kind: authorization\napplication: admin\nname: x\nprofiles: [nope]\n", "line 4: authorization admin/x: there is no access-profile"},
		{"automation's template", "kind: secret-automation\nname: x\nexecutor: ssh\ntemplate: nope\n", "line 4: secret-automation x: there is no template"},
		{"automation's trigger", "kind: secret-automation\nname: x\ntriggers: [secret.created, secret.read]\n", "line 3: secret-automation x: there is no such trigger"},
		{"automation's application", "kind: secret-automation\nname: x\napplications: [nope]\n", "line 3: secret-automation x: there is no application"},
		{"automation's secret", "kind: secret-automation\nname: x\nsecrets: [nope]\n", "line 3: secret-automation x: there is no secret"},
		{"automation's credential", "kind: secret-automation\nname: x\ndevices: [{credential: nope}]\n", "line 3: secret-automation x: there is no credential"},
		{"automation's device", "kind: secret-automation\nname: x\ndevices:\n  - {credential: d, hostname: other}\n---\n{kind: credential, name: d, hostname: web1}\n---\n{kind: device, name: web1}\n", "line 4: secret-automation x: credential d is not of the device other"},
		{"circle", "kind: credential\nname: x\nparent: y\n---\nkind: credential\nname: y\nparent: x\n", "in a circle"},
		{"env", "kind: credential\nname: x\nsecret: {env: NOT_SET}\n", "NOT_SET is not set"},
		{"compile", "kind: template\nname: x\nexecutor: ssh\ncontent: |\n  bogus\n", "line 4: template \"x\": line 1, column 1"},
		{"prune without a name", "kind: policy\nname: x\n", "--prune needs"},
	} {
		file := h.file(strings.ReplaceAll(c.name, " ", "-")+".yaml", c.file)
		args := []string{"apply", "-f", file}
		if strings.HasPrefix(c.name, "prune") {
			args = append(args, "--prune")
		}
		h.refused(c.want, args...)
	}
	if out := h.run("policy", "list"); strings.Contains(out, "x ") {
		t.Error("something was applied: " + out)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(shop))
	f.Add([]byte("kind: device\nname: &a x\ntags: [*a, *a]\n---\n<<: {kind: policy}\nname: y\n"))
	f.Add([]byte("kind: credential\nname: x\nsecret: {generate: true}\n---\n!!binary aGk=\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseManifest(b)
		if (m == nil) == (err == nil) {
			t.Fatalf("%v and %v", m, err)
		}
		if m == nil {
			return
		}
		for _, o := range m.objects {
			if o.kind == nil || o.name == "" || o.want[o.kind.field] != o.name || o.want["secret"] != nil || o.line < 1 {
				t.Fatalf("%+v", o)
			}
		}
	})
}
