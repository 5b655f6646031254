package operator

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"cofre/cmd/cofre/daemon"
	"cofre/cmd/cofre/input"
)

func clusterCommand(client func() *Client) *cobra.Command {
	cmd := &cobra.Command{Use: "cluster", Short: "Look after the members of the cluster"}
	cmd.AddCommand(tokenCommand(client), joinCommand(client), approveCommand(client), statusCommand(client, "cofre cluster status"), membersCommand(client),
		simple(client, "leave", "Take this node out of the cluster for ever", "/leave", "This node leaves; stop the daemon and empty its data directory. Its name is never used again."),
		removeCommand(client), exposedCommand(client), caCommand(client),
		transferCommand(client), testReceiverCommand(client),
		simple(client, "confirm-time", "Confirm that state time is right after it jumped by more than a day, or a restore", "/confirm-time", "Automatic changes go on."))
	return cmd
}

func tokenCommand(client func() *Client) *cobra.Command {
	var name, key string
	var minutes int64
	cmd := &cobra.Command{
		Use: "token --name NODE", Short: "Make a token that admits one node, once", Args: cobra.NoArgs,
		Long:    "Make a join token. It admits the node as a sealed member; it does not open the vault: that is cofre cluster approve, after comparing fingerprints.",
		Example: "  cofre cluster token --name n2\n  cofre cluster token --name n2 --node-key SHA256:...   # approved in advance; the key is printed by cofre cluster join --show-key on n2",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var a struct {
				Token    string `json:"token"`
				ValidFor string `json:"valid_for"`
			}
			args := map[string]any{"name": name, "node_key": key, "ttl_seconds": minutes * 60}
			if err := client().Post(cmd.Context(), "/token", args, &a); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), a.Token)
			fmt.Fprintf(cmd.ErrOrStderr(), "Valid for %s, once, for node %s. There: cofre cluster join (reads the token from standard input).\n", a.ValidFor, name)
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the node to admit (required)")
	cmd.Flags().StringVar(&key, "node-key", "", "fingerprint of the node's key: approves it in advance")
	cmd.Flags().Int64Var(&minutes, "minutes", 15, "how long the token is valid")
	_ = cmd.MarkFlagRequired("name")
	return cmd
}

func joinCommand(client func() *Client) *cobra.Command {
	var showKey bool
	cmd := &cobra.Command{
		Use: "join", Short: "Enter a cluster with a token, read from standard input", Args: cobra.NoArgs,
		Example: "  ssh n1 cofre cluster token --name n2 | cofre cluster join\n  cofre cluster join --show-key        # print this node's fingerprint, to approve it in advance",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var a daemon.Joined
			if showKey {
				if err := client().Post(cmd.Context(), "/node-key", struct{}{}, &a); err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), a.Fingerprint)
				return nil
			}
			token, err := lines(cmd, "token", "there is no token on standard input: cofre cluster token --name NAME makes one on a member")()
			if err != nil {
				return err
			}
			if err := client().Post(cmd.Context(), "/join", text{Text: token}, &a); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "This node is a sealed member now. Fingerprint: %s\n%s\n", a.Fingerprint, afterJoin(a))
			return nil
		},
	}
	cmd.Flags().BoolVar(&showKey, "show-key", false, "print the fingerprint of this node's key instead of joining")
	return cmd
}

func afterJoin(a daemon.Joined) string {
	if a.Approved {
		return "The token was made for this key: it gets the root key without further approval. cofre status tells when it is open."
	}
	return "Approve it on another member: cofre cluster approve " + a.Node
}

func approveCommand(client func() *Client) *cobra.Command {
	var print string
	cmd := &cobra.Command{
		Use: "approve NODE", Short: "Hand the root key to a node that joined", Args: cobra.ExactArgs(1),
		Long:    "Hand the root key to a node, once. Without --fingerprint it shows the fingerprint of the node's key and asks: compare it with the one on the node's own console.",
		Example: "  cofre cluster approve n2\n  cofre cluster approve n2 --fingerprint SHA256:...",
		RunE: func(cmd *cobra.Command, args []string) error {
			if print == "" {
				known, err := fingerprintOf(cmd, client(), args[0])
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s %s\nDoes the console of %s show the same? Type yes: ", args[0], known, args[0])
				answer, err := input.Await(cmd.Context(), func() (string, error) { return bufio.NewReader(cmd.InOrStdin()).ReadString('\n') })
				if err != nil || strings.TrimSpace(answer) != "yes" {
					return fmt.Errorf("not approved: the answer was not yes")
				}
				print = known
			}
			if err := client().Post(cmd.Context(), "/approve", map[string]string{"id": args[0], "fingerprint": print}, nil); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is approved and gets the root key.\n", args[0])
			return nil
		},
	}
	cmd.Flags().StringVar(&print, "fingerprint", "", "the fingerprint that you compared")
	return cmd
}

func fingerprintOf(cmd *cobra.Command, c *Client, id string) (string, error) {
	var s daemon.Status
	if err := c.Get(cmd.Context(), "/status", &s); err != nil {
		return "", err
	}
	for _, m := range s.Members {
		if m.ID == id {
			return m.Fingerprint, nil
		}
	}
	return "", fmt.Errorf("there is no member %s: cofre cluster members lists them", id)
}

