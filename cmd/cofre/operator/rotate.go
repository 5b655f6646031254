package operator

import (
	"fmt"

	"github.com/spf13/cobra"
)

func rotateCommand(client func() *Client) *cobra.Command {
	cmd := &cobra.Command{Use: "rotate", Short: "Replace the keys of the vault while it works"}
	term := &cobra.Command{
		Use: "term", Short: "Encrypt everything under a new key term and destroy the old one", Args: cobra.NoArgs,
		Long: `Make a new key term. New secrets are encrypted under it at once; the leader encrypts all others again in the background
(setting reencrypt_rate), kept old versions included, and then the older terms are destroyed: what was encrypted under
them in old logs, snapshots and copies opens nowhere any more, except in backups of their time. It goes on after a change
of leader; cofre status shows how far it is.`,
		Example: "  cofre rotate term\n  cofre status --json | jq .keys      # pending: rows still to encrypt",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var a struct{ Term uint32 }
			if err := client().Post(cmd.Context(), "/rotate/term", struct{}{}, &a); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Key term %d is in use. Older values are encrypted again in the background: cofre status.\n", a.Term)
			return nil
		},
	}
	root := &cobra.Command{
		Use: "root", Short: "Replace the root key on every node", Args: cobra.NoArgs,
		Long: `Replace the root key. Every node takes the new one over by itself; a node that is off or sealed does so when it comes
back and opens its seal. Shares that people hold, for unsealing and for recovery, stay good.`,
		Example: "  cofre rotate root\n  cofre status --json | jq .keys.waiting      # nodes that did not take it yet",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var a struct{ Root uint32 }
			if err := client().Post(cmd.Context(), "/rotate/root", struct{}{}, &a); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Root key %d is in use. cofre status names nodes that still have to take it.\n", a.Root)
			return nil
		},
	}
	cmd.AddCommand(term, root, rekeyCommand(client, "shares", "unseal", "/rotate/shares", &cobra.Command{
		Use: "shares", Short: "Replace the shares that open a node (seal: shamir)", Args: cobra.NoArgs,
		Long:    "Replace the shares that open a node after a restart. The old ones are void as soon as one of the new ones was typed back.",
		Example: "  cofre rotate shares\n  cofre rotate shares --shares 7 --threshold 4\n  cofre rotate shares --shares-out /media/usb1",
	}))
	return cmd
}

// rekeyCommand makes a command that replaces shares: new ones are shown, one is typed back, then they are in force.
func rekeyCommand(client func() *Client, prefix, kind, path string, cmd *cobra.Command) *cobra.Command {
	var shares, threshold int
	var dir string
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c := client()
		typed, err := newShares(cmd, c, kind, shares, threshold, dir)
		if err != nil {
			return err
		}
		if err := c.Post(cmd.Context(), path, text{Text: typed}, nil); err != nil {
			return sharesAfter(err, "run this command again; when it succeeds, destroy both")
		}
		fmt.Fprintln(cmd.OutOrStdout(), "The new shares are in force. Destroy the old ones.")
		return nil
	}
	cmd.Flags().IntVar(&shares, "shares", 5, "number of shares")
	cmd.Flags().IntVar(&threshold, "threshold", 3, "shares that are needed")
	cmd.Flags().StringVar(&dir, prefix+"-out", "", "write the new shares into files of mode 0600 in this folder, instead of showing them")
	return cmd
}

// sharesAfter ends the error of a command that was to put new shares in force by what becomes of both; next is what to do when nobody
// knows which are.
func sharesAfter(err error, next string) error {
	if undone(err) {
		return fmt.Errorf("%w (the old shares stay in force; destroy the new ones)", err)
	}
	return fmt.Errorf("%w. Nobody knows whether the new shares are in force: KEEP BOTH, the old and the new ones, and %s", err, next)
}
