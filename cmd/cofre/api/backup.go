package api

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cofre/cluster/backup"
	"cofre/cmd/cofre/wholefile"
	"cofre/fsm"
	"cofre/httpapi/compat"
	"cofre/vault/seal/shamir"
	"cofre/vault/secret"
)

func backupCommand(s *session) *cobra.Command {
	return group("backup", "Backups of the whole cluster", createBackup(s), verifyBackup(s))
}

func createBackup(s *session) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use: "create FILE", Short: "Write a backup of the whole cluster into one file", Args: cobra.ExactArgs(1),
		Long: `Write a backup of the whole cluster into one file of mode 0600, which appears whole or not at all and is checked while it is written.
It is encrypted for the recovery shares: any 3 of those that are in force now open it, later ones do not, and without them it opens
nothing. Needs cluster.admin; the trail gets an alert. It works with every node whose vault is open.`,
		Example: "  cofre backup create /mnt/safe/cofre-$(date +%F).backup\n  cofre backup create --force latest.backup",
	}
	c.Flags().BoolVar(&force, "force", false, "replace FILE if it is there")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := vacant(args[0], force); err != nil {
			return err
		}
		api, err := s.client()
		if err != nil {
			return err
		}
		file, err := api.File(c.Context(), http.MethodPost, "/api/v1/backup")
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		var h backup.Header
		var n int64
		if err := wholefile.Write(c, args[0], func(w io.Writer) (err error) {
			h, n, err = backup.Copy(w, file)
			return err
		}); err != nil {
			return fmt.Errorf("no backup was made: %w", err)
		}
		if args[0] == "-" {
			c.SetOut(note(c)) // what is told must not stand behind the file
		}
		return s.show(c, backedUp{headOf(h), n}, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%s: %d bytes, cluster %s as of %s. Prove that the shares open it: cofre backup verify --shares %s\n", args[0], n, h.Cluster, h.At, args[0])
			return err
		})
	}
	return c
}

// backupHead is what a backup says of itself, as scripts read it.
type backupHead struct {
	Cluster string      `json:"cluster"`
	At      compat.Time `json:"at"`
	Node    string      `json:"node"`
	Version string      `json:"version"`
	Level   uint16      `json:"level"`
	Index   uint64      `json:"index"`
	Event   uint64      `json:"event"`
}

func headOf(h backup.Header) backupHead {
	return backupHead{string(h.Cluster), compat.Time(h.At), string(h.Node), h.Version, h.Level, h.Index, h.Event}
}

type backedUp struct {
	backupHead
	Size int64 `json:"size"`
}

type verifiedBackup struct {
	backupHead
	Undamaged bool           `json:"undamaged"`
	Opened    bool           `json:"opened"` // with shares, and every row was read
	First     uint64         `json:"first_event,omitempty"`
	Rows      map[string]int `json:"rows,omitempty"`
}

func verifyBackup(s *session) *cobra.Command {
	var shares bool
	c := &cobra.Command{
		Use: "verify FILE", Short: "Check a backup offline", Args: cobra.ExactArgs(1),
		Long: `Check a backup without a cluster. Without shares: that no byte of it was changed, is missing or was added by accident. With --shares, which
are read from the terminal without echo or one a line from standard input: that they open it, that it was made by a node that held the root key,
that this version can read every row, that the rows are those that the cluster had, and that the trail in it is one unbroken chain.
Nothing is written. A backup that was never opened with its shares is a hope.`,
		Example: "  cofre backup verify cofre.backup\n  cofre backup verify --shares cofre.backup\n  cat share1 share2 share3 | cofre backup verify --shares cofre.backup",
	}
	c.Flags().BoolVar(&shares, "shares", false, "open it with recovery shares and check every row")
	c.RunE = func(c *cobra.Command, args []string) error {
		in, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer func() { _ = in.Close() }()
		f, err := backup.Open(in)
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		v := verifiedBackup{backupHead: headOf(f.Header), Undamaged: true, Opened: shares}
		if shares {
			var held *fsm.Contents
			if held, err = s.examine(c, f); err == nil {
				v.First, v.Rows = held.First, map[string]int{}
				for _, t := range held.Tables {
					v.Rows[t.Table] = t.Count
				}
				if string(held.Cluster) != v.Cluster || held.Index != v.Index || held.Last != v.Event {
					err = backup.ErrDamaged
				}
			}
		} else {
			err = f.Check()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		return s.show(c, v, func(w io.Writer) error { return showBackup(w, &v) })
	}
	return c
}

func (s *session) examine(c *cobra.Command, f *backup.File) (*fsm.Contents, error) {
	root, shares, err := f.Header.Ask(s.shares(c))
	for _, v := range shares {
		v.Wipe()
	}
	if err != nil {
		return nil, err
	}
	defer root.Wipe()
	state, err := f.State(root)
	if err != nil {
		return nil, err
	}
	held, err := fsm.Examine(state)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, state) // the end of the file
	return held, err
}

// shares reads shares: without echo on a terminal, else one a line.
func (s *session) shares(c *cobra.Command) func(shamir.Progress, error) (secret.Value, error) {
	in := bufio.NewScanner(c.InOrStdin())
	return func(p shamir.Progress, refused error) (secret.Value, error) {
		if refused != nil {
			fmt.Fprintln(note(c), "refused:", refused)
		}
		if s.terminal(c.InOrStdin()) {
			fmt.Fprintf(note(c), "recovery share %d%s: ", p.Have+1, word(p.Need > 0, " of "+strconv.Itoa(p.Need), ""))
			b, err := s.unechoed(c.Context())
			fmt.Fprintln(note(c))
			return secret.New(b), err
		}
		for in.Scan() {
			if t := strings.TrimSpace(in.Text()); t != "" {
				return secret.New([]byte(t)), nil
			}
		}
		return secret.Value{}, cmp.Or(in.Err(), errors.New("the input ended before there were enough shares"+word(p.Need > 0, fmt.Sprintf(": %d of %d", p.Have, p.Need), "")))
	}
}

func showBackup(w io.Writer, v *verifiedBackup) error {
	if err := details(w, "cluster", v.Cluster, "as of", moment(v.At), "made by", v.Node+", cofre "+v.Version, "feature level", strconv.Itoa(int(v.Level)), "log index", strconv.FormatUint(v.Index, 10), "last event", strconv.FormatUint(v.Event, 10)); err != nil {
		return err
	}
	if !v.Opened {
		_, err := fmt.Fprintln(w, "undamaged. Whether the shares open it, --shares proves")
		return err
	}
	pairs := []string{}
	for _, t := range []string{"application", "authorization", "device", "credential", "dsm_secret", "operation", "audit"} {
		if n := v.Rows[t]; n > 0 {
			pairs = append(pairs, t, strconv.Itoa(n)+" rows")
		}
	}
	if err := details(w, pairs...); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "undamaged, opened by the shares, every row read; the trail is one chain from event %d to %d\n", v.First, v.Event)
	return err
}
