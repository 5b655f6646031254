package siem

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Config is the section `audit` of the configuration file.
type Config struct {
	// Local is the syslog of this machine.
	Local LocalConfig `yaml:"local"`
	// Receivers are syslog receivers in the network.
	Receivers []ReceiverConfig `yaml:"receivers"`
	// Files are written as JSON lines; they are never rotated by cofre, which follows a renamed file.
	Files []FileConfig `yaml:"files"`
	// Webhooks are told results over HTTPS, Mails by e-mail.
	Webhooks []WebhookConfig `yaml:"webhooks"`
	Mails    []MailConfig    `yaml:"mails"`
	// Batch is the greatest number of events in one write. Default 256.
	Batch int `yaml:"batch"`
	// Timeout is how long connecting or one write may take. Default 30s.
	Timeout time.Duration `yaml:"timeout"`
	// Keep is how long the cluster keeps events, at least 720h; 0: for ever. The leader's value counts. Default 9600h.
	Keep time.Duration `yaml:"keep"`
}

const leastKeep = 30 * 24 * time.Hour // as the reducer demands it (fsm/trail)

// The modes of the local syslog.
const (
	LocalPublic = "public" // event id, kind, severity, object ids and node
	LocalFull   = "full"   // also names and addresses; needs plaintext: true
	LocalOff    = "off"
)

// LocalConfig is the syslog of this machine.
type LocalConfig struct {
	// Mode is public (default), full or off.
	Mode string `yaml:"mode"`
	// Facility is a syslog facility. Default authpriv.
	Facility string `yaml:"facility"`
	// Tag is the program name of the records. Default cofre.
	Tag string `yaml:"tag"`
	// Plaintext says that names and addresses may lie readable in the machine's log; mode full needs it.
	Plaintext bool `yaml:"plaintext"`
}

// ReceiverConfig is one syslog receiver.
type ReceiverConfig struct {
	// Name is for people and names the cursor file; it must not change. Default: made from transport and address.
	Name string `yaml:"name"`
	// Address is host:port; 6514 is the port of syslog over TLS.
	Address string `yaml:"address"`
	// Transport is tls (RFC 5425, default), tcp (octet counting) or udp; the last two need plaintext: true.
	Transport string `yaml:"transport"`
	// Plaintext says that names and addresses may cross the network readable.
	Plaintext bool `yaml:"plaintext"`
	// Format is rfc5424 (default) or cef (in a record of RFC 5424).
	Format string `yaml:"format"`
	// Facility is a syslog facility. Default authpriv.
	Facility string `yaml:"facility"`
	// SDID names our structured data: name@private-enterprise-number. The default cofre@32473 is the number reserved
	// for documentation; set your own organisation's.
	SDID string `yaml:"sd_id"`
	// CA is a file of PEM certificates that sign the receiver's; empty: the system's.
	CA string `yaml:"ca"`
	// ServerName is the name in the receiver's certificate; empty: the host of Address.
	ServerName string `yaml:"server_name"`
	// Certificate and Key are PEM files of the client certificate, for mutual authentication.
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
}

// FileConfig is one file of JSON lines.
type FileConfig struct {
	// Name is for people and names the cursor file; it must not change. Default: made from path.
	Name string `yaml:"name"`
	// Path is the file; it is made with mode 0600.
	Path string `yaml:"path"`
	// Plaintext says that names and addresses may lie readable on this disk; without it they are left out.
	Plaintext bool `yaml:"plaintext"`
}

// facilities are the syslog facilities of RFC 5424, 6.2.1, by the names that syslog.conf uses.
var facilities = map[string]int{
	"kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "lpr": 6, "news": 7, "uucp": 8, "cron": 9,
	"authpriv": 10, "ftp": 11, "local0": 16, "local1": 17, "local2": 18, "local3": 19, "local4": 20, "local5": 21,
	"local6": 22, "local7": 23,
}

