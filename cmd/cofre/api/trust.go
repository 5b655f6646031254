package api

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cofre/cmd/cofre/input"
	"cofre/executors/ssh"
	"cofre/httpapi/device"
)

type trustFlags struct {
	scan, replace   bool
	fingerprints    []string
	knownHosts, key string
}

func trustCommand(s *session) *cobra.Command {
	var f trustFlags
	c := &cobra.Command{
		Use: "trust HOST", Short: "Pin SSH host keys of a device", Args: cobra.ExactArgs(1),
		Long: `Pin SSH host keys. An operation that meets another key ends before it logs in. Name the key by one of:

  --fingerprint   what ssh-keygen -lf prints on the device's own console
  --known-hosts   the lines of a known_hosts file that name the device
  --key-file      a .pub file such as /etc/ssh/ssh_host_ed25519_key.pub
  --scan          fetch the keys over the network, and compare them yourself with one of the above`,
		Example: "  cofre device trust web1 --fingerprint SHA256:...\n  cofre device trust web1 --known-hosts ~/.ssh/known_hosts\n  cofre device trust web1 --scan\n  cofre device trust web1 --key-file new.pub --replace    # after the device got a new key",
	}
	c.Flags().BoolVar(&f.scan, "scan", false, "fetch the keys over the network and ask")
	c.Flags().StringSliceVar(&f.fingerprints, "fingerprint", nil, "SHA256:... as OpenSSH prints it; may be repeated")
	c.Flags().StringVar(&f.knownHosts, "known-hosts", "", "known_hosts file")
	c.Flags().StringVar(&f.key, "key-file", "", "file with public keys, one per line")
	c.Flags().BoolVar(&f.replace, "replace", false, "drop the pins that are there")
	c.MarkFlagsMutuallyExclusive("scan", "fingerprint", "known-hosts", "key-file")
	c.MarkFlagsOneRequired("scan", "fingerprint", "known-hosts", "key-file")
	c.RunE = func(c *cobra.Command, args []string) error {
		keys, err := s.keysToPin(c, f, args[0])
		if err != nil {
			return err
		}
		return s.device(c, http.MethodPost, at("devices/%s/trust", args[0]), device.TrustBody{Keys: keys, Replace: f.replace})
	}
	return c
}

func (s *session) keysToPin(c *cobra.Command, f trustFlags, name string) ([]device.TrustedKey, error) {
	var keys []device.TrustedKey
	for _, p := range f.fingerprints {
		k := device.TrustedKey{Fingerprint: p}
		if !k.Valid() {
			return nil, fmt.Errorf("--fingerprint %q is not SHA256: with 43 characters, as ssh-keygen -lf FILE prints it", p)
		}
		keys = append(keys, k)
	}
	switch {
	case f.scan:
		return s.scan(c, name)
	case f.key != "":
		b, err := os.ReadFile(f.key)
		if err != nil {
			return nil, fmt.Errorf("read --key-file: %w", err)
		}
		if keys = publicKeys(string(b)); len(keys) == 0 {
			return nil, fmt.Errorf("--key-file %s holds no public key (a line that begins with ssh-ed25519, for example)", f.key)
		}
	case f.knownHosts != "":
		d, err := call[device.View](s, c, http.MethodGet, at("devices/%s", name), nil)
		if err != nil {
			return nil, err
		}
		b, err := os.ReadFile(f.knownHosts)
		if err != nil {
			return nil, fmt.Errorf("read --known-hosts: %w", err)
		}
		if keys = knownHosts(string(b), d.Hostname, d.IP, sshPort(&d)); len(keys) == 0 {
			return nil, fmt.Errorf("--known-hosts %s has no line for %s or %s (hashed names cannot be read: ssh-keygen -F %s -f %s finds them)", f.knownHosts, d.Hostname, or(d.IP, "its address"), d.Hostname, f.knownHosts)
		}
	}
	return keys, nil
}

func publicKeys(file string) []device.TrustedKey {
	var keys []device.TrustedKey
	for l := range strings.Lines(file) {
		if words := strings.Fields(l); len(words) > 1 && !strings.HasPrefix(words[0], "#") && !strings.HasPrefix(words[0], "-----") {
			keys = append(keys, device.TrustedKey{Key: strings.Join(words[:2], " ")})
		}
	}
	return keys
}

// knownHosts finds the lines that name a device, also as [host]:port. Revoked keys and authorities are no host keys.
func knownHosts(file, hostname, ip string, port uint16) []device.TrustedKey {
	var names []string
	for _, h := range []string{hostname, ip} {
		if h != "" {
			names = append(names, fmt.Sprintf("[%s]:%d", h, port))
			if port == 22 {
				names = append(names, h)
			}
		}
	}
	var keys []device.TrustedKey
	for l := range strings.Lines(file) {
		words := strings.Fields(l)
		if len(words) < 3 || strings.HasPrefix(words[0], "#") || strings.HasPrefix(words[0], "@") {
			continue
		}
		if slices.ContainsFunc(strings.Split(words[0], ","), func(h string) bool { return slices.Contains(names, h) }) {
			keys = append(keys, device.TrustedKey{Key: words[1] + " " + words[2]})
		}
	}
	return keys
}

func sshPort(d *device.View) uint16 {
	for _, c := range d.Connectivities {
		if c.Protocol == "SSH" || c.Protocol == ssh.Weak {
			return c.Port
		}
	}
	return 22
}

// scan fetches the keys from here, which need not be the path that a node takes: a person compares them.
func (s *session) scan(c *cobra.Command, name string) ([]device.TrustedKey, error) {
	if !s.terminal(c.InOrStdin()) {
		return nil, errors.New("--scan asks a person and needs a terminal; for scripts: --fingerprint, --known-hosts or --key-file")
	}
	d, err := call[device.View](s, c, http.MethodGet, at("devices/%s", name), nil)
	if err != nil {
		return nil, err
	}
	found, err := ssh.ScanHostKeys(c.Context(), s.dial, net.JoinHostPort(or(d.IP, d.Hostname), strconv.Itoa(int(sshPort(&d)))))
	if err != nil {
		return nil, err
	}
	var keys []device.TrustedKey
	for _, k := range found {
		algorithm, _, _ := strings.Cut(k.Line, " ")
		known := word(slices.ContainsFunc(d.HostKeys, func(h device.HostKey) bool { return h.Fingerprint == k.Fingerprint }), "  (pinned already)", "")
		fmt.Fprintf(note(c), "%s  %s%s\n", k.Fingerprint, algorithm, known)
		keys = append(keys, device.TrustedKey{Key: k.Line})
	}
	fmt.Fprintf(note(c), "Compare these with the device's own console (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub). Are they the same? Type yes: ")
	answer, err := bufio.NewReader(c.InOrStdin()).ReadString('\n')
	if errors.Is(err, input.ErrInterrupted) {
		return nil, err
	}
	if err != nil || strings.TrimSpace(answer) != "yes" {
		return nil, errors.New("nothing was pinned")
	}
	return keys, nil
}
