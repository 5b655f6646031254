package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cofre/cmd/cofre/config"
)

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cofre.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// reachable is what every configuration needs so that others can reach the node.
const reachable = "node: n1\napi: {advertise: \"vault.example.org:1\"}\npeer: {advertise: \"10.0.0.1:2\"}\ngossip: {advertise: \"10.0.0.1:3\"}\n"

func env(values map[string]string) func(string) (string, bool) {
	return func(k string) (string, bool) { v, ok := values[k]; return v, ok }
}

// The file goes before the defaults, the environment before the file, flags before all, for every key.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	file := write(t, reachable+"slots: 3\nlog: {level: warn}\nsites: [a, b]\n")
	for _, c := range []struct {
		name  string
		env   map[string]string
		flags map[string]string
		slots int
		level string
		sites string
	}{
		{"file", nil, nil, 3, "warn", "a,b"},
		{"environment", map[string]string{"COFRE_SLOTS": "4", "COFRE_SITES": " c , d,"}, nil, 4, "warn", "c,d"},
		{"flags", map[string]string{"COFRE_SLOTS": "4", "COFRE_LOG_LEVEL": "debug"}, map[string]string{"slots": "5"}, 5, "debug", "a,b"},
		{"an empty value is a value", map[string]string{"COFRE_SITES": ""}, nil, 3, "warn", ""},
	} {
		got, err := config.Load(file, env(c.env), c.flags)
		if err != nil || got.Slots != c.slots || got.Log.Level != c.level || strings.Join(got.Sites, ",") != c.sites {
			t.Errorf("%s: %d %s %v: %v", c.name, got.Slots, got.Log.Level, got.Sites, err)
		}
	}
	if _, err := config.Load(write(t, reachable+"data_dir: /srv/cofre\nkey_dir: /srv/cofre-keys\n"), env(nil), nil); err != nil {
		t.Errorf("keys beside the data: %v", err)
	}
	got, err := config.Load(file, env(nil), nil)
	if err != nil || got.API.Listen != "0.0.0.0:8443" || got.Slots != 3 {
		t.Errorf("defaults under a file: %+v, %v", got.API, err)
	}
}

// Every key is documented, has its own environment variable, and takes back what it shows.
func TestKeys(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, k := range config.Keys() {
		if k.Doc == "" || seen[k.Env] || seen[k.Path] {
			t.Errorf("%s (%s): documented %t, or not its own", k.Path, k.Env, k.Doc != "")
		}
		seen[k.Env], seen[k.Path] = true, true
		c, want := config.Default(), config.Default()
		if err := k.Set(&c, k.Default); err != nil {
			t.Errorf("%s does not take its own default %q: %v", k.Path, k.Default, err)
		}
		if k.Get(&c) != k.Get(&want) {
			t.Errorf("%s: %q became %q", k.Path, k.Default, k.Get(&c))
		}
	}
	for _, must := range []string{"node", "api.listen", "audit.local.mode", "log.level", "COFRE_API_TRUSTED_PROXIES"} {
		if !seen[must] {
			t.Errorf("there is no key %s", must)
		}
	}
	var b strings.Builder
	if err := config.Print(&b, config.Default()); err != nil || !strings.Contains(b.String(), "\nseal: auto\n") {
		t.Errorf("printed: %v\n%s", err, b.String())
	}
}