var (
	validName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)
	validSDID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,16}@[0-9]{1,8}(\.[0-9]{1,8})*$`)
)

func (c Config) withDefaults() Config {
	set := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	set(&c.Local.Mode, LocalPublic)
	set(&c.Local.Facility, "authpriv")
	set(&c.Local.Tag, "cofre")
	c.Receivers = slices.Clone(c.Receivers)
	for i := range c.Receivers {
		r := &c.Receivers[i]
		set(&r.Transport, "tls")
		set(&r.Format, "rfc5424")
		set(&r.Facility, "authpriv")
		set(&r.SDID, "cofre@32473")
		set(&r.Name, slug(r.Transport+"-"+r.Address))
	}
	c.Files = slices.Clone(c.Files)
	for i := range c.Files {
		set(&c.Files[i].Name, slug("file-"+c.Files[i].Path))
	}
	c.Webhooks = slices.Clone(c.Webhooks)
	for i := range c.Webhooks {
		w := &c.Webhooks[i]
		set(&w.Name, slug("webhook-"+w.URL))
		w.Wanted = w.withDefaults()
	}
	c.Mails = slices.Clone(c.Mails)
	for i := range c.Mails {
		m := &c.Mails[i]
		set(&m.Transport, "starttls")
		set(&m.Name, slug("mail-"+m.Address))
		m.Wanted = m.withDefaults()
		if m.Every == 0 {
			m.Every = time.Minute
		}
	}
	if c.Batch == 0 {
		c.Batch = 256
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	return c
}

// slug makes a name of a sink that is the same after every start, and different for different text.
func slug(s string) string {
	const limit = 32
	out := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(s))
	sum := sha256.Sum256([]byte(s))
	return out[:min(len(out), limit-9)] + "-" + hex.EncodeToString(sum[:4])
}

// Validate names everything that is wrong with the section.
func (c Config) Validate() error {
	c = c.withDefaults()
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	names := map[string]bool{"local": true}
	name := func(n string) {
		if !validName.MatchString(n) {
			bad("audit: %q is not a name: lower case letters, digits and dashes, 32 at most", n)
		}
		if names[n] {
			bad("audit: the name %q is used twice", n)
		}
		names[n] = true
	}
	switch c.Local.Mode {
	case LocalPublic, LocalOff:
	case LocalFull:
		if !c.Local.Plaintext {
			bad("audit.local: mode full writes names and addresses readable on this disk; say plaintext: true if that is wanted")
		}
	default:
		bad("audit.local: mode is public, full or off, not %q", c.Local.Mode)
	}
	if _, ok := facilities[c.Local.Facility]; !ok {
		bad("audit.local: unknown facility %q", c.Local.Facility)
	}
	for _, r := range c.Receivers {
		name(r.Name)
		errs = append(errs, r.validate()...)
	}
	for _, f := range c.Files {
		name(f.Name)
		if f.Path == "" {
			bad("audit file %s: path is missing", f.Name)
		}
	}
	for _, w := range c.Webhooks {
		name(w.Name)
		errs = append(errs, w.validate()...)
	}
	for _, m := range c.Mails {
		name(m.Name)
		errs = append(errs, m.validate()...)
	}
	if c.Batch < 1 || c.Batch > 4096 {
		bad("audit: batch is 1 to 4096, not %d", c.Batch)
	}
	if c.Timeout < time.Second {
		bad("audit: timeout is at least 1s, not %s", c.Timeout)
	}
	if c.Keep != 0 && c.Keep < leastKeep {
		bad("audit.keep is 0 (for ever) or at least %s", leastKeep)
	}
	return errors.Join(errs...)
}

func (r ReceiverConfig) validate() (errs []error) {
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("audit receiver "+r.Name+": "+format, args...))
	}
	if _, _, err := net.SplitHostPort(r.Address); err != nil {
		bad("address is host:port: %w", err)
	}
	switch r.Transport {
	case "tls":
	case "tcp", "udp":
		if !r.Plaintext {
			bad("%s carries names and addresses readable over the network; use tls, or say plaintext: true if that is wanted", r.Transport)
		}
		if r.CA+r.Certificate+r.Key+r.ServerName != "" {
			bad("ca, certificate, key and server_name are for tls")
		}
	default:
		bad("transport is tls, tcp or udp, not %q", r.Transport)
	}
	if r.Format != "rfc5424" && r.Format != "cef" {
		bad("format is rfc5424 or cef, not %q", r.Format)
	}
	if _, ok := facilities[r.Facility]; !ok {
		bad("unknown facility %q", r.Facility)
	}
	if !validSDID.MatchString(r.SDID) {
		bad("sd_id is name@number, not %q", r.SDID)
	}
	if (r.Certificate == "") != (r.Key == "") {
		bad("certificate and key belong together")
	}
	return errs
}

// tlsConfig always verifies the receiver: it is given names and addresses.
func (r ReceiverConfig) tlsConfig() (*tls.Config, error) {
	host, _, err := net.SplitHostPort(r.Address)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if r.ServerName != "" {
		c.ServerName = r.ServerName
	}
	if r.CA != "" {
		if c.RootCAs, err = authorities(r.CA); err != nil {
			return nil, err
		}
	}
	if r.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(r.Certificate, r.Key)
		if err != nil {
			return nil, fmt.Errorf("read the client certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// authorities reads the certificates that sign a receiver's.
func authorities(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the receiver's authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", path)
	}
	return pool, nil
}

func (l LocalConfig) about() string {
	if l.Mode == LocalFull {
		return "local syslog, PLAINTEXT names and addresses"
	}
	return "local syslog, object ids only"
}

func (r ReceiverConfig) about() string {
	s := strings.Join([]string{r.Format, "over", r.Transport, "to", r.Address}, " ")
	if r.Transport != "tls" {
		s += ", PLAINTEXT names and addresses"
	}
	return s
}

func (f FileConfig) about() string {
	if f.Plaintext {
		return "file " + f.Path + ", PLAINTEXT names and addresses"
	}
	return "file " + f.Path + ", object ids only"
}
