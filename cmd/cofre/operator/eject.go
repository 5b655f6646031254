package operator

import (
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"cofre/cmd/cofre/daemon"
)

func removeCommand(client func() *Client) *cobra.Command {
	var compromised, force bool
	var sharesOut, caOut string
	cmd := &cobra.Command{
		Use: "remove NODE", Short: "Take a member out of the cluster for ever", Args: cobra.ExactArgs(1),
		Long: `Take a member out of the cluster for ever. Its name is never used again. When so many of the other members are down that
the cluster would stop without this one, it is refused: start them, or take those out first. --force does it all the same.

With --compromised: the node, a copy of its disk or its memory may be in foreign hands. Switch it off first if you can.
Root key, key term, CA, gossip, token and audit keys are replaced in the same step; the other nodes take the new keys over,
those that are off as soon as they come back. Everything is encrypted again in the background. Clients need the new CA
certificate (--ca-out) and ask for new tokens by themselves. With seal: shamir there are new shares, of which one has to be
typed back first. At the end the credentials that the node could read are listed: change them.`,
		Example: "  cofre cluster remove n3\n  cofre cluster remove n3 --compromised --ca-out ca.pem\n  cofre cluster remove n3 --compromised --shares-out /media/usb1     # with seal: shamir",
		RunE: func(cmd *cobra.Command, args []string) error {
			if !compromised {
				if err := client().Post(cmd.Context(), "/remove", map[string]any{"id": args[0], "force": force}, nil); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s is removed. Its name is never used again.\n", args[0])
				return nil
			}
			return eject(cmd, client(), args[0], sharesOut, caOut, force)
		},
	}
	cmd.Flags().BoolVar(&compromised, "compromised", false, "the node may be in foreign hands: replace every key that it knew")
	cmd.Flags().BoolVar(&force, "force", false, "although the cluster stops by it until members that are down are back")
	cmd.Flags().StringVar(&sharesOut, "shares-out", "", "with seal: shamir, write the new shares into files of mode 0600 in this folder")
	cmd.Flags().StringVar(&caOut, "ca-out", "", "write the new CA certificate, which clients need, to this file")
	return cmd
}

func eject(cmd *cobra.Command, c *Client, node, sharesOut, caOut string, force bool) error {
	var s daemon.Status
	if err := c.Get(cmd.Context(), "/status", &s); err != nil {
		return err
	}
	share, err := "", c.Post(cmd.Context(), "/eject", map[string]any{"id": node, "force": force, "ask": true}, nil)
	if err != nil {
		return err
	}
	byShares := s.Keys != nil && s.Keys.Shares
	if byShares {
		if share, err = newShares(cmd, c, "unseal", 0, 0, sharesOut); err != nil {
			return err
		}
	}
	var a daemon.Exposure
	err = c.Post(cmd.Context(), "/eject", map[string]any{"id": node, "text": share, "force": force}, &a)
	if err != nil && byShares {
		return sharesAfter(err, fmt.Sprintf("look at cofre cluster members: once it does not list %[1]s any more the new ones are in force, and the old ones are void; while it lists %[1]s, run this command again", node))
	}
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s is out. Every key that it knew is replaced.\n", node)
	if byShares {
		fmt.Fprintln(out, "The new shares are in force. Destroy the old ones.")
	}
	if caOut == "" {
		fmt.Fprintln(out, "Clients need the new CA certificate: cofre cluster ca prints it.")
	} else if err := os.WriteFile(caOut, []byte(a.CA), 0o644); err != nil { //nolint:gosec // a certificate is for everybody
		return fmt.Errorf("write the new CA certificate (cofre cluster ca prints it): %w", err)
	}
	return showExposed(cmd, a, node)
}

func exposedCommand(client func() *Client) *cobra.Command {
	var names bool
	cmd := &cobra.Command{
		Use: "exposed [NODE]", Short: "List what a lost node could read and what is still in force", Args: cobra.MaximumNArgs(1),
		Long: `List the credentials that were not changed since a node was removed as compromised, and whose secret that node, or who holds it,
could therefore read; and what else it could read: values of applications' secrets, protected information, encryption keys, keys of
clients that sign, dynamic users, second factors.`,
		Example: "  cofre cluster exposed n3\n  cofre cluster exposed --names | xargs -n 1 cofre operation request      # change them all",
		RunE: func(cmd *cobra.Command, args []string) error {
			node := ""
			if len(args) == 1 {
				node = args[0]
			}
			var a daemon.Exposure
			if err := client().Post(cmd.Context(), "/exposed", map[string]string{"id": node}, &a); err != nil {
				return err
			}
			if !names {
				return showExposed(cmd, a, node)
			}
			for _, e := range a.Exposed {
				if e.Template {
					fmt.Fprintln(cmd.OutOrStdout(), e.Identifier)
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&names, "names", false, "print only the identifiers of those that Cofre can change, one a line")
	return cmd
}

func showExposed(cmd *cobra.Command, e daemon.Exposure, node string) error {
	out := cmd.OutOrStdout()
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	if len(e.Exposed) == 0 {
		fmt.Fprintln(out, "No credential has a secret that a lost node could read.")
	} else {
		fmt.Fprintf(out, "%d credentials have a secret that the lost node could read:\n", len(e.Exposed))
		fmt.Fprintln(w, "NUMBER\tIDENTIFIER\tUSER\tHOSTNAME\tSECRET SINCE\tCHANGE")
		for _, e := range e.Exposed {
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\n", e.Number, e.Identifier, e.Username, e.Hostname, e.Since, word(e.Template, "by Cofre", "by hand: no template"))
		}
		if err := w.Flush(); err != nil {
			return err
		}
		fmt.Fprintf(out, "Change them all: cofre cluster exposed %s --names | xargs -n 1 cofre operation request\n", node)
	}
	if len(e.Others) == 0 {
		return nil
	}
	fmt.Fprintf(out, "It could read %d other things:\n", len(e.Others))
	fmt.Fprintln(w, "WHAT\tNAME\tSINCE\tREPLACE IT")
	for _, o := range e.Others {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", o.What, o.Name, or(o.Since, "-"), o.Replace)
	}
	return w.Flush()
}

func caCommand(client func() *Client) *cobra.Command {
	return &cobra.Command{
		Use: "ca", Short: "Print the certificate of the cluster's authority, which clients of the API trust", Args: cobra.NoArgs,
		Example: "  cofre cluster ca > ca.pem",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var a struct {
				CA string `json:"ca"`
			}
			if err := client().Get(cmd.Context(), "/ca", &a); err != nil {
				return err
			}
			fmt.Fprint(cmd.OutOrStdout(), a.CA)
			return nil
		},
	}
}
