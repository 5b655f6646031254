// Package api holds the commands that call the HTTPS API: applications and their keys, devices, credentials, policies,
// templates, operations, the audit trail, manifests, and running a program with secrets.
//
// It guarantees that no secret is a flag or an argument: keys come from the environment or from files of mode 0600,
// secrets from standard input or a prompt without echo, and they are shown only to a terminal or when --raw asks for it.
// Every command prints tables for people and JSON for scripts. Only cmd/cofre uses it; it holds no rule of its own: the
// API decides.
package api

import (
	"context"
	"io"
	"net"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"cofre/cmd/cofre/client"
	"cofre/cmd/cofre/input"
	"cofre/executors"
)

// session is what the commands of one process share: where the API is, and the surroundings that tests replace.
type session struct {
	ready  string
	asJSON bool
	asCSV  bool

	lookup    func(string) (string, bool)           // environment
	home      func() (string, error)                // folder of user settings
	terminal  func(any) bool                        // whether a reader or writer is a terminal
	unechoed  func(context.Context) ([]byte, error) // reads a line from the terminal without echo
	dial      executors.Dialer                      // host keys are fetched through it
	connected *client.Client
	opens     bool // encrypted secrets of answers are opened before they are shown
}

// Commands lists the commands that use the API.
func Commands() []*cobra.Command {
	return commands(&session{
		lookup: os.LookupEnv, home: os.UserConfigDir, terminal: isTerminal,
		unechoed: func(ctx context.Context) ([]byte, error) { return input.Password(ctx, int(os.Stdin.Fd())) },
		dial:     (&net.Dialer{}).DialContext,
	})
}

func isTerminal(stream any) bool {
	f, ok := stream.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(f.Fd()))
}

func commands(s *session) []*cobra.Command {
	all := []*cobra.Command{
		whoamiCommand(s), applicationCommand(s), authorizationCommand(s), accessProfileCommand(s), deviceCommand(s), credentialCommand(s), secretCommand(s), encryptionCommand(s), policyCommand(s), executionProfileCommand(s), chainCommand(s), poolCommand(s), sessionCommand(s), automationCommand(s), dynamicCommand(s), cloudCommand(s), informationCommand(s), relatedUserCommand(s),
		templateCommand(s), operationCommand(s), auditCommand(s), backupCommand(s), runCommand(s), applyCommand(s),
	}
	ready, _ := s.lookup("COFRE_READY_FILE")
	for _, c := range all {
		c.PersistentFlags().StringVar(&s.ready, "ready", ready, "ready.json of a practice cluster (COFRE_READY_FILE); otherwise COFRE_URL, COFRE_CLIENT_ID, COFRE_CLIENT_SECRET or COFRE_CLIENT_SECRET_FILE, COFRE_CA_FILE, or the same names in ~/.config/cofre/profile.env")
		c.PersistentFlags().BoolVar(&s.asJSON, "json", false, "print JSON")
		oneFormat(c)
	}
	return all
}

// oneFormat lets nobody ask for JSON and CSV at once.
func oneFormat(c *cobra.Command) {
	if c.Flags().Lookup("csv") != nil {
		c.MarkFlagsMutuallyExclusive("json", "csv")
	}
	for _, sub := range c.Commands() {
		oneFormat(sub)
	}
}

// group is a command that only holds others.
func group(use, short string, sub ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short}
	c.AddCommand(sub...)
	return c
}

// interactive tells whether a person sits at both ends.
func (s *session) interactive(c *cobra.Command) bool {
	return s.terminal(c.InOrStdin()) && s.terminal(c.OutOrStdout())
}

// note tells people something beside the answer.
func note(c *cobra.Command) io.Writer { return c.ErrOrStderr() }