// What is wrong is refused by the name of its key.
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, file, want string }{
		{"unknown", reachable + "slotz: 3\n", "slotz"},
		{"unknown inside", "node: n1\napi: {advertise: \"a:1\", lisen: \"x:1\"}\n", "lisen"},
		{"twice", reachable + "slots: 1\nslots: 2\n", "slots"},
		{"a second document", reachable + "---\nslots: 2\n", "document"},
		{"a word for a number", reachable + "slots: many\n", "slots"},
		{"a word for a switch", reachable + "dev: perhaps\n", "dev"},
		{"a list for a word", reachable + "seal: [a]\n", "seal"},
		{"seal", reachable + "seal: tpm\n", "seal:"},
		{"name", strings.Replace(reachable, "n1", "a/b", 1), "node:"},
		{"slots", reachable + "slots: 1025\n", "slots:"},
		{"keys inside the data", reachable + "data_dir: /srv/cofre\nkey_dir: /srv/cofre/keys\n", "key_dir:"},
		{"keys in the data directory", reachable + "data_dir: /srv/cofre\nkey_dir: /srv/x/../cofre\n", "key_dir:"},
		{"negative slots", reachable + "slots: -1\n", "slots:"},
		{"timing", reachable + "timing: 0.1\n", "timing:"},
		{"timing that is no number", reachable + "timing: .nan\n", "timing:"},
		{"unreachable", "node: n1\n", "api.advertise:"},
		{"no port", strings.Replace(reachable, ":1\"", "\"", 1), "api.advertise:"},
		{"not loopback", reachable + "dev: true\n", "peer.advertise:"},
		{"half a certificate", "node: n1\napi: {advertise: \"a:1\", cert_file: x}\n", "api.cert_file"},
		{"no requests", "node: n1\napi: {advertise: \"a:1\", requests_per_second: 0}\n", "api.requests_per_second"},
		{"audit", reachable + "audit: {local: {mode: loud}}\n", "mode"},
		{"audit in clear", reachable + "audit: {local: {mode: full}}\n", "plaintext"},
	} {
		_, err := config.Load(write(t, c.file), env(nil), nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v does not name %s", c.name, err, c.want)
		}
	}
	if _, err := config.Load(write(t, reachable), env(map[string]string{"COFRE_SLOTS": "x"}), nil); err == nil || !strings.Contains(err.Error(), "COFRE_SLOTS") {
		t.Errorf("environment: %v", err)
	}
	if _, err := config.Load(write(t, reachable), env(nil), map[string]string{"audit.timeout": "soon"}); err == nil || !strings.Contains(err.Error(), "--audit.timeout") {
		t.Errorf("flag: %v", err)
	}
	if _, err := config.Load(filepath.Join(t.TempDir(), "none.yaml"), env(nil), nil); err == nil {
		t.Error("a file that is not there")
	}
	if _, err := config.Load(write(t, ""), env(map[string]string{"COFRE_API_ADVERTISE": "a:1", "COFRE_PEER_ADVERTISE": "a:2", "COFRE_GOSSIP_ADVERTISE": "a:3"}), nil); err != nil {
		t.Errorf("an empty file: %v", err)
	}
}

// The file that is shipped loads, and changes nothing but what it says.
func TestShippedFile(t *testing.T) {
	t.Parallel()
	reach := env(map[string]string{"COFRE_NODE": "n1", "COFRE_API_ADVERTISE": "a:1", "COFRE_PEER_ADVERTISE": "a:2", "COFRE_GOSSIP_ADVERTISE": "a:3"})
	shipped, err := config.Load(filepath.Join("..", "..", "..", "packaging", "cofre.yaml"), reach, nil)
	if err != nil {
		t.Fatal(err)
	}
	bare, err := config.Load("", reach, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(bare, shipped); diff != "" {
		t.Errorf("packaging/cofre.yaml differs from the defaults (-defaults +file):\n%s", diff)
	}
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "packaging", "cofre.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range config.Keys() {
		name := k.Path[strings.LastIndex(k.Path, ".")+1:]
		if !strings.Contains(string(b), name+":") {
			t.Errorf("packaging/cofre.yaml does not show %s", k.Path)
		}
	}
}

// What people get wrong in the file is said with its line, in words of the field.
func TestComplaints(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"data_dri: /x\n":                     "data_dri: line 5: there is no key data_dri",
		"slots: many\n":                      "slots: line 5: `many` is not a whole number",
		"slots: -3\n":                        "slots: -3 is not between",
		"operations_keep: 5\n":               "operations_keep: line 5: `5` is not a span of time such as 720h",
		"sites: {a: b}\n":                    "sites: line 5: a mapping is not a list of words",
		"log: [x]\n":                         "log: line 5: a list is not what belongs here",
		"audit: {receivers: [{where: x}]}\n": "line 5: there is no key where",
		"metrics: 127.0.0.1:99999\n":         `metrics: "127.0.0.1:99999" is not host:port`,
		"metrics: nowhere\n":                 `metrics: "nowhere" is not host:port`,
		"browser: [\n":                       "line ",
	} {
		_, err := config.Load(write(t, reachable+text), env(nil), nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "unmarshal") {
			t.Errorf("%s: %v, want %s", strings.TrimSpace(text), err, want)
		}
	}
	if _, err := config.Load(write(t, reachable), env(nil), map[string]string{"metrics": "127.0.0.1:0"}); err != nil { // a port that is free; the log tells which
		t.Error(err)
	}
	for _, addr := range []string{"127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:-1", "127.0.0.1:70000", "127.0.0.1:https"} {
		for _, key := range []string{"api.listen", "peer.listen", "gossip.listen", "api.advertise"} {
			if _, err := config.Load(write(t, reachable), env(nil), map[string]string{key: addr}); err == nil || !strings.Contains(err.Error(), key+": ") {
				t.Errorf("%s: %s: %v", key, addr, err)
			}
		}
	}
}
