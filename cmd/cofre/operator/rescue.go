package operator

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"cofre/cluster/backup"
	"cofre/cmd/cofre/daemon"
	"cofre/cmd/cofre/wholefile"
)

// rescued is what scripts are told.
type rescued struct {
	Cluster string `json:"cluster"`
	At      string `json:"at"`
	Node    string `json:"node"`
	Term    uint64 `json:"term"`
	Index   uint64 `json:"index"`
	Size    int64  `json:"size"`
}

// Rescue is the part of cofre backup for the console of a node that is left alone.
func Rescue() *cobra.Command {
	var socket string
	var lost bool
	cmd := &cobra.Command{
		Use: "rescue FILE", Short: "Write what this node holds when the majority is lost for ever", Args: cobra.ExactArgs(1),
		Long: `Write what this node holds into a backup, on its console, when a majority of the nodes is lost for ever and nobody can confirm anything
any more: every password up to the last entry of its log, where the last backup knows those of its own day. Restore it on a new node.

Where several nodes are left, write one on each and restore the one of the highest term, and among those of one term that of the highest log
index: the command prints both. Say that the majority is lost with --majority-is-lost; a majority that answers all the same stops it. The vault
of this node must be open.

The file is as any backup: mode 0600, there as a whole or not at all, and opened by three recovery shares. FILE must not exist.`,
		Example: "  cofre backup rescue --majority-is-lost n1.backup\n  cofre backup verify --shares n1.backup",
		RunE: func(cmd *cobra.Command, args []string) error {
			if !lost {
				return errors.New("this is for the day when a majority of the nodes is lost for ever: say so with --majority-is-lost. While it lives: cofre backup create")
			}
			if _, err := os.Lstat(args[0]); !errors.Is(err, fs.ErrNotExist) {
				return errors.Join(err, fmt.Errorf("%s is there already: name another file", args[0]))
			}
			var h backup.Header
			var n int64
			err := wholefile.Write(cmd, args[0], func(w io.Writer) error {
				return NewClient(socket).Stream(cmd.Context(), "/rescue", daemon.RescueArgs{MajorityLost: true}, func(file io.Reader) (err error) {
					h, n, err = backup.Copy(w, file)
					return err
				})
			})
			switch {
			case errors.Is(err, errUnheard):
				return errors.New("nothing was rescued: the daemon went away, or this command was interrupted, before the file was whole. Look at cofre status and at the daemon's log, and begin again")
			case err != nil:
				return fmt.Errorf("nothing was rescued: %w", err)
			}
			if args[0] == "-" {
				cmd.SetOut(cmd.ErrOrStderr()) // what is told must not stand behind the file
			}
			if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
				return printJSON(cmd, rescued{string(h.Cluster), h.At.String(), string(h.Node), h.Term, h.Index, n})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), `%s: %d bytes, cluster %s as of %s, term %d, log index %d.
Next: cofre backup verify --shares %s; switch every old node off, for ever; then cofre backup restore on a new node.
`, args[0], n, h.Cluster, h.At, h.Term, h.Index, args[0])
			return err
		},
	}
	socketFlag(cmd, &socket)
	cmd.Flags().BoolVar(&lost, "majority-is-lost", false, "you made sure that too many nodes are lost, and will not come back (required)")
	return cmd
}
