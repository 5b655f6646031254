package api

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"cofre/cmd/cofre/input"
	"cofre/httpapi/operation"
	"cofre/httpapi/template"
)

func explainTemplate(s *session) *cobra.Command {
	c := executorFlag(&cobra.Command{
		Use: "explain NAME", Short: "Show what a version does, step by step, and with what", Args: cobra.ExactArgs(1),
		Long:    "Show the compiled steps of a version. With --credential: what each tag would resolve to for it, secrets hidden; exit status 1 if one has no value. That needs operation.run and the right to read every secret involved.",
		Example: "  cofre template explain 'Linux passwd'\n  cofre template explain Ours --version 3 --credential web1-root",
	})
	c.Flags().String("credential", "", "number, identifier or user@host")
	c.Flags().Int("version", 0, "the newest by default")
	c.RunE = func(c *cobra.Command, args []string) error {
		q := executorOf(c)
		if name := text(c, "credential"); name != nil {
			if q == nil {
				q = url.Values{}
			}
			q.Set("credential", *name)
		}
		e, err := call[template.Explanation](s, c, http.MethodGet, at("templates/%s/explain", args[0])+versioned(c, q, "version"), nil)
		if err != nil {
			return err
		}
		if err := s.show(c, e, func(w io.Writer) error { return explanation(w, &e) }); err != nil {
			return err
		}
		if e.Runs != nil && !*e.Runs {
			return fmt.Errorf("a tag has no value for this credential: an attempt would end before anything is sent")
		}
		return nil
	}
	return c
}

func explanation(w io.Writer, e *template.Explanation) error {
	if err := details(w, "template", e.Template, "version", strconv.Itoa(e.Version), "review", e.Review, "hosts", join(e.Hosts)); err != nil {
		return err
	}
	for _, st := range e.Steps {
		fmt.Fprintf(w, "%4s  %s", word(st.Line > 0, strconv.Itoa(st.Line), ""), st.Does)
		if st.Text != "" {
			fmt.Fprintf(w, ": %s", clean(st.Text))
		}
		fmt.Fprintln(w)
	}
	for _, t := range e.Tags {
		value := map[string]string{"value": t.Value, "hidden": "(hidden)", "none": "(no value)"}[t.State]
		fmt.Fprintf(w, "[#%s#]  %s  %s\n", t.Name, or(clean(value), word(t.Secret, "secret", "shown")), clean(t.Meaning))
	}
	for _, n := range e.Notices {
		fmt.Fprintln(w, "notice:", clean(n))
	}
	return nil
}

func dryRunTemplate(s *session) *cobra.Command {
	var b template.DryRunBody
	c := executorFlag(&cobra.Command{
		Use: "dry-run NAME", Short: "Reach the real target and log in, changing nothing", Args: cobra.ExactArgs(1),
		Long: "Make a dry run on the real target: every tag must have a value that fits its place, the device is reached by its route, and the credential that would do the work logs in. " +
			"Unix by SSH, PostgreSQL, MySQL, MariaDB, Redis, Oracle and SQL Server are asked whether they would allow it. " +
			"Nothing of the template is sent; it need not be approved. Exit status 1 if it does not succeed.",
		Example: "  cofre template dry-run Ours --credential web1-root --version 3",
	})
	c.Flags().StringVar(&b.Credential, "credential", "", "number, identifier or user@host (required)")
	c.Flags().IntVar(&b.Version, "version", 0, "the newest by default")
	_ = c.MarkFlagRequired("credential")
	c.RunE = func(c *cobra.Command, args []string) error {
		d, err := call[template.DryRun](s, c, http.MethodPost, at("templates/%s/dry-run", args[0])+query(executorOf(c)), b)
		if err != nil {
			return err
		}
		o, err := call[operation.View](s, c, http.MethodGet, at("operations/%s", string(d.Operation)), nil)
		if err != nil {
			return err
		}
		failed := s.follow(c, &o)
		if s.asJSON { // it holds the steps already
			return failed
		}
		if o, err = call[operation.View](s, c, http.MethodGet, at("operations/%s", string(d.Operation)), nil); err != nil {
			return errors.Join(failed, err)
		}
		o.History = nil // told already
		return errors.Join(transcript(c.OutOrStdout(), &o), failed)
	}
	return c
}

func replayAttempt(s *session) *cobra.Command {
	var step bool
	c := &cobra.Command{
		Use: "replay OPERATION", Short: "Go through the record of an attempt along its template", Args: cobra.ExactArgs(1),
		Long:    "Go through the record of an attempt beside the version of the template that it ran. Nothing runs, and no value is in it. It needs operation.run and the right to read every secret involved.",
		Example: "  cofre template replay 12\n  cofre template replay 12 --attempt 1 --step",
	}
	c.Flags().Int("attempt", 0, "the last by default")
	c.Flags().BoolVar(&step, "step", false, "wait for Enter after each step")
	c.RunE = func(c *cobra.Command, args []string) error {
		r, err := call[template.Replay](s, c, http.MethodGet, at("operations/%s/replay", args[0])+versioned(c, nil, "attempt"), nil)
		if err != nil {
			return err
		}
		return s.show(c, r, func(w io.Writer) error {
			pause := func() error { return nil }
			if step && s.interactive(c) {
				in := bufio.NewReader(c.InOrStdin())
				pause = func() error { // at the end of the input it goes on
					if _, err := in.ReadString('\n'); errors.Is(err, input.ErrInterrupted) {
						return err
					}
					return nil
				}
			}
			return replay(w, &r, pause)
		})
	}
	return c
}

func replay(w io.Writer, r *template.Replay, pause func() error) error {
	if err := details(w, "operation", strconv.FormatUint(r.Operation, 10), "attempt", fmt.Sprintf("%d of %d", r.Attempt, r.Attempts), "template", r.Template, "version", strconv.Itoa(r.Version), "node", string(r.Node),
		"started", moment(r.StartedAt), "ended", moment(r.EndedAt), "outcome", r.Outcome, "class", r.Class, "message", r.Message); err != nil {
		return err
	}
	for _, st := range r.Steps {
		if st.Line == 0 {
			continue // what belongs to no line stands below
		}
		fmt.Fprintf(w, "%4d  %s  %s\n", st.Line, word(st.Reached, "done     ", "not reached"), clean(st.Text))
		for _, done := range st.Ran {
			ran(w, done)
		}
		if err := pause(); err != nil {
			return err
		}
	}
	for _, done := range r.Others {
		fmt.Fprintf(w, "      %s\n", clean(done.Text))
		ran(w, done)
	}
	return nil
}

func ran(w io.Writer, d template.Recorded) {
	fmt.Fprintf(w, "        %s  sent %d, got %d bytes", milliseconds(d.At), d.Sent, d.Got)
	if d.Error != "" {
		fmt.Fprintf(w, "; %s", clean(d.Error))
	}
	fmt.Fprintln(w)
}
