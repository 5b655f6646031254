package api

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cofre/executors/ssh"
	"cofre/httpapi/credential"
	"cofre/httpapi/device"
)

func deviceCommand(s *session) *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List devices", Args: cobra.NoArgs, Example: "  cofre device list\n  cofre device list --json | jq -r '.[]|select(.host_keys==[]).hostname'"}
	limit := s.lists(list, 1000)
	list.RunE = func(c *cobra.Command, _ []string) error {
		return listed(s, c, "/api/v1/devices", nil, *limit, func(a, b device.View) int { return cmp.Compare(a.Number, b.Number) }, device.Columns, device.View.Row)
	}
	show := &cobra.Command{Use: "show HOST", Short: "Show a device with its pinned host keys", Args: cobra.ExactArgs(1), Example: "  cofre device show web1", RunE: func(c *cobra.Command, args []string) error {
		return s.device(c, http.MethodGet, at("devices/%s", args[0]), nil)
	}}
	create := &cobra.Command{Use: "create HOST", Short: "Register a device", Args: cobra.ExactArgs(1), Example: "  cofre device create web1 --ip 192.0.2.1 --connectivity SSH:22\n  cofre device create db1 --connectivity POSTGRESQL:5432 --ca-file db-ca.pem\n  cofre device create inner1 --ip 10.1.2.3 --connectivity SSH:22 --via bastion --via-login jump@bastion"}
	deviceFlags(create)
	create.RunE = func(c *cobra.Command, args []string) error {
		b, err := deviceBody(c)
		if err != nil {
			return err
		}
		b.Hostname = &args[0]
		return s.device(c, http.MethodPost, "/api/v1/devices", b)
	}
	update := &cobra.Command{Use: "update HOST", Short: "Change a device; what is not named stays", Args: cobra.ExactArgs(1), Example: "  cofre device update web1 --ip 192.0.2.9 --tag prod\n  cofre device update switch7 --lanes 1     # one operation at a time, over one connection"}
	deviceFlags(update)
	update.Flags().String("hostname", "", "new host name")
	update.Flags().Uint64("revision", 0, "refuse if it is not the current one")
	update.RunE = func(c *cobra.Command, args []string) error {
		b, err := deviceBody(c)
		if err != nil {
			return err
		}
		b.Hostname = text(c, "hostname")
		b.Revision, _ = c.Flags().GetUint64("revision")
		return s.device(c, http.MethodPut, at("devices/%s", args[0]), b)
	}
	verbs := onOff("device", "HOST", "web1", "Enable a device; its credentials stay as they are", "Disable a device with its credentials; nothing is deleted", func(c *cobra.Command, args []string, enabled bool) error {
		err := s.device(c, http.MethodPut, at("devices/%s/status", args[0]), device.StatusBody{Enabled: &enabled})
		if err == nil && enabled {
			s.noteDisabled(c, args[0])
		}
		return err
	})
	return group("device", "Target systems", append(verbs, list, show, create, update, trustCommand(s))...)
}

func deviceFlags(c *cobra.Command) {
	f := c.Flags()
	for _, n := range []struct{ name, doc string }{{"ip", "address; without one the host name is looked up"}, {"domain", "domain"}, {"type", "type, such as Server"},
		{"vendor", "vendor"}, {"model", "model"}, {"site", "only nodes that reach this site run operations there"},
		{"via", "jump host or proxy that connections go through: a device that lists SSH, SOCKS5, HTTP-PROXY or HTTPS-PROXY; '' for none"},
		{"via-login", "credential of the jump host or proxy, which logs in there"},
		{"ca-file", "PEM file with the authority of the target's TLS certificate"}} {
		f.String(n.name, "", n.doc)
	}
	f.StringSlice("tag", nil, "tag; may be repeated; '' for none")
	f.StringSlice("connectivity", nil, "protocol and port such as SSH:22; may be repeated")
	f.Int("lanes", 0, "operations on it at once, with one connection each; 0 for the general limit (cofre automation set --lanes)")
	f.Bool("insecure-tls", false, "do not verify the target's TLS certificate (audited)")
}

