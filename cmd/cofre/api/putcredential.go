package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"cofre/fsm/model"
	"cofre/httpapi/credential"
	httppolicy "cofre/httpapi/policy"
	"cofre/vault/policy"
)

// withSecret is a credential's body with the secret as the wire has it: secret.Value refuses to be encoded.
type withSecret struct {
	credential.Body
	Secret *string `json:"secret,omitempty"`
	TOTP   *string `json:"totp,omitempty"`
}

const maxSecret = 64 << 10

func createCredential(s *session) *cobra.Command {
	c := &cobra.Command{
		Use: "create IDENTIFIER", Short: "Register a credential with its present secret", Args: cobra.ExactArgs(1),
		Long: `Register a credential. Its present secret is asked for without echo, or read from standard input with --secret-stdin. --generate makes one
by the policy, for an account that gets it by the first change; --no-secret registers none.

With --ssh it is an SSH key: --generate makes one, whose public half somebody puts on the device once; later changes keep every
device's authorized_keys.`,
		Example: "  cofre credential create web1-root --hostname web1 --username root --template 'Linux passwd'\n  pass web1 | cofre credential create web1-root --hostname web1 --username root --secret-stdin\n  cofre credential create deploy-key --ssh --hostname web1 --username deploy --template 'SSH key (authorized_keys)' --ssh-device web2 --secret-stdin <id_ed25519",
	}
	credentialFlags(c)
	c.Flags().Bool("generate", false, "make a secret by the policy")
	c.Flags().Bool("no-secret", false, "register no secret")
	c.MarkFlagsMutuallyExclusive("secret-stdin", "generate", "no-secret")
	_ = c.MarkFlagRequired("hostname")
	_ = c.MarkFlagRequired("username")
	c.RunE = func(c *cobra.Command, args []string) error {
		b := credentialBody(c)
		if b.Identifier = &args[0]; *b.Username == "" {
			return errors.New("--username is empty") // the API would take the vendor's default name
		}
		err := totpKey(c, &b)
		if err != nil {
			return err
		}
		generate, _ := c.Flags().GetBool("generate")
		none, _ := c.Flags().GetBool("no-secret")
		fromStdin, _ := c.Flags().GetBool("secret-stdin")
		switch {
		case generate && b.Key != nil:
			b.Key.Generate = true
		case generate:
			name := "default"
			if b.Policy != nil && *b.Policy != "" {
				name = *b.Policy
			}
			b.Secret, err = s.generate(c, name)
		case fromStdin:
			b.Secret, err = secretFrom(c.InOrStdin())
		case none:
		case s.terminal(c.InOrStdin()):
			b.Secret, err = s.ask(c, args[0])
		default:
			err = errors.New("no secret: say --secret-stdin, --generate or --no-secret")
		}
		if err != nil {
			return err
		}
		return s.credential(c, http.MethodPost, "/api/v1/credentials", b)
	}
	return c
}

func updateCredential(s *session) *cobra.Command {
	c := &cobra.Command{
		Use: "update NAME", Short: "Change a credential; what is not named stays", Args: cobra.ExactArgs(1),
		Example: "  cofre credential update web1-root --policy weekly --automatic\n  cofre credential update web1-root --tag prod --tag linux",
	}
	credentialFlags(c)
	c.Flags().String("identifier", "", "new identifier")
	c.Flags().Uint64("revision", 0, "refuse if it is not the current one")
	c.RunE = func(c *cobra.Command, args []string) error {
		b := credentialBody(c)
		b.Identifier = text(c, "identifier")
		b.Revision, _ = c.Flags().GetUint64("revision")
		if err := totpKey(c, &b); err != nil {
			return err
		}
		if fromStdin, _ := c.Flags().GetBool("secret-stdin"); fromStdin {
			var err error
			if b.Secret, err = secretFrom(c.InOrStdin()); err != nil {
				return err
			}
		}
		return s.credential(c, http.MethodPut, at("credentials/%s", args[0]), b)
	}
	return c
}

func credentialFlags(c *cobra.Command) {
	f := c.Flags()
	for _, n := range []struct{ name, doc string }{{"hostname", "device"}, {"username", "user name"}, {"domain", "domain"}, {"type", "type, 'Local User' by default"}, {"additional", "additional information"}, {"server-path", "path on the server, for templates"},
		{"totp-file", "file with the key of one-time codes: base32 or an otpauth:// address; '' removes the key"},
		{"parent", "credential whose secret it copies; '' for none"}, {"policy", "policy; '' for the default one"}, {"executor", "executor, such as ssh; for a new credential that of the template by default"}, {"owner", "the person that the account belongs to"}, {"criticality", "low, medium, high or critical"}, {"notes", "notes for people"},
		{"template", "template that changes the secret"}, {"authentication", "credential that logs in to change it; '' for itself"}} {
		f.String(n.name, "", n.doc)
	}
	f.String("reconcile-template", "", "template that sets the secret anew when vault and target disagree; '' for none")
	f.String("reconcile-with", "", "credential that logs in for that; '' for none")
	f.Bool("reconcile-autorun", false, "set it anew by itself after a change or a verification that failed")
	f.String("activate", "", "template that activates the account when a session begins; '' for none")
	f.String("deactivate", "", "template that inactivates it when the last one ends; '' for none")
	f.String("jit-with", "", "credential that logs in for that")
	f.Bool("ssh", false, "it is an SSH key: its secret is a private key, in PEM, without a passphrase")
	f.String("ssh-name", "", "name of the SSH key")
	f.String("ssh-algorithm", "", "of the SSH keys that Cofre makes: ed25519, rsa-3072 or rsa-4096")
	f.String("ssh-pattern", "", "pattern of host names, such as '*.prod.example.com', of devices that accept the SSH key; '' for none")
	f.StringSlice("ssh-device", nil, "further device that accepts the SSH key; may be repeated; '' for none")
	f.StringSlice("tag", nil, "tag; may be repeated; '' for none")
	f.Bool("automatic", false, "the policy may change it, once the first change was asked for and succeeded")
	f.Bool("secret-stdin", false, "read the secret from standard input (one line break at the end is dropped)")
}

