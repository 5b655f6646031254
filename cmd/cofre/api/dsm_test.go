package api

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cofre/cmd/cofre/dsm"
)

// pipeline gives the keys of an authorization that may register applications, and a dsm client that uses them.
func (h *house) pipeline() map[string]string {
	h.t.Helper()
	out := h.run("authorization", "create", "ci", "runner", "--module", "Application", "--module", "CI/CD", "--module", "Secrets Management", "--right", "secret.read", "--right", "credential.write", "--write", "--creates", "--delegate", "shop-*/erp", "--json")
	var keys struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}
	if err := json.Unmarshal([]byte(out), &keys); err != nil {
		h.t.Fatal(err, out)
	}
	return map[string]string{"SENHASEGURA_URL": h.env["COFRE_URL"], "SENHASEGURA_CLIENT_ID": keys.ClientID, "SENHASEGURA_CLIENT_SECRET": keys.ClientSecret, "SENHASEGURA_CA_FILE": h.env["COFRE_CA_FILE"]}
}

func (h *house) dsm(env map[string]string, args ...string) (string, error) {
	h.t.Helper()
	c := dsm.Command(dsm.Surroundings{
		Lookup: func(n string) (string, bool) { v, ok := env[n]; return v, ok },
		Environ: func() []string {
			return []string{"DB_USER=app", "DB_PASS=it's", "DB_HOST=web1", "TOKEN=t0ken-value", "DOTENV=A=1\nTOKEN=2\nBASH_FUNC_x%%=3\n", "AWS_SESSION_TOKEN=unmapped-sentinel"}
		},
		Home: func() (string, error) { return h.dir, nil },
	}, "1.2.3")
	c.SilenceUsage, c.SilenceErrors = true, true
	var notes bytes.Buffer
	c.SetArgs(args)
	c.SetOut(&notes)
	c.SetErr(&notes)
	err := c.ExecuteContext(h.t.Context())
	return notes.String(), err
}

const mappingFile = `{"credentials":[{"name":"DATABASE","fields":{"user":"DB_USER","password":"DB_PASS","host":"DB_HOST"}}],"key_value":[{"name":"TOKENS","fields":["TOKEN","DOTENV","ABSENT"]}]}`

// The dsm client registers, sends what is mapped, and writes what the application holds.
func TestDsmRunb(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("application", "create", "ci")
	env := h.pipeline()
	for _, args := range [][]string{{"--version"}, {"runb", "--version"}} {
		if out, err := h.dsm(env, args...); err != nil || out != "dsm version 1.2.3\n" {
			t.Errorf("%v: %q, %v", args, out, err)
		}
	}
	file := filepath.Join(h.dir, "runb.vars")
	env["SENHASEGURA_SECRETS_FILE"], env["SENHASEGURA_MAPPING_FILE"] = file, h.file("mapping.json", mappingFile)
	if err := os.WriteFile(file, []byte(strings.Repeat("an older and longer run\n", 100)), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		notes, err := h.dsm(env, "-v", "-c", h.file("empty.yaml", "{}"), "runb", "--app-name", "billing", "-s", "erp", "-e", "prod", "--tool-name", "linux", "--debug")
		if err != nil {
			t.Fatal(err, notes)
		}
		b, err := os.ReadFile(file)
		info, _ := os.Stat(file)
		if want := "set +xv\ndeclare -x DB_HOST='web1'\ndeclare -x DB_PASS='it'\\''s'\ndeclare -x DB_USER='app'\ndeclare -x DOTENV='A=1\nTOKEN=2\nBASH_FUNC_x%%=3\n'\ndeclare -x TOKEN='t0ken-value'\n"; err != nil || string(b) != want || info.Mode().Perm() != 0o600 {
			t.Errorf("%v %s %q", err, info.Mode(), b)
		}
		if !strings.Contains(notes, "POST /iso/cicd/variables: 200") || !strings.Contains(notes, "not registered, as they are not set: ABSENT\n") || strings.Contains(notes, "t0ken") || strings.Contains(notes, env["SENHASEGURA_CLIENT_SECRET"]) {
			t.Error(notes)
		}
	}
	if out := h.run("secret", "list", "--application", "billing"); !strings.Contains(out, "DATABASE") || !strings.Contains(out, "TOKENS") || strings.Contains(out, "AWS") {
		t.Error(out)
	}
	if notes, err := h.dsm(env, "runb", "-a", "My App (neu)", "-s", "e r p", "-e", "prod"); err != nil {
		t.Error(err, notes)
	}
	if out := h.run("secret", "list", "--application", "My App (neu)"); !strings.Contains(out, "TOKENS") {
		t.Error(out)
	}
	// Keys that may register nothing still read their own application, and only that.
	own := maps.Clone(env)
	own["SENHASEGURA_CLIENT_ID"], own["SENHASEGURA_CLIENT_SECRET"] = h.env["COFRE_CLIENT_ID"], h.env["COFRE_CLIENT_SECRET"]
	for range 2 {
		if _, err := h.dsm(own, "runb", "-a", "billing", "-s", "erp", "-e", "prod"); err == nil || !strings.Contains(err.Error(), "belong to the application \"admin\"") || !strings.Contains(err.Error(), "may not create applications") {
			t.Error(err)
		}
		delete(own, "SENHASEGURA_MAPPING_FILE") // with it, the variables are not registered for whoever has the keys
	}
	if out := h.run("secret", "list", "--application", "admin"); strings.Contains(out, "TOKENS") {
		t.Error(out)
	}
	for want, change := range map[string]map[string]string{
		"SENHASEGURA_DISABLE_RUNB": {"SENHASEGURA_DISABLE_RUNB": "1"}, "get an access token": {"SENHASEGURA_CLIENT_SECRET": "wrong"}, "certificate": {"SENHASEGURA_CA_FILE": ""}, "mapping file": {"SENHASEGURA_MAPPING_FILE": "/none"},
	} {
		bad := maps.Clone(env)
		maps.Copy(bad, change)
		if notes, err := h.dsm(bad, "runb", "-a", "billing", "-s", "erp", "-e", "prod"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v %s", want, err, notes)
		}
	}
	if notes, err := h.dsm(map[string]string{"SENHASEGURA_URL": env["SENHASEGURA_URL"], "SENHASEGURA_CLIENT_ID": env["SENHASEGURA_CLIENT_ID"], "SENHASEGURA_CLIENT_SECRET": env["SENHASEGURA_CLIENT_SECRET"], "SENHASEGURA_INSECURE": "true", "SENHASEGURA_SECRETS_FILE": file},
		"runb", "-a", "billing", "-s", "erp", "-e", "prod"); err != nil || !strings.Contains(notes, "not verified") {
		t.Error(err, notes)
	}
}

