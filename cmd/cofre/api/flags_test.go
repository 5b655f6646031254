package api

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// walk visits every command.
func walk(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, sub := range c.Commands() {
		walk(sub, visit)
	}
}

// No flag takes a secret: what looks like one names where a secret is, or is public.
func TestNoSecretInFlags(t *testing.T) {
	t.Parallel()
	harmless := []string{"secret-stdin", "no-secret", "key-file", "keys-dir", "token-ttl"}
	named := map[string]string{"run --secret": "NAME=CREDENTIAL", "verify --key": "fingerprint"}
	for _, c := range Commands() {
		walk(c, func(c *cobra.Command) {
			if c.Runnable() && (c.Example == "" || c.Short == "") {
				t.Errorf("%s has no example", c.CommandPath())
			}
			c.LocalFlags().VisitAll(func(f *pflag.Flag) {
				for _, w := range []string{"secret", "password", "token", "key", "content", "passphrase"} {
					if !strings.Contains(f.Name, w) || slices.Contains(harmless, f.Name) {
						continue
					}
					if want := named[c.Name()+" --"+f.Name]; want == "" || !strings.Contains(f.Usage, want) {
						t.Errorf("%s --%s looks like a secret on the command line", c.CommandPath(), f.Name)
					}
				}
			})
		})
	}
}
