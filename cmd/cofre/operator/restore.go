package operator

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"cofre/cluster/backup"
	"cofre/cmd/cofre/daemon"
	"cofre/vault/seal/shamir"
	"cofre/vault/secret"
)

// Restore is the part of cofre backup that needs a node's console.
func Restore() *cobra.Command {
	var socket string
	var off bool
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Take up a lost cluster on this empty node", Args: cobra.ExactArgs(1),
		Long: `Take up a lost cluster on this node, which then is its only member; others join as usual. The daemon must run (cofre server) and its data
directory be empty; its node name must be one that the cluster never had. Recovery shares of the time of the backup are read from the
terminal without echo, or one a line from standard input.

First switch the old nodes off, for ever: two clusters would change the same passwords, each not knowing what the other did. Say so with
--old-nodes-are-off. An old node that answers all the same stops the restore.

Applications keep their ids, secrets and the CA; every access token of before is void. What happened after the backup is not known: passwords changed
since, rights taken away since. Nothing starts by itself: cofre status says how much is due, and how people let it go on.`,
		Example: "  cofre backup restore --old-nodes-are-off cofre.backup\n  cat share1 share2 share3 | cofre backup restore --old-nodes-are-off cofre.backup",
		RunE: func(cmd *cobra.Command, args []string) error {
			if !off {
				return errors.New("switch every old node off, for ever, and say so with --old-nodes-are-off: two clusters would change the same passwords")
			}
			var r daemon.Restored
			switch err := restore(cmd, NewClient(socket), args[0], &r); {
			case errors.Is(err, errUnheard):
				return err
			case err != nil:
				return fmt.Errorf("nothing was restored: %w", err)
			}
			if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
				return printJSON(cmd, r)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), `Cluster %s as of %s lives on this node, %s. %d nodes of before are removed. API %s
This node's fingerprint: %s
HELD until people let it go on: %d changes and %d verifications that are due, %d operations that waited, %d that were at work.
Next: cofre status; then cofre cluster confirm-time and cofre automation resume; then further nodes, and backups again.
`, r.Cluster, r.Backup, r.Node, r.Removed, r.API, r.Fingerprint, r.Changes, r.Verify, r.Waiting, r.AtWork)
			return err
		},
	}
	socketFlag(cmd, &socket)
	cmd.Flags().BoolVar(&off, "old-nodes-are-off", false, "you made sure that no node of before runs or will run again (required)")
	return cmd
}

func restore(cmd *cobra.Command, c *Client, name string, out *daemon.Restored) error {
	var s daemon.Status
	switch err := c.Get(cmd.Context(), "/status", &s); { // before anybody types shares
	case err != nil:
		return err
	case s.Initialized:
		return fmt.Errorf("this node, %s, belongs to a cluster already, %s: restore on a node whose data directory is empty", s.Node, s.Cluster)
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	f, err := backup.Open(file)
	if err != nil {
		return err
	}
	next := shareLines(cmd)
	root, shares, err := f.Header.Ask(func(p shamir.Progress, refused error) (secret.Value, error) {
		switch {
		case refused != nil:
			fmt.Fprintln(cmd.ErrOrStderr(), "refused:", refused)
		case p.Need > 0:
			fmt.Fprintln(cmd.ErrOrStderr(), openAnswer{Have: p.Have, Need: p.Need, Others: p.Others})
		}
		text, err := next()
		return secret.New([]byte(text)), err
	})
	root.Wipe() // the daemon opens the file itself; this told whether the shares are the right ones
	args := daemon.RestoreArgs{OldNodesOff: true}
	for _, s := range shares {
		_ = s.Reveal(func(b []byte) error { args.Shares = append(args.Shares, string(b)); return nil })
		s.Wipe()
	}
	if err != nil {
		return err
	}
	if _, err := file.Seek(0, 0); err != nil {
		return err
	}
	return c.PostFile(cmd.Context(), "/restore", args, file, out)
}
