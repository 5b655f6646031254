// Package config is the daemon's configuration: a YAML file, overridden by environment variables, overridden by flags.
// Every key is a field here, with its default and its meaning; unknown keys are refused.
package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"cofre/cluster/siem"
	"cofre/fsm/model"
)

// Config is everything that a node is told by its operator. The doc tag is the key's documentation.
type Config struct {
	Node    string `yaml:"node" doc:"name of this node; unique in the cluster, and never used again after a removal"`
	DataDir string `yaml:"data_dir" doc:"log, state and identity of this node, encrypted"`
	KeyDir  string `yaml:"key_dir" doc:"folder of the key files disk.key and seal.key; outside of data_dir, on storage that is not backed up with it"`
	Socket  string `yaml:"socket" doc:"unix socket for the operator's commands on this machine"`
	Seal    string `yaml:"seal" doc:"how the vault opens after a restart: systemd-credential or keyfile (by itself), shamir (people bring shares), or auto: systemd-credential where systemd hands the credential seal.key to the service, else keyfile"`
	// SealCredential is read for the status only: systemd opens it.
	SealCredential string        `yaml:"seal_credential" doc:"the encrypted credential of seal: systemd-credential, as the unit names it; cofre status tells from it whether a TPM guards the seal"`
	API            API           `yaml:"api"`
	Peer           Listen        `yaml:"peer"`
	Gossip         Listen        `yaml:"gossip"`
	ReencryptRate  int           `yaml:"reencrypt_rate" doc:"rows a second that the leader encrypts again after a rotation of the key term"`
	Slots          int           `yaml:"slots" doc:"operations that this node runs at once"`
	Sites          []string      `yaml:"sites" doc:"sites whose devices this node reaches; empty: all"`
	Metrics        string        `yaml:"metrics" doc:"host:port where Prometheus reads this node's numbers, over plain HTTP and without a token; empty: off"`
	Browser        string        `yaml:"browser" doc:"socket on which a browser of its own answers each connection: the executor browser of this node (systemd/cofre-browser.socket); empty: off"`
	OperationsKeep time.Duration `yaml:"operations_keep" doc:"how long the cluster keeps finished operations, at least 24h; 0: for ever. The leader's setting counts: set it alike on every node"`
	Timing         float64       `yaml:"timing" doc:"stretches the cluster's heartbeat, election and leader lease times (500, 500 and 250 ms) together"`
	Log            Log           `yaml:"log"`
	Audit          siem.Config   `yaml:"audit"`
	Dev            bool          `yaml:"dev" doc:"member of a practice cluster: loopback addresses only, stamped for ever"`
}

// API is the HTTPS listener for applications.
type API struct {
	Listen            string   `yaml:"listen" doc:"host:port of the HTTPS API"`
	Advertise         string   `yaml:"advertise" doc:"host:port under which clients reach it; default: listen"`
	CertFile          string   `yaml:"cert_file" doc:"PEM certificate chain of your own; default: one of the cluster's CA"`
	KeyFile           string   `yaml:"key_file" doc:"PEM key to cert_file"`
	TrustedProxies    []string `yaml:"trusted_proxies" doc:"prefixes of load balancers whose X-Forwarded-For, and whose header of the PROXY protocol (version 1 or 2), is believed"`
	RequestsPerSecond int      `yaml:"requests_per_second" doc:"requests that one source may send; more are answered 429"`
	TokensPerSecond   int      `yaml:"tokens_per_second" doc:"token requests that one source may send; more are answered 429"`
	SecretsInURL      bool     `yaml:"secrets_in_url" doc:"accept client secrets and passwords as URL parameters, as some old clients send them"`
	OAuth1Plaintext   bool     `yaml:"oauth1_plaintext" doc:"accept OAuth 1.0 with the signature method PLAINTEXT, which sends the secrets themselves; in the query only with secrets_in_url"`
}

// Listen is a listener between members.
type Listen struct {
	Listen    string `yaml:"listen" doc:"host:port"`
	Advertise string `yaml:"advertise" doc:"host:port under which members reach it; default: listen"`
}

// Log is the daemon's own log, on standard error.
type Log struct {
	Level  string `yaml:"level" doc:"debug, info, warn or error; debug also has a line for each API request that went well, info for each that did not"`
	Format string `yaml:"format" doc:"text or json"`
}

// SealAuto stands for the best seal that the machine offers; Load replaces it by that seal's name.
const SealAuto = "auto"

// Default is what every key starts from.
func Default() Config {
	return Config{
		DataDir: "/var/lib/cofre", KeyDir: "/etc/cofre/keys", Socket: "/run/cofre/cofre.sock", Seal: SealAuto, SealCredential: "/etc/cofre/credentials/seal.key", ReencryptRate: 500,
		API: API{Listen: "0.0.0.0:8443", RequestsPerSecond: 1000, TokensPerSecond: 50}, Peer: Listen{Listen: "0.0.0.0:8444"}, Gossip: Listen{Listen: "0.0.0.0:8445"},
		Slots: 8, OperationsKeep: 90 * 24 * time.Hour, Timing: 1, Log: Log{Level: "info", Format: "text"}, Audit: siem.Config{Local: siem.LocalConfig{Mode: siem.LocalPublic, Facility: "authpriv", Tag: "cofre"}, Batch: 256, Timeout: 30 * time.Second, Keep: 400 * 24 * time.Hour},
	}
}

