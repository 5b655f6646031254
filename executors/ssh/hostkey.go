package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"cofre/executors"
	"cofre/executors/dialogue"
	"cofre/fsm/model"
)

// families are the host key types, best first, with the signature algorithms of each.
var families = [][]string{
	{ssh.KeyAlgoED25519},
	{ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521},
	{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256},
}

// weakFamilies are those of devices that are listed as Weak.
var weakFamilies = [][]string{families[0], families[1], append(families[2][:2:2], ssh.KeyAlgoRSA)}

// offer sets the algorithms of a connection: those without known weaknesses, which is less than the library's default, and
// the others behind them for a weak device.
func offer(c *ssh.Config, weak bool) {
	all := ssh.SupportedAlgorithms()
	c.KeyExchanges, c.Ciphers, c.MACs = all.KeyExchanges, all.Ciphers, all.MACs
	if weak {
		bad := ssh.InsecureAlgorithms()
		c.KeyExchanges, c.Ciphers, c.MACs = append(c.KeyExchanges, bad.KeyExchanges...), append(c.Ciphers, bad.Ciphers...), append(c.MACs, bad.MACs...)
	}
}

// keyType is the type of key that the signature algorithm belongs to.
func keyType(algorithm string) string {
	if strings.HasPrefix(algorithm, "rsa-") {
		return ssh.KeyAlgoRSA
	}
	return algorithm
}

// hostKeyError says that the target did not prove to be who it should be.
type hostKeyError struct{ msg string }

func (e *hostKeyError) Error() string { return e.msg }

// pins are the keys that a device may show.
type pins struct {
	fingerprints map[string]bool
	keys         [][]byte
	types        map[string]bool // of keys; meaningful only if every pin is a whole key
	whole        bool
	families     [][]string // that the device may use
}

func pinsOf(target model.Endpoint) (pins, error) {
	p := pins{fingerprints: map[string]bool{}, types: map[string]bool{}, whole: true, families: families}
	if target.Protocol == Weak {
		p.families = weakFamilies
	}
	for _, k := range target.HostKeys {
		if k.Line == "" {
			p.fingerprints[k.Fingerprint], p.whole = true, false
			continue
		}
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(k.Line))
		if err != nil {
			return p, &hostKeyError{"a pinned host key of the device cannot be read"}
		}
		p.keys, p.types[key.Type()] = append(p.keys, key.Marshal()), true
	}
	if len(p.keys)+len(p.fingerprints) == 0 {
		return p, &hostKeyError{"the device has no pinned host key; pin it with: cofre device trust"}
	}
	return p, nil
}

// rounds lists the algorithms to offer, one list for each connection to try. Whole keys say which type to ask for; for
// a bare fingerprint each family is asked in turn, because a server shows only one key per connection.
func (p pins) rounds() [][]string {
	if !p.whole {
		return p.families
	}
	var all []string
	for _, family := range p.families {
		for _, algorithm := range family {
			if p.types[keyType(algorithm)] {
				all = append(all, algorithm)
			}
		}
	}
	return [][]string{all}
}

func (p pins) check(key ssh.PublicKey) error {
	shown := ssh.FingerprintSHA256(key)
	if p.fingerprints[shown] {
		return nil
	}
	for _, k := range p.keys {
		if bytes.Equal(k, key.Marshal()) {
			return nil
		}
	}
	return &hostKeyError{fmt.Sprintf("the target shows the host key %s (%s), which is not pinned: it was changed, or this is another machine. Compare it with what ssh-keygen -lf prints on the machine's own console, then: cofre device trust HOST --fingerprint SHA256:... --replace", shown, key.Type())}
}

// errSeen ends a handshake after the host key was seen.
var errSeen = errors.New("host key seen")

// ScanHostKeys asks a server for its host keys, one connection for each type, without logging in. Whoever pins them
// must compare the fingerprints with a trusted source.
func ScanHostKeys(ctx context.Context, dial executors.Dialer, addr string) ([]model.HostKey, error) {
	var keys []model.HostKey
	var last error
	for _, family := range weakFamilies { // nothing that is secret is said here
		cfg := &ssh.ClientConfig{HostKeyAlgorithms: family, HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			keys = append(keys, model.HostKey{Fingerprint: ssh.FingerprintSHA256(key), Line: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))})
			return errSeen
		}}
		offer(&cfg.Config, true)
		c, err := handshake(ctx, dial, addr, cfg, dialogue.DefaultTimeout)
		if err == nil { // the callback always refuses, so this cannot be
			_ = c.Close()
		}
		last = err
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("read host keys of %s: %w", addr, last)
	}
	return keys, nil
}

// handshake dials and speaks SSH up to the end of authentication, within the limit for connecting and three times
// that for the rest, and stops as soon as ctx ends.
func handshake(ctx context.Context, dialer executors.Dialer, addr string, cfg *ssh.ClientConfig, limit time.Duration) (*ssh.Client, error) {
	dctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	raw, err := dialer(dctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", addr, err)
	}
	hctx, cancel := context.WithTimeout(ctx, 3*limit)
	defer cancel()
	stop := context.AfterFunc(hctx, func() { _ = raw.Close() })
	conn, channels, requests, err := ssh.NewClientConn(quick(raw), addr, cfg)
	if err != nil {
		_ = raw.Close()
		if !stop() {
			return nil, executors.Late(hctx, "log in at "+addr, 3*limit)
		}
		return nil, err
	}
	client := ssh.NewClient(conn, channels, requests)
	if !stop() {
		_ = client.Close()
		return nil, executors.Late(hctx, "log in at "+addr, 3*limit)
	}
	return client, nil
}
