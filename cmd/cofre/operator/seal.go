package operator

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"cofre/cmd/cofre/daemon"
	"cofre/cmd/cofre/input"
)

type openAnswer struct {
	Sealed bool `json:"sealed"`
	Have   int  `json:"have"`
	Need   int  `json:"need"`
	Others int  `json:"others"`
}

// String tells how many shares there are.
func (a openAnswer) String() string {
	text := fmt.Sprintf("%d of %d shares", a.Have, a.Need)
	if a.Others > 0 {
		text += fmt.Sprintf("; %d entered before belong to another set: the set of one of them was replaced, or is of another cluster", a.Others)
	}
	return text
}

func unsealCommand(client func() *Client) *cobra.Command {
	var byShares bool
	cmd := &cobra.Command{
		Use: "unseal", Short: "Open this node's vault", Args: cobra.NoArgs,
		Long:    "Open this node's vault: by its own seal, or with shares (seal: shamir), which are read from the terminal without echo, or one per line from standard input.",
		Example: "  cofre unseal            # after cofre seal, with seal: keyfile\n  cofre unseal --shares   # with seal: shamir\n  cat share1 share2 share3 | cofre unseal --shares",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if byShares {
				return feedShares(cmd, client(), "/unseal")
			}
			var a openAnswer
			if err := client().Post(cmd.Context(), "/unseal", text{}, &a); err != nil {
				return err
			}
			if a.Sealed {
				return errors.New("the vault is still sealed: see the daemon's log")
			}
			fmt.Fprintln(cmd.OutOrStdout(), "The vault is open.")
			return nil
		},
	}
	cmd.Flags().BoolVar(&byShares, "shares", false, "open with shares")
	return cmd
}

func recoverCommand(client func() *Client) *cobra.Command {
	cmd := &cobra.Command{Use: "recover", Short: "Open the vault with recovery shares when its seal is lost, and replace them"}
	cmd.AddCommand(&cobra.Command{
		Use: "unseal", Short: "Open this node with recovery shares and renew its seal", Args: cobra.NoArgs,
		Example: "  cofre recover unseal",
		RunE:    func(cmd *cobra.Command, _ []string) error { return feedShares(cmd, client(), "/recover") },
	}, rekeyCommand(client, "recovery", "recovery", "/recover/rekey", &cobra.Command{
		Use: "rekey", Short: "Replace the recovery shares", Args: cobra.NoArgs,
		Long:    "Make new recovery shares. They are shown once; as soon as one of them was typed back they are in force and the old ones are void.",
		Example: "  cofre recover rekey\n  cofre recover rekey --recovery-out /media/usb1     # for scripts: one file per share",
	}))
	return cmd
}

func sealCommand(client func() *Client) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "seal", Short: "Close this node's vault, or every node's, until a person opens it", Args: cobra.NoArgs,
		Long: `Close this node's vault: running operations end, keys are wiped, and the node's own seal does not open it again before cofre
unseal. It goes on replicating and voting.

With --cluster every node does so: nothing is handed out or changed any more until people open the nodes, one by one. A node that is
off at this moment closes its vault as soon as it is back and has heard of it.`,
		Example: "  cofre seal\n  cofre seal --cluster",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var a daemon.Closed
			if err := client().Post(cmd.Context(), "/seal", map[string]bool{"cluster": all}, &a); err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			switch {
			case !all:
				fmt.Fprintln(out, "The vault is sealed. cofre unseal opens it.")
			case len(a.Waiting) == 0:
				fmt.Fprintln(out, "The vault is sealed on every node. cofre unseal opens it, on each.")
			default:
				fmt.Fprintf(out, "The vault is sealed, but not yet on %s: there it closes as soon as the node hears of it. cofre unseal opens it, on each node.\n", strings.Join(a.Waiting, ", "))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "cluster", false, "close the vault of every node")
	return cmd
}

type text struct {
	Text string `json:"text"`
}

const tooFewShares = "the input ended before there were enough shares"

// shareLines reads shares.
func shareLines(cmd *cobra.Command) func() (string, error) {
	return lines(cmd, "share", tooFewShares)
}

// feedShares reads shares until the vault is open. One that is refused, or was entered by somebody before, is told, and the next one read:
// the daemon keeps the good ones.
func feedShares(cmd *cobra.Command, c *Client, path string) error {
	var s daemon.Status
	switch err := c.Get(cmd.Context(), "/status", &s); { // before anybody types shares
	case err != nil:
		return err
	case !s.Initialized:
		return errors.New(s.Headline)
	}
	next, entered := shareLines(cmd), ""
	for {
		share, err := next()
		if err != nil {
			return fmt.Errorf("%w%s", err, entered)
		}
		a, err := addShare(cmd.Context(), c, path, share)
		switch {
		case err != nil:
			if !errors.As(err, new(refusal)) || !term.IsTerminal(int(os.Stdin.Fd())) && !undone(err) {
				return err
			}
			fmt.Fprintln(cmd.ErrOrStderr(), "refused:", err) // with how many are there: a set that opens nothing is forgotten
			entered = ""
		case !a.Sealed:
			fmt.Fprintln(cmd.OutOrStdout(), "The vault is open.")
			return nil
		default:
			fmt.Fprintln(cmd.OutOrStdout(), a)
			entered = fmt.Sprintf(": %d of %d are there, and stay until the vault is open or closed by hand, or the daemon ends", a.Have, a.Need)
		}
	}
}

func addShare(ctx context.Context, c *Client, path, share string) (openAnswer, error) {
	var a openAnswer
	err := c.Post(ctx, path, text{Text: share}, &a)
	return a, err
}

// lines reads one secret line after the other: without echo on a terminal, which is asked for what is wanted. Where there are no more the
// error says what is missing.
func lines(cmd *cobra.Command, wanted, missing string) func() (string, error) {
	if fd := int(os.Stdin.Fd()); term.IsTerminal(fd) {
		return func() (string, error) {
			fmt.Fprint(cmd.ErrOrStderr(), wanted+": ")
			b, err := input.Password(cmd.Context(), fd)
			fmt.Fprintln(cmd.ErrOrStderr())
			return strings.TrimSpace(string(b)), err
		}
	}
	in := bufio.NewScanner(cmd.InOrStdin())
	return func() (string, error) {
		for in.Scan() {
			if s := strings.TrimSpace(in.Text()); s != "" {
				return s, nil
			}
		}
		return "", cmp.Or(in.Err(), errors.New(missing))
	}
}