// A program gets the secrets of an application; their copy helps only when no node answers.
func TestRunApplication(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("application", "create", "ci")
	env := h.pipeline()
	for _, n := range []string{"URL", "CLIENT_ID", "CLIENT_SECRET"} {
		h.env["COFRE_"+n] = env["SENHASEGURA_"+n]
	}
	if _, err := h.dsm(map[string]string{"SENHASEGURA_URL": env["SENHASEGURA_URL"], "SENHASEGURA_CLIENT_ID": env["SENHASEGURA_CLIENT_ID"], "SENHASEGURA_CLIENT_SECRET": env["SENHASEGURA_CLIENT_SECRET"], "SENHASEGURA_CA_FILE": h.env["COFRE_CA_FILE"],
		"SENHASEGURA_MAPPING_FILE": h.file("m.json", mappingFile), "SENHASEGURA_SECRETS_FILE": filepath.Join(h.dir, "v")}, "runb", "-a", "billing", "-s", "erp", "-e", "prod"); err != nil {
		t.Fatal(err)
	}
	app, file := []string{"run", "--application", "billing", "--system", "erp", "--environment", "prod"}, filepath.Join(h.dir, "copy")
	with := func(more ...string) []string { return append(append([]string{}, app...), more...) }
	if out := h.run(with("--offline", file, "--", "sh", "-c", `printf %s "$DB_PASS-$TOKEN"`)...); out != "it's-t0ken-value" {
		t.Errorf("the program saw %q", out)
	}
	out, notes, err := h.try("", with("--mask", "--", "sh", "-c", `printf %s "<$TOKEN>"; printf t0ken; printf %s- "-value" >&2; printf %s "$TOKEN" >&2; exit 3`)...)
	if Status(err) != 3 || out != "<***>t0ken" || notes != "not masked: DB_USER: of values with less than 4 bytes too much else would be\n-value-***" {
		t.Errorf("%v %q %q", err, out, notes)
	}
	if b, err := os.ReadFile(file); err != nil || strings.Contains(string(b), "t0ken") {
		t.Errorf("%v %s", err, b)
	}
	// Refused by somebody: no copy. No node: the copy, unless it is too old or nobody asked for one.
	good := h.env["COFRE_CLIENT_SECRET"]
	h.env["COFRE_CLIENT_SECRET"] = "wrong"
	h.refused("get an access token", with("--offline", file, "--", "true")...)
	h.env["COFRE_CLIENT_SECRET"], h.env["COFRE_URL"] = good, "https://127.0.0.1:1"
	out, notes, err = h.try("", with("--offline", file, "--", "sh", "-c", `printf %s "$TOKEN"`)...)
	if err != nil || out != "t0ken-value" || !strings.Contains(notes, "no node answers") {
		t.Errorf("%v %q %q", err, out, notes)
	}
	h.refused("older than", with("--offline", file, "--offline-for", "1ns", "--", "true")...)
	h.refused("connection refused", with("--", "true")...)
	// Interrupted while no node answered, nothing is started; what a load balancer says in their place is no decision.
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if out, _, err := h.tryIn(stopped, "", with("--offline", file, "--", "echo", "started")...); err == nil || out != "" {
		t.Errorf("%v %q", err, out)
	}
	balancer := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusBadGateway) }))
	defer balancer.Close()
	ca := h.env["COFRE_CA_FILE"]
	h.env["COFRE_URL"], h.env["COFRE_CA_FILE"] = balancer.URL, h.file("balancer.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: balancer.Certificate().Raw})))
	if out := h.run(with("--offline", file, "--", "sh", "-c", `printf %s "$TOKEN"`)...); out != "t0ken-value" {
		t.Error(out)
	}
	h.env["COFRE_CA_FILE"] = ca
	h.refused("say whose secrets", "run", "--", "true")
	h.refused("say --application too", "run", "--system", "erp", "--", "true")
	h.env["COFRE_URL"] = env["SENHASEGURA_URL"]
	h.refused("all three names", with("--system", "", "--", "true")...)
}