func credentialBody(c *cobra.Command) withSecret {
	return withSecret{Body: credential.Body{
		Key:      keyBody(c),
		Hostname: text(c, "hostname"), Username: text(c, "username"), Domain: text(c, "domain"), Type: text(c, "type"), Additional: text(c, "additional"), Settings: credential.SettingsBody{ServerPath: text(c, "server-path"), Owner: text(c, "owner"), Criticality: text(c, "criticality"), Notes: text(c, "notes")}, Tags: texts(c, "tag"),
		Parent: text(c, "parent"), Policy: text(c, "policy"), JIT: credential.JITBody{Activate: text(c, "activate"), Deactivate: text(c, "deactivate"), Authentication: text(c, "jit-with")},
		Execution: credential.ExecutionBody{Automatic: truth(c, "automatic"), Executor: text(c, "executor"), Template: text(c, "template"), Authentication: text(c, "authentication"),
			Reconcile: credential.ReconcileBody{Autorun: truth(c, "reconcile-autorun"), Template: text(c, "reconcile-template"), Authentication: text(c, "reconcile-with")}},
	}}
}

// keyBody is there if a flag of SSH keys was given.
func keyBody(c *cobra.Command) *credential.KeyBody {
	is := truth(c, "ssh")
	k := &credential.KeyBody{Name: text(c, "ssh-name"), Algorithm: text(c, "ssh-algorithm"), Devices: texts(c, "ssh-device"), Pattern: text(c, "ssh-pattern")}
	if (is == nil || !*is) && k.Name == nil && k.Algorithm == nil && k.Devices == nil && k.Pattern == nil {
		return nil
	}
	return k
}

// totpKey reads the key of one-time codes from the file that is named; an empty name removes the key.
func totpKey(c *cobra.Command, b *withSecret) error {
	b.TOTP = text(c, "totp-file")
	if b.TOTP == nil || *b.TOTP == "" {
		return nil
	}
	f, err := os.Open(*b.TOTP)
	if err != nil {
		return fmt.Errorf("read the key of one-time codes: %w", err)
	}
	defer f.Close()
	if b.TOTP, err = secretFrom(f); err != nil {
		return fmt.Errorf("--totp-file: %w", err)
	}
	return nil
}

// secretFrom reads a whole secret; the line break that echo and editors add does not belong to it.
func secretFrom(r io.Reader) (*string, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxSecret+1))
	if err != nil {
		return nil, fmt.Errorf("read the secret: %w", err)
	}
	b = bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
	switch {
	case len(b) == 0:
		return nil, errors.New("the input holds no secret: it is empty")
	case len(b) > maxSecret:
		return nil, fmt.Errorf("the secret is too long: at most %d bytes", maxSecret)
	}
	v := string(b)
	return &v, nil
}

// ask reads a secret twice without echo.
func (s *session) ask(c *cobra.Command, name string) (*string, error) {
	var typed [2][]byte
	for i, prompt := range []string{"Present secret of " + name + ": ", "Again: "} {
		fmt.Fprint(note(c), prompt)
		var err error
		typed[i], err = s.unechoed(c.Context())
		fmt.Fprintln(note(c))
		if err != nil {
			return nil, fmt.Errorf("read the secret: %w", err)
		}
	}
	if len(typed[0]) == 0 || !bytes.Equal(typed[0], typed[1]) {
		return nil, errors.New("nothing was typed, or not the same twice; --no-secret registers none")
	}
	v := string(typed[0])
	return &v, nil
}

// generate makes a secret by a policy of the cluster.
func (s *session) generate(c *cobra.Command, name string) (*string, error) {
	p, err := call[httppolicy.View](s, c, http.MethodGet, at("policies/%s", name), nil)
	if err != nil {
		return nil, fmt.Errorf("policy %s: %w", name, err)
	}
	made, err := policy.Generate(model.Strength(p.Strength))
	if err != nil {
		return nil, fmt.Errorf("make a secret by policy %s: %w", name, err)
	}
	defer made.Wipe()
	var v string
	err = made.Reveal(func(b []byte) error { v = string(b); return nil })
	return &v, err
}
