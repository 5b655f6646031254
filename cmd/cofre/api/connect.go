package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"cofre/cmd/cofre/client"
	"cofre/cmd/cofre/dev"
)

// client connects once: by a practice cluster's file, by the environment, or by the user's profile, in this order.
func (s *session) client() (*client.Client, error) {
	if s.connected != nil {
		return s.connected, nil
	}
	config, err := s.config()
	if err != nil {
		return nil, err
	}
	s.connected, err = client.New(config)
	return s.connected, err
}

func (s *session) config() (client.Config, error) {
	if s.ready != "" {
		return fromReady(s.ready)
	}
	lookup := s.lookup
	if _, ok := lookup("COFRE_URL"); !ok {
		profile, err := s.profile()
		if err != nil {
			return client.Config{}, err
		}
		lookup = func(name string) (string, bool) {
			if v, ok := s.lookup(name); ok {
				return v, true
			}
			v, ok := profile[name]
			return v, ok
		}
	}
	get := func(name string) string { v, _ := lookup(name); return v }
	c := client.Config{ClientID: get("COFRE_CLIENT_ID"), ClientSecret: get("COFRE_CLIENT_SECRET"), CAFile: get("COFRE_CA_FILE")}
	for _, u := range strings.Split(get("COFRE_URL"), ",") {
		if u = strings.TrimSpace(u); u == "" {
			continue
		}
		if !strings.HasPrefix(u, "https://") {
			return c, fmt.Errorf("COFRE_URL: %q does not begin with https://", u)
		}
		c.URLs = append(c.URLs, u)
	}
	if file := get("COFRE_CLIENT_SECRET_FILE"); file != "" && c.ClientSecret == "" {
		b, err := private(file)
		if err != nil {
			return c, fmt.Errorf("read COFRE_CLIENT_SECRET_FILE: %w", err)
		}
		c.ClientSecret = strings.TrimSpace(string(b))
	}
	if len(c.URLs) > 0 && c.ClientID != "" && c.ClientSecret == "" {
		return c, errors.New("there is no client secret: set COFRE_CLIENT_SECRET_FILE to a file of mode 0600 that holds it, or COFRE_CLIENT_SECRET")
	}
	return c, nil
}

func fromReady(file string) (client.Config, error) {
	b, err := private(file)
	if err != nil {
		return client.Config{}, fmt.Errorf("read the practice cluster's file (cofre dev writes it when every node serves): %w", err)
	}
	var r dev.Ready
	if err := json.Unmarshal(b, &r); err != nil {
		return client.Config{}, fmt.Errorf("read %s: it is no ready.json of cofre dev: %w", file, err)
	}
	c := client.Config{ClientID: r.Admin.ClientID, ClientSecret: r.Admin.ClientSecret, CAFile: r.CAFile}
	for _, n := range r.Nodes {
		c.URLs = append(c.URLs, n.API)
	}
	return c, nil
}

// private reads a file that only its owner may read.
func private(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("%s holds a secret and others may use it (mode %04o): chmod 600 %s", file, mode, file)
	}
	return os.ReadFile(file)
}

// profile reads the user's profile; without one it is empty.
func (s *session) profile() (map[string]string, error) {
	dir, err := s.home()
	if err != nil {
		return nil, nil // no home folder, no profile: a service
	}
	file := filepath.Join(dir, "cofre", "profile.env")
	b, err := private(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the profile: %w", err)
	}
	return parseProfile(file, b)
}

// parseProfile reads lines NAME=value; a value may stand in quotes. An error never shows a value.
func parseProfile(file string, b []byte) (map[string]string, error) {
	out := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(b))
	for n := 1; lines.Scan(); n++ {
		l := strings.TrimSpace(lines.Text())
		if l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(l, "export "), "=")
		if !ok || !strings.HasPrefix(name, "COFRE_") {
			return nil, fmt.Errorf("%s line %d: it is not COFRE_NAME=value", file, n)
		}
		if len(value) > 1 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
			value = value[1 : len(value)-1]
		}
		out[name] = value
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return out, nil
}
