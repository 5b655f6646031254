package dsm

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"cofre/cmd/cofre/client"
)

const prefix = "SENHASEGURA_"

// known are the keys without their prefix. A file may hold others: pipelines share it with other tools.
var known = []string{"URL", "CLIENT_ID", "CLIENT_SECRET", "CA_FILE", "CONFIG_FILE", "MAPPING_FILE", "SECRETS_FILE", "SECRETS_FOLDER", "DISABLE_RUNB", "INSECURE", "TIMEOUT"}

// keys are the settings by name without the prefix.
type keys map[string]string

// readKeys joins the environment and the file.
func readKeys(s Surroundings, file string) (keys, error) {
	k := keys{}
	path, must := file, true
	if path == "" {
		path, _ = s.Lookup(prefix + "CONFIG_FILE")
	}
	if path == "" {
		path, must = usual(s), false
	}
	if path != "" {
		if err := k.load(path); err != nil && (must || !errors.Is(err, fs.ErrNotExist)) {
			return nil, fmt.Errorf("read the configuration: %w", err)
		}
	}
	for _, name := range known {
		if v, _ := s.Lookup(prefix + name); v != "" { // a pipeline sets what it has no value for to nothing, and means the file
			k[name] = v
		}
	}
	return k, nil
}

// usual is the first of the usual files that is there.
func usual(s Surroundings) string {
	home, err := s.Home()
	if err != nil {
		return "" // no home folder: a service
	}
	for _, name := range []string{filepath.Join(".senhasegura", "config.yaml"), ".config.yaml"} {
		if _, err := os.Stat(filepath.Join(home, name)); err == nil {
			return filepath.Join(home, name)
		}
	}
	return ""
}

func (k keys) load(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%s holds a client secret and others may read it (mode %04o): chmod 600 %s", file, mode, file)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	all := map[string]yaml.Node{}
	if err := yaml.Unmarshal(b, &all); err != nil {
		return fmt.Errorf("%s is no YAML with a key and a value on each line", file) // the library's error quotes the text
	}
	for name, node := range all {
		short, ours := strings.CutPrefix(strings.ToUpper(name), prefix)
		if !ours || !slices.Contains(known, short) {
			continue
		}
		if node.Kind != yaml.ScalarNode {
			return fmt.Errorf("%s: %s is not one value", file, name)
		}
		k[short] = node.Value
	}
	return nil
}

// flag reads a switch as people write it.
func (k keys) flag(name string) (bool, error) {
	switch v := strings.ToLower(strings.TrimSpace(k[name])); v {
	case "", "0", "false", "no", "off":
		return false, nil
	case "1", "true", "yes", "on":
		return true, nil
	}
	return false, fmt.Errorf("%s%s is neither true nor false", prefix, name)
}

// connection says where the API is and who asks.
func (k keys) connection(insecure bool) (client.Config, error) {
	c := client.Config{ClientID: k["CLIENT_ID"], ClientSecret: k["CLIENT_SECRET"], CAFile: k["CA_FILE"], Timeout: 30 * time.Second}
	for _, u := range strings.Split(k["URL"], ",") {
		if u = strings.TrimSpace(u); u == "" {
			continue
		}
		at, err := url.Parse(u)
		if err != nil || at.Scheme != "https" || at.Host == "" {
			return c, fmt.Errorf("%sURL: %q does not begin with https://", prefix, u)
		}
		c.URLs = append(c.URLs, "https://"+at.Host) // a path such as /iso is left out, as the vendor's client does
	}
	for _, name := range []string{"URL", "CLIENT_ID", "CLIENT_SECRET"} {
		if k[name] == "" {
			return c, fmt.Errorf("%s%s is not set: set it in the environment, or in ~/.senhasegura/config.yaml (mode 0600)", prefix, name)
		}
	}
	if t := k["TIMEOUT"]; t != "" {
		n, err := strconv.Atoi(t)
		if err != nil || n < 1 || n > 600 {
			return c, fmt.Errorf("%sTIMEOUT is not a number of seconds from 1 to 600", prefix)
		}
		c.Timeout = time.Duration(n) * time.Second
	}
	off, err := k.flag("INSECURE")
	c.Insecure = off || insecure
	return c, err
}

func (k keys) secretsFile() string {
	file := k["SECRETS_FILE"]
	if file == "" {
		file = ".runb.vars"
	}
	if folder := k["SECRETS_FOLDER"]; folder != "" && filepath.Base(file) == file {
		file = filepath.Join(folder, file)
	}
	return file
}