func transferCommand(client func() *Client) *cobra.Command {
	return &cobra.Command{
		Use: "transfer-leader [NODE]", Short: "Hand leadership to another voter", Args: cobra.MaximumNArgs(1),
		Long:    "Hand leadership to NODE, or to one that Cofre chooses if none is named.",
		Example: "  cofre cluster transfer-leader\n  cofre cluster transfer-leader n2",
		RunE: func(cmd *cobra.Command, args []string) error {
			to := ""
			if len(args) == 1 {
				to = args[0]
			}
			var a struct {
				Leader string `json:"leader"`
			}
			if err := client().Post(cmd.Context(), "/transfer-leader", map[string]string{"id": to}, &a); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s leads now.\n", a.Leader)
			return nil
		},
	}
}

func simple(client func() *Client, use, short, path, done string) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, Example: "  cofre cluster " + use, RunE: func(cmd *cobra.Command, _ []string) error {
		if err := client().Post(cmd.Context(), path, struct{}{}, nil); err != nil {
			return err
		}
		fmt.Fprintln(cmd.OutOrStdout(), done)
		return nil
	}}
}

func statusCommand(client func() *Client, path string) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "status", Short: "Show the state of this node and its cluster", Args: cobra.NoArgs, Example: "  " + path + "\n  " + path + " --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var s daemon.Status
			if err := client().Get(cmd.Context(), "/status", &s); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, s)
			}
			out := cmd.OutOrStdout()
			fmt.Fprintln(out, s.Headline)
			fmt.Fprintf(out, "failure tolerance %d    node %s    %s    leader %s    term %d    cofre %s    level %d\n", s.Tolerance, s.Node, word(s.Sealed, "SEALED", "open"), or(s.Leader, "none"), s.Term, s.Version, s.Level)
			if s.Dev {
				fmt.Fprintln(out, "DEV: a practice cluster, for ever")
			}
			if k := s.Keys; k != nil {
				fmt.Fprintf(out, "seal %s (%s)    root key %d    key term %d%s\n", s.Seal, s.SealNote, k.Root, k.Term, word(k.Older > 0, fmt.Sprintf("    %d older terms, %d rows to encrypt again", k.Older, k.Pending), ""))
			}
			for _, w := range s.Warnings {
				fmt.Fprintln(out, "!", w)
			}
			for _, r := range s.Receivers {
				fmt.Fprintf(out, "audit events of this node go to: %s%s%s%s\n", r.About, word(r.Note != "", " ("+r.Note+")", ""), word(r.Error != "", " (NOT SENDING: "+r.Error+")", ""),
					word(r.Aside > 0, fmt.Sprintf(" (%d events set aside, which it kept refusing: the journal names them)", r.Aside), ""))
			}
			for _, line := range parameters(&s) {
				fmt.Fprintln(out, line)
			}
			return table(cmd, s.Members)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func membersCommand(client func() *Client) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{Use: "members", Short: "List the members", Args: cobra.NoArgs, Example: "  cofre cluster members\n  cofre cluster members --json | jq -r '.[] | .id + \" \" + .fingerprint'", RunE: func(cmd *cobra.Command, _ []string) error {
		var s daemon.Status
		if err := client().Get(cmd.Context(), "/status", &s); err != nil {
			return err
		}
		if asJSON {
			return printJSON(cmd, s.Members)
		}
		return table(cmd, s.Members)
	}}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func table(cmd *cobra.Command, members []daemon.MemberStatus) error {
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "NODE\tROLE\tHEALTH\tVAULT\tAPPLIED\tLAG\tCONTACT\tTRIP\tSLOTS\tVERSION\tAPI")
	for _, m := range members {
		vault := word(m.Sealed, "sealed", "open")
		if strings.HasPrefix(m.Health, "silent") {
			vault = "-" // what it was when it was last heard of
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\t%d/%d\t%s\t%s\n", m.ID, m.Role, m.Health, vault, m.Applied, m.Lag, or(m.LastContact, "-"), or(m.RoundTrip, "-"), m.Busy, m.Slots, m.Version, m.API)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, m := range members {
		for _, n := range m.Notes {
			fmt.Fprintf(cmd.OutOrStdout(), "  %s: %s\n", m.ID, n)
		}
	}
	return nil
}

func printJSON(cmd *cobra.Command, v any) error {
	e := json.NewEncoder(cmd.OutOrStdout())
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func word(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}

func or(s, empty string) string {
	if s == "" {
		return empty
	}
	return s
}

func testReceiverCommand(client func() *Client) *cobra.Command {
	return &cobra.Command{
		Use: "test-receiver NAME", Short: "Send a made-up event to a webhook or by a mail of this node's configuration", Args: cobra.ExactArgs(1),
		Long:    "Send one event of the kind receiver.test from this node, whatever the receiver's filter says, and tell what the receiver answers. Nothing is recorded.",
		Example: "  cofre cluster test-receiver tickets",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := client().Post(cmd.Context(), "/test-receiver", map[string]string{"id": args[0]}, nil); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s took the event.\n", args[0])
			return nil
		},
	}
}