func deviceBody(c *cobra.Command) (device.Body, error) {
	b := device.Body{IP: text(c, "ip"), Domain: text(c, "domain"), Type: text(c, "type"), Vendor: text(c, "vendor"), Model: text(c, "model"), Site: text(c, "site"),
		Tags: texts(c, "tag"), InsecureTLS: truth(c, "insecure-tls"), Via: text(c, "via"), ViaLogin: text(c, "via-login"), Lanes: whole(c, "lanes")}
	if file := text(c, "ca-file"); file != nil {
		pem := []byte{}
		if *file != "" {
			var err error
			if pem, err = os.ReadFile(*file); err != nil {
				return b, fmt.Errorf("read --ca-file: %w", err)
			}
		}
		ca := string(pem)
		b.CA = &ca
	}
	if all := texts(c, "connectivity"); all != nil {
		b.Connectivities = &[]device.Connectivity{}
		for _, one := range *all {
			p, err := connectivity(one)
			if err != nil {
				return b, err
			}
			*b.Connectivities = append(*b.Connectivities, p)
		}
	}
	return b, nil
}

func connectivity(s string) (device.Connectivity, error) {
	protocol, port, ok := strings.Cut(s, ":")
	n, err := strconv.ParseUint(port, 10, 16)
	if !ok || err != nil || n == 0 || protocol == "" {
		return device.Connectivity{}, fmt.Errorf("connectivity %q is not PROTOCOL:PORT such as SSH:22", s)
	}
	return device.Connectivity{Protocol: strings.ToUpper(protocol), Port: uint16(n)}, nil
}

// device sends one call about a device and prints it.
func (s *session) device(c *cobra.Command, method, path string, body any) error {
	d, err := call[device.View](s, c, method, path, body)
	if err != nil {
		return err
	}
	return s.show(c, d, func(w io.Writer) error {
		if err := details(w, "device", d.Hostname, "number", strconv.FormatUint(d.Number, 10), "address", d.IP, "domain", d.Domain, "type", d.Type, "vendor", d.Vendor, "model", d.Model, "site", d.Site,
			"connectivities", d.Ports(), "tags", join(d.Tags), "state", word(d.Enabled, "enabled", "disabled"), "TLS", word(d.InsecureTLS, "NOT VERIFIED", ""),
			"through", strings.TrimSpace(d.Via+" "+word(d.ViaLogin != "", "as "+d.ViaLogin, "")), "authority", word(d.CA != "", "of its own", ""), "operations at once", word(d.Lanes > 0, strconv.Itoa(d.Lanes), ""), "created", moment(d.CreatedAt), "revision", strconv.FormatUint(d.Revision, 10)); err != nil {
			return err
		}
		for _, k := range d.HostKeys {
			algorithm, _, _ := strings.Cut(k.Key, " ")
			fmt.Fprintf(w, "host key  %s %s (pinned %s)\n", k.Fingerprint, or(clean(algorithm), "by fingerprint"), moment(k.At))
		}
		if len(d.HostKeys) == 0 && overSSH(&d) {
			fmt.Fprintln(w, "host key  none is pinned: changes over SSH are refused until cofre device trust")
		}
		return nil
	})
}

// noteDisabled says how many credentials of a device are disabled, as its own disabling left them.
func (s *session) noteDisabled(c *cobra.Command, host string) {
	api, err := s.client()
	if err != nil {
		return
	}
	n := 0
	all, _, err := fetch[credential.View](c.Context(), api, "/api/v1/credentials", url.Values{"device": {host}, "disabled": {"true"}}, maxNoted)
	for i := range all {
		if !all[i].Enabled {
			n++
		}
	}
	if err == nil && n > 0 {
		fmt.Fprintf(note(c), "%d of its credentials are disabled: cofre credential list --device %s --disabled shows them, cofre credential enable NAME... enables them.\n", n, host)
	}
}

// maxNoted is how many credentials are looked at for a remark.
const maxNoted = 1000

// overSSH tells whether a device is one that anybody logs in to over SSH; one that lists nothing may be.
func overSSH(d *device.View) bool {
	return len(d.Connectivities) == 0 || slices.ContainsFunc(d.Connectivities, func(p device.Connectivity) bool { return slices.Contains(ssh.New().Protocols(), p.Protocol) })
}