// Values are masked wherever the program cuts its output.
func TestMasker(t *testing.T) {
	t.Parallel()
	const text = "a s3cret-long s3cret s3cre s3cret-lon\ntwo lines\nab"
	for size := 1; size < len(text); size++ {
		var b bytes.Buffer
		m := newMasker(&b, []string{"s3cret", "s3cret-long", "first\ntwo lines", "ab"})
		for at := 0; at < len(text); at += size {
			if _, err := m.Write([]byte(text[at:min(at+size, len(text))])); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.Close(); err != nil || b.String() != "a *** *** s3cre ***-lon\n***\nab" {
			t.Fatalf("in pieces of %d: %q %v", size, b.String(), err)
		}
	}
}

// Automations of secrets are made, switched and removed by the command line; what failed for a secret is listed.
func TestSecretAutomationCommands(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("application", "create", "shop")
	h.run("authorization", "create", "shop", "prod", "--module", "Secrets Management", "--right", "secret.read")
	h.run("device", "create", "web1", "--ip", "192.0.2.1")
	h.runWith(password+"\n", "credential", "create", "door", "--hostname", "web1", "--username", "deploy", "--secret-stdin")
	h.run("template", "put", "push", h.file("t.txt", "exec \"store\"\nexec [#API_KEY#]\nend\n"), "--executor", "ssh", "--kind", "Secret Management Automation")
	h.refused("trigger", "secret", "automation", "create", "push", "--trigger", "secret.read", "--application", "shop", "--executor", "ssh", "--template", "push", "--credential", "door")
	h.golden(`
automation  push
number  1
state  enabled
triggers  secret.created,secret.updated
applications  shop
template  ssh: push
devices  web1 (door)
saved by  admin/admin
created  TIME
revision  1
`, "secret", "automation", "create", "push", "--trigger", "secret.created,secret.updated", "--application", "shop", "--executor", "ssh", "--template", "push", "--credential", "deploy@web1")
	h.refused("it is one of secret.created, secret.updated, ", "secret", "automation", "create", "other", "--trigger", "secret.create", "--application", "shop", "--executor", "ssh", "--template", "push", "--credential", "deploy@web1")
	h.runWith(`{"API_KEY":"canary"}`, "secret", "create", "db", "--stdin", "--application", "shop", "--authorization", "prod")
	if out := h.run("operation", "list", "--kind", "secret_management_automation", "--json"); !strings.Contains(out, "secret.created") || strings.Contains(out, "canary") {
		t.Error(out)
	}
	h.run("secret", "automation", "update", "push", "--trigger", "secret.updated", "--tag", "cloud", "--description", "copies", "--name", "copy")
	h.run("secret", "automation", "disable", "copy")
	h.golden(`
NUMBER  NAME  TRIGGERS  TEMPLATE  DEVICES  LAST  STATE
1  copy  secret.updated  ssh:push  web1 (door)  TIME  disabled
`, "secret", "automation", "list")
	h.run("secret", "automation", "enable", "copy")
	h.run("secret", "automation", "delete", "copy")
	h.refused("not found", "secret", "automation", "show", "copy")
	h.golden("", "secret", "errors", "1")
}