// Load reads a file ("" for none), then the environment, then the flags that were set, and checks the result.
func Load(file string, environ func(string) (string, bool), flags map[string]string) (Config, error) {
	c := Default()
	if file != "" {
		if err := readFile(&c, file); err != nil {
			return c, err
		}
	}
	for _, k := range Keys() {
		if v, ok := environ(k.Env); ok {
			if err := k.Set(&c, v); err != nil {
				return c, fmt.Errorf("environment variable %s: %w", k.Env, err)
			}
		}
		if v, ok := flags[k.Path]; ok {
			if err := k.Set(&c, v); err != nil {
				return c, fmt.Errorf("flag --%s: %w", k.Path, err)
			}
		}
	}
	if c.Seal == SealAuto {
		c.Seal = "keyfile"
		if dir, ok := environ("CREDENTIALS_DIRECTORY"); ok {
			if _, err := os.Stat(filepath.Join(dir, "seal.key")); err == nil {
				c.Seal = "systemd-credential"
			}
		}
	}
	if c.Node == "" {
		c.Node, _ = os.Hostname()
	}
	for _, p := range []struct{ advertise, listen *string }{{&c.API.Advertise, &c.API.Listen}, {&c.Peer.Advertise, &c.Peer.Listen}, {&c.Gossip.Advertise, &c.Gossip.Listen}} {
		if *p.advertise == "" {
			*p.advertise = *p.listen
		}
	}
	return c, c.Check()
}

// Check refuses what cannot work, and says what to do.
func (c *Config) Check() error {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if !model.ValidName(c.Node) {
		bad("node: %q is not a name of 1 to 63 letters, digits, '-', '_' or '.'", c.Node)
	}
	if !slices.Contains([]string{"keyfile", "systemd-credential", "shamir"}, c.Seal) {
		bad("seal: %q is none of auto, systemd-credential, keyfile and shamir", c.Seal)
	}
	if c.ReencryptRate < 1 || c.ReencryptRate > 100_000 {
		bad("reencrypt_rate: %d is not between 1 and 100000", c.ReencryptRate)
	}
	if c.Slots < 0 || c.Slots > 1024 {
		bad("slots: %d is not between 0 and 1024", c.Slots)
	}
	if c.OperationsKeep != 0 && c.OperationsKeep < 24*time.Hour {
		bad("operations_keep: %s is neither 0 (for ever) nor at least 24h", c.OperationsKeep)
	}
	if c.Metrics != "" && !isHostPort(c.Metrics, 0) {
		bad("metrics: %q is not host:port, such as 127.0.0.1:9464", c.Metrics)
	}
	if c.API.RequestsPerSecond < 1 || c.API.TokensPerSecond < 1 {
		bad("api.requests_per_second and api.tokens_per_second are at least 1")
	}
	if math.IsNaN(c.Timing) || c.Timing < 0.2 || c.Timing > 20 {
		bad("timing: %v is not between 0.2 and 20", c.Timing)
	}
	if (c.API.CertFile == "") != (c.API.KeyFile == "") {
		bad("api.cert_file and api.key_file go together")
	}
	if err := c.Audit.Validate(); err != nil {
		errs = append(errs, err)
	}
	for _, d := range []*string{&c.DataDir, &c.KeyDir, &c.Socket} {
		abs, err := filepath.Abs(*d)
		if err != nil {
			bad("%q: %w", *d, err)
			continue
		}
		*d = abs
	}
	if rel, err := filepath.Rel(c.DataDir, c.KeyDir); err == nil && rel != ".." && !strings.HasPrefix(rel, "../") {
		bad("key_dir: %s lies inside data_dir: a copy of the data would carry the keys along", c.KeyDir)
	}
	for _, l := range []struct{ name, addr string }{{"api.listen", c.API.Listen}, {"peer.listen", c.Peer.Listen}, {"gossip.listen", c.Gossip.Listen}} {
		if !isHostPort(l.addr, 1) {
			bad("%s: %q is not host:port", l.name, l.addr)
		}
	}
	for _, l := range []struct{ name, addr string }{{"api.advertise", c.API.Advertise}, {"peer.advertise", c.Peer.Advertise}, {"gossip.advertise", c.Gossip.Advertise}} {
		name, addr := l.name, l.addr
		host, _, err := net.SplitHostPort(addr)
		ip := net.ParseIP(host)
		switch {
		case err != nil || !isHostPort(addr, 1):
			bad("%s: %q is not host:port", name, addr)
		case ip != nil && ip.IsUnspecified():
			bad("%s: others cannot reach %q: set %s to this machine's address", name, addr, name)
		case c.Dev && (ip == nil || !ip.IsLoopback()):
			bad("%s: a practice cluster stays on loopback addresses, not %q", name, addr)
		}
	}
	return errors.Join(errs...)
}

// isHostPort tells whether an address has a port that there can be, and no lower one than the least: 0 is one that is free, which only the
// log then tells.
func isHostPort(addr string, least uint64) bool {
	_, port, err := net.SplitHostPort(addr)
	n, bad := strconv.ParseUint(port, 10, 16)
	return err == nil && bad == nil && n >= least
}
