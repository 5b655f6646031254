package dsm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func surroundings(t *testing.T, env map[string]string) Surroundings {
	t.Helper()
	home := t.TempDir()
	return Surroundings{
		Lookup: func(n string) (string, bool) { v, ok := env[n]; return v, ok }, Environ: func() []string { return nil },
		Home: func() (string, error) { return home, nil },
	}
}

func put(t *testing.T, s Surroundings, name, content string, mode os.FileMode) string {
	t.Helper()
	home, _ := s.Home()
	file := filepath.Join(home, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
	return file
}

const whole = "SENHASEGURA_URL: https://a:1/, HTTPS://b:2/iso/oauth2\nSENHASEGURA_CLIENT_ID: id\nsenhasegura_client_secret: \"s: x\"\nSENHASEGURA_TIMEOUT: 7\nGITLAB_ACCESS_TOKEN: other\n"

func TestKeys(t *testing.T) {
	t.Parallel()
	for _, name := range []string{".senhasegura/config.yaml", ".config.yaml"} {
		env := map[string]string{"SENHASEGURA_CLIENT_ID": "from env", "SENHASEGURA_CLIENT_SECRET": ""}
		s := surroundings(t, env)
		put(t, s, name, whole, 0o600)
		k, err := readKeys(s, "")
		if err != nil {
			t.Fatal(err)
		}
		c, err := k.connection(false)
		if err != nil || len(c.URLs) != 2 || c.URLs[1] != "https://b:2" || c.ClientID != "from env" || c.ClientSecret != "s: x" || c.Timeout != 7*time.Second || c.Insecure {
			t.Errorf("%s: %+v %v", name, c, err)
		}
		if k.secretsFile() != ".runb.vars" {
			t.Error(k.secretsFile())
		}
	}
	// The named file wins over the usual one, the flag over the variable.
	s := surroundings(t, map[string]string{})
	put(t, s, ".config.yaml", whole, 0o600)
	other := put(t, s, "other.yaml", "SENHASEGURA_URL: https://c\nSENHASEGURA_INSECURE: true\nSENHASEGURA_SECRETS_FOLDER: sub\nSENHASEGURA_SECRETS_FILE: x.vars\n", 0o600)
	k, err := readKeys(s, other)
	if err != nil || k["URL"] != "https://c" || k["CLIENT_ID"] != "" || k.secretsFile() != filepath.Join("sub", "x.vars") {
		t.Errorf("%v %v", k, err)
	}
	if _, err := k.connection(false); err == nil || !strings.Contains(err.Error(), "SENHASEGURA_CLIENT_ID is not set") {
		t.Error(err)
	}
}

func TestBadKeys(t *testing.T) {
	t.Parallel()
	s := surroundings(t, map[string]string{})
	for want, file := range map[string]string{
		"chmod 600":      put(t, s, "open.yaml", whole, 0o640),
		"is no YAML":     put(t, s, "broken.yaml", "SENHASEGURA_CLIENT_SECRET: [hunter2", 0o600),
		"is not one":     put(t, s, "nested.yaml", "SENHASEGURA_URL: {a: b}", 0o600),
		"no such file":   filepath.Join(t.TempDir(), "none.yaml"),
		"not begin with": "",
	} {
		_, err := readKeys(s, file)
		if file == "" {
			_, err = keys{"URL": "http://a", "CLIENT_ID": "i", "CLIENT_SECRET": "s"}.connection(false)
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", want, err)
		}
	}
	for _, k := range []keys{{"TIMEOUT": "0"}, {"TIMEOUT": "soon"}, {"INSECURE": "perhaps"}} {
		k["URL"], k["CLIENT_ID"], k["CLIENT_SECRET"] = "https://a", "i", "s"
		if _, err := k.connection(false); err == nil {
			t.Errorf("%v was taken", k)
		}
	}
}

func TestMapping(t *testing.T) {
	t.Parallel()
	s := surroundings(t, nil)
	file := put(t, s, "mapping.json", "\xef\xbb\xbf"+`{"access_keys":[{"name":"k","type":"aws","fields":{"access_key_id":"AK"}}],"credentials":[{"name":"c","fields":{"user":"DB_USER","password":"DB_PASS"}}],"key_value":[{"name":"v","fields":["TOKEN","ABSENT"]}]}`, 0o644)
	m, err := keys{"MAPPING_FILE": file}.mapping([]string{"AK=1=2", "DB_PASS=two\nlines", "TOKEN=", "AWS_SESSION=never sent", "DB_USERS=x"})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(m.missing, " "); got != "ABSENT DB_USER" {
		t.Error(got)
	}
	if b, err := m.document(); err != nil || string(b) != `{"AK":"1=2","DB_PASS":"two\nlines","TOKEN":""}` {
		t.Errorf("%s %v", b, err)
	}
	if m, err := (keys{"MAPPING_FILE": file}).mapping([]string{"AK=\xff"}); err != nil {
		t.Error(err)
	} else if b, err := m.document(); err == nil || !strings.Contains(err.Error(), "AK") {
		t.Errorf("%s %v", b, err)
	}
	if m, err := (keys{}).mapping([]string{"A=1"}); err != nil || m.text != nil || len(m.names) != 0 {
		t.Errorf("without a mapping file something is sent: %+v %v", m, err)
	}
	for _, bad := range []string{"[]", "{", `{"key_value":[{"fields":7}]}`, `{"credentials":{}}`, `{"key_values":[]}`} {
		if _, err := variablesOf([]byte(bad)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
	if got := encoded([]byte{0xfb, 0xff, 0xfe, 0x01}); got != "-__-AQ,," {
		t.Error(got)
	}
}

func TestOffline(t *testing.T) {
	t.Parallel()
	file, n, at := filepath.Join(t.TempDir(), "sub", "copy"), Name{"a", "s", "e"}, time.Now()
	if err := Keep(file, "client-secret", n, []Variable{{"PW", "sentinel-value"}}, at); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	b, _ := os.ReadFile(file)
	if err != nil || info.Mode().Perm() != 0o600 || strings.Contains(string(b), "sentinel") {
		t.Errorf("%v %v %s", info.Mode(), err, b)
	}
	all, of, err := Kept(file, "client-secret", n, at.Add(time.Hour), 2*time.Hour)
	if err != nil || len(all) != 1 || all[0] != (Variable{"PW", "sentinel-value"}) || !of.Equal(at) {
		t.Errorf("%v %v %v", all, of, err)
	}
	for name, open := range map[string]func() error{
		"another secret":      func() error { _, _, err := Kept(file, "other", n, at, time.Hour); return err },
		"another application": func() error { _, _, err := Kept(file, "client-secret", Name{"a", "s", "f"}, at, time.Hour); return err },
		"too old": func() error {
			_, _, err := Kept(file, "client-secret", n, at.Add(3*time.Hour), 2*time.Hour)
			return err
		},
		"damaged": func() error {
			if err := os.WriteFile(file, []byte(strings.Replace(string(b), `"box":"`, `"box":"AAAA`, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			_, _, err := Kept(file, "client-secret", n, at, time.Hour)
			return err
		},
	} {
		if open() == nil {
			t.Errorf("%s: it opened", name)
		}
	}
}
