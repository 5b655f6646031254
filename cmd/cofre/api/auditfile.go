package api

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"cofre/cmd/cofre/wholefile"
	trail "cofre/fsm/audit"
	"cofre/httpapi/device"
)

func exportAudit(s *session) *cobra.Command {
	var from, last uint64
	var force bool
	c := &cobra.Command{
		Use: "export [FILE]", Short: "Write the trail into a file that verifies offline", Args: cobra.MaximumNArgs(1),
		Long: `Write the trail into a file, signed by the cluster: cofre audit verify proves later, without the cluster, that nothing was changed
and nothing is missing. The file is checked while it is written. Without FILE, or with -, it goes to standard output. A file that is there
is kept: it may hold events that the trail has no more.`,
		Example: "  cofre audit export trail.jsonl\n  cofre audit export --from 5001 trail-2.jsonl",
	}
	c.Flags().Uint64Var(&from, "from", 1, "first event")
	c.Flags().Uint64Var(&last, "last", 0, "last event; 0: the newest")
	c.Flags().BoolVar(&force, "force", false, "replace FILE if it is there")
	c.RunE = func(c *cobra.Command, args []string) error {
		name := "-"
		if len(args) == 1 {
			name = args[0]
		}
		if err := vacant(name, force); err != nil {
			return err
		}
		ends, err := s.ends(c, from, last)
		if err != nil {
			return err
		}
		var rep *trail.Report
		if err := wholefile.Write(c, name, func(w io.Writer) (err error) {
			rep, err = checked(w, func(w io.Writer) error { return s.exportLines(c, ends, w) })
			return err
		}); err != nil {
			return err
		}
		for _, k := range rep.Keys {
			fmt.Fprintf(note(c), "audit key %d  %s\n", k.ID, k.Fingerprint())
		}
		fmt.Fprintf(note(c), "%d events, %d to %d. Keep the fingerprints apart from the file; then: cofre audit verify %s --key SHA256:...\n", rep.Count, rep.From, rep.Last, name)
		if ends.More {
			fmt.Fprintf(note(c), "The trail goes on: cofre audit export --from %d NEXT-FILE\n", ends.Last+1)
		}
		return nil
	}
	return c
}

// vacant refuses a file that is there, unless it is to be replaced.
func vacant(name string, force bool) error {
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) && !force {
		return errors.Join(err, fmt.Errorf("%s is there already: name another file, or replace it with --force", name))
	}
	return nil
}

// checked verifies an export while it is written.
func checked(w io.Writer, write func(io.Writer) error) (*trail.Report, error) {
	var rep *trail.Report
	r, p := io.Pipe()
	var g errgroup.Group
	g.Go(func() (err error) {
		rep, err = trail.Verify(r)
		_ = r.CloseWithError(err) // never fails
		return err
	})
	err := write(io.MultiWriter(w, p))
	_ = p.CloseWithError(err) // never fails
	if e := g.Wait(); err == nil {
		err = e
	}
	switch {
	case err != nil:
		return nil, err
	case !rep.Integrity.OK:
		return nil, fmt.Errorf("the export does not verify: %s", rep.Integrity)
	case !rep.Completeness.OK:
		return nil, fmt.Errorf("the export is not complete: %s", rep.Completeness)
	}
	return rep, nil
}

// verdict is one answer about an export as scripts read it.
type verdict struct {
	OK     bool   `json:"ok"`
	Seq    uint64 `json:"seq,omitempty"`
	Line   int    `json:"line,omitempty"`
	Reason string `json:"reason,omitempty"`
	Advice string `json:"advice,omitempty"`
}

type verified struct {
	Integrity    verdict  `json:"integrity"`
	Completeness verdict  `json:"completeness"`
	Cluster      string   `json:"cluster"`
	From         uint64   `json:"from"`
	Last         uint64   `json:"last"`
	Count        uint64   `json:"count"`
	Checkpoints  int      `json:"checkpoints"`
	Keys         []string `json:"keys"`
	Pinned       bool     `json:"pinned"`
	Caveats      []string `json:"caveats"`
}

func verifyAudit(s *session) *cobra.Command {
	var pins []string
	c := &cobra.Command{
		Use: "verify FILE", Short: "Check an export offline; exit status 1 if a verdict is no", Args: cobra.ExactArgs(1),
		Long: `Check an export without the cluster: is what stands in it what the cluster recorded, and is nothing missing between its first event
and its signed end? FILE is - for standard input. Pin the cluster's audit keys, which you kept apart from the file, with --key.`,
		Example: "  cofre audit verify trail.jsonl --key SHA256:...\n  cofre audit export | cofre audit verify -",
	}
	c.Flags().StringSliceVar(&pins, "key", nil, "fingerprint of an audit key that you trust; may be repeated")
	c.RunE = func(c *cobra.Command, args []string) error {
		for _, p := range pins { // a slip of the pen must not look like a forged trail
			if !(device.TrustedKey{Fingerprint: p}).Valid() {
				return fmt.Errorf("--key %q is not SHA256: with 43 characters, as cofre audit export prints it", p)
			}
		}
		in := c.InOrStdin()
		if args[0] != "-" {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer func() { _ = f.Close() }()
			in = f
		}
		rep, err := trail.Verify(in, pins...)
		if err != nil {
			return err
		}
		if err := s.show(c, verifiedOf(rep), func(w io.Writer) error { return showReport(w, rep) }); err != nil {
			return err
		}
		if !rep.Integrity.OK || !rep.Completeness.OK {
			return fmt.Errorf("%s does not prove what it claims", args[0])
		}
		return nil
	}
	return c
}

func verifiedOf(r *trail.Report) verified {
	v := verified{Integrity: verdict(r.Integrity), Completeness: verdict(r.Completeness), Cluster: string(r.Cluster), From: r.From, Last: r.Last, Count: r.Count,
		Checkpoints: r.Checkpoints, Keys: []string{}, Pinned: r.Pinned, Caveats: append([]string{}, r.Caveats...)}
	for _, k := range r.Keys {
		v.Keys = append(v.Keys, k.Fingerprint())
	}
	return v
}

func showReport(w io.Writer, r *trail.Report) error {
	if err := details(w, "nothing was changed", r.Integrity.String(), "nothing is missing", r.Completeness.String(), "cluster", string(r.Cluster),
		"events", fmt.Sprintf("%d, from %d to %d, %d signed checkpoints", r.Count, r.From, r.Last, r.Checkpoints)); err != nil {
		return err
	}
	for _, k := range r.Keys {
		fmt.Fprintf(w, "audit key %d  %s  %s\n", k.ID, k.Fingerprint(), word(r.Pinned, "", "(not pinned)"))
	}
	for _, n := range r.Caveats {
		fmt.Fprintln(w, "note:", n)
	}
	return nil
}
