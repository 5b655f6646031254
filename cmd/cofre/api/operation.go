package api

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"cofre/fsm/model"
	"cofre/httpapi/operation"
)

func operationCommand(s *session) *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List operations, newest first unless --sort says otherwise", Args: cobra.NoArgs, Example: "  cofre operation list --state ready,running\n  cofre operation list --credential web1-root --limit 5\n  cofre operation list --state failed --since 2026-11-01T00:00:00Z --csv\n  cofre operation list --state open --sort scheduled --tag prod"}
	limit := s.lists(list, 50)
	queryFlags(list, operation.Filters...)
	list.RunE = func(c *cobra.Command, _ []string) error {
		columns, row := operation.Columns, operation.View.Row
		if s.asCSV {
			columns, row = operation.Wide, operation.View.WideRow
		}
		return listed(s, c, "/api/v1/operations", filters(c), *limit, nil, columns, row)
	}
	attempts := &cobra.Command{Use: "attempts", Short: "List what each attempt came to; show tells the steps of one operation's", Args: cobra.NoArgs, Example: "  cofre operation attempts --device web1\n  cofre operation attempts --state failed --since 2026-11-01T00:00:00Z --csv"}
	most := s.lists(attempts, 50)
	queryFlags(attempts, operation.Filters...)
	attempts.RunE = func(c *cobra.Command, _ []string) error {
		return listed(s, c, "/api/v1/operations/attempts", filters(c), *most, nil, operation.TriedColumns, operation.Tried.Row)
	}
	show := &cobra.Command{Use: "show NUMBER", Short: "Show an operation with its attempts and their steps", Args: cobra.ExactArgs(1), Example: "  cofre operation show 12", RunE: func(c *cobra.Command, args []string) error {
		return s.operation(c, http.MethodGet, at("operations/%s", args[0]), nil)
	}}
	cancel := &cobra.Command{Use: "cancel NUMBER...", Short: "Cancel operations that wait", Args: cobra.MinimumNArgs(1), Example: "  cofre operation cancel 12\n  cofre operation cancel 12 13 14", RunE: func(c *cobra.Command, args []string) error {
		if s.several(args) {
			return s.bulk(c, operation.BulkBody{Action: "cancel", Operations: args}, false)
		}
		return s.operation(c, http.MethodPost, at("operations/%s/cancel", args[0]), nil)
	}}
	retry := &cobra.Command{Use: "retry NUMBER...", Short: "Start failed operations again", Args: cobra.MinimumNArgs(1), Example: "  cofre operation retry 12 --wait\n  cofre operation retry 12 13 14 --wait\n  cofre operation retry 12 --capture --wait"}
	waits := retry.Flags().Bool("wait", false, "wait until all are final; exit status 1 if one did not succeed")
	captures := retry.Flags().Bool("capture", false, "keep what the target says, for cofre operation capture")
	retry.RunE = func(c *cobra.Command, args []string) error {
		if s.several(args) {
			if *captures {
				return errors.New("--capture is for one operation, and not for CSV")
			}
			return s.bulk(c, operation.BulkBody{Action: "retry", Operations: args}, *waits)
		}
		if *captures {
			if _, err := call[operation.View](s, c, http.MethodPut, at("operations/%s/capture", args[0]), nil); err != nil {
				return err
			}
		}
		if !*waits {
			return s.operation(c, http.MethodPost, at("operations/%s/retry", args[0]), nil)
		}
		o, err := call[operation.View](s, c, http.MethodPost, at("operations/%s/retry", args[0]), nil)
		if err != nil {
			return err
		}
		return s.follow(c, &o)
	}
	run := &cobra.Command{Use: "run NUMBER...", Short: "Run operations that wait now, whatever their schedule or a freeze", Args: cobra.MinimumNArgs(1), Example: "  cofre operation run 12", RunE: func(c *cobra.Command, args []string) error {
		if s.several(args) {
			return s.bulk(c, operation.BulkBody{Action: "run", Operations: args}, false)
		}
		return s.operation(c, http.MethodPost, at("operations/%s/run", args[0]), nil)
	}}
	for _, c := range []*cobra.Command{cancel, retry, run} {
		s.tabular(c)
	}
	return group("operation", "Changes and verifications on targets", list, attempts, show, requestOperation(s), run, cancel, retry, waitCommand(s), captureCommand(s), summaryCommand(s))
}

// filters are the flags that choose operations.
func filters(c *cobra.Command) url.Values {
	q := url.Values{}
	for i := 0; i < len(operation.Filters); i += 2 {
		if name := operation.Filters[i]; c.Flags().Changed(name) {
			q.Set(operation.Parameter(name), *text(c, name))
		}
	}
	return q
}

func requestOperation(s *session) *cobra.Command {
	var verify, reconcile, wait, capture bool
	var at string
	c := &cobra.Command{
		Use: "request CREDENTIAL...", Short: "Change the secret of credentials now, or verify them", Args: cobra.MinimumNArgs(1),
		Long:    "Ask for a change of the secret on its target, or with --verify for a login that proves it. An open operation that does the same is given instead of a second one.",
		Example: "  cofre operation request web1-root --wait\n  cofre operation request web1-root --verify --wait\n  cofre operation request web1-root web2-root web3-root --wait\n  cofre operation request web1-root --not-before 2026-12-24T02:00:00Z\n  cofre operation request web1-root --capture --wait",
	}
	s.tabular(c).Flags().BoolVar(&verify, "verify", false, "log in only, change nothing")
	c.Flags().BoolVar(&reconcile, "reconcile", false, "change it by the reconciliation account and template")
	c.MarkFlagsMutuallyExclusive("verify", "reconcile")
	c.Flags().BoolVar(&wait, "wait", false, "wait until all are final; exit status 1 if one did not succeed")
	c.Flags().BoolVar(&capture, "capture", false, "keep what the target says, for cofre operation capture")
	c.Flags().StringVar(&at, "not-before", "", "start at this time")
	c.MarkFlagsMutuallyExclusive("wait", "not-before")
	c.RunE = func(c *cobra.Command, args []string) error {
		b := operation.Body{Credential: args[0], Kind: "change", Capture: capture}
		switch {
		case verify:
			b.Kind = model.Verify
		case reconcile:
			b.Kind = "reconcile"
		}
		if err := b.NotBefore.UnmarshalText([]byte(at)); err != nil {
			return fmt.Errorf("--not-before: %w", err)
		}
		switch {
		case s.several(args) && capture:
			return errors.New("--capture is for one credential, and not for CSV")
		case s.several(args):
			return s.bulk(c, operation.BulkBody{Action: string(b.Kind), Credentials: args, NotBefore: b.NotBefore}, wait)
		}
		o, err := call[operation.View](s, c, http.MethodPost, "/api/v1/operations", b)
		if err != nil {
			return err
		}
		if at == "" && model.Time(o.ScheduledAt) > model.TimeOf(time.Now()) {
			fmt.Fprintf(note(c), "Operation %d does this already, and waits until %s: cofre operation run %d begins it now.\n", o.Number, moment(o.ScheduledAt), o.Number)
		}
		if wait {
			return s.follow(c, &o)
		}
		return s.printed(c, &o)
	}
	return c
}

// several tells that the answer is a list, with a row for each: CSV always is one.
func (s *session) several(args []string) bool { return len(args) > 1 || s.asCSV }

// bulk asks for the same with many, waits until each is final if asked to, and tells what became of each; an error if one
// was refused or did not succeed.
func (s *session) bulk(c *cobra.Command, b operation.BulkBody, wait bool) error {
	r, err := call[operation.Bulk](s, c, http.MethodPost, "/api/v1/operations/bulk", b)
	if err != nil {
		return err
	}
	if wait {
		return s.followAll(c, r.Items)
	}
	if err := s.printBulk(c, r.Items); err != nil {
		return err
	}
	if r.Failed > 0 {
		return fmt.Errorf("%d of %d were refused", r.Failed, len(r.Items))
	}
	return nil
}

func (s *session) printBulk(c *cobra.Command, items []operation.BulkItem) error {
	return list(s, c, items, "NAME NUMBER STATE ERROR", func(i operation.BulkItem) []string {
		number := ""
		if i.Number > 0 {
			number = strconv.FormatUint(i.Number, 10)
		}
		return []string{i.Name, number, i.State, i.Error}
	})
}

// operation sends one call about an operation and prints it.
func (s *session) operation(c *cobra.Command, method, path string, body any) error {
	o, err := call[operation.View](s, c, method, path, body)
	if err != nil {
		return err
	}
	return s.printed(c, &o)
}

func (s *session) printed(c *cobra.Command, o *operation.View) error {
	return s.show(c, o, func(w io.Writer) error { return errors.Join(showOperation(w, o), transcript(w, o)) })
}

func showOperation(w io.Writer, o *operation.View) error {
	return details(w, "operation", strconv.FormatUint(o.Number, 10), "id", string(o.ID), "kind", string(o.Kind), "credential", o.Credential.Identifier, "user name", o.Credential.Username, "device", o.Credential.Hostname,
		"state", o.State, "waits for", o.WaitsFor, "message", o.Message, "attempts", o.Tried(" of "), "executor", string(o.Executor), "template", o.TemplateName, "module", o.Module, "trigger", o.Trigger, "reconciliation", word(o.Reconcile, "yes", ""), "asked by", cmp.Or(o.RequesterName, o.Requester), "node", string(o.Node),
		"scheduled", moment(o.ScheduledAt), "created", moment(o.CreatedAt), "finished", moment(o.FinishedAt))
}

// transcript prints the attempts with what the program did, step by step.
func transcript(w io.Writer, o *operation.View) error {
	for _, h := range o.History {
		fmt.Fprintf(w, "  %s  %s -> %s%s%s\n", moment(h.At), h.Event, h.To, word(h.Node != "", " ("+string(h.Node)+")", ""), word(h.Note != "", ": "+clean(h.Note), ""))
	}
	for i, a := range o.Attempts {
		fmt.Fprintf(w, "\nattempt %d on %s  %s%s%s%s\n", i+1, a.Node, moment(a.StartedAt), word(a.Settle, "  settling", ""), word(a.Outcome != "", "  "+a.Outcome, "  at work"), word(a.Class != "", " ("+a.Class+")", ""))
		if a.TemplateName != "" {
			fmt.Fprintf(w, "  template %s, version %d\n", clean(a.TemplateName), a.TemplateVersion)
		}
		for _, st := range a.Steps {
			line := ""
			if st.Line > 0 {
				line = fmt.Sprintf("line %d: ", st.Line)
			}
			bytes := ""
			if st.Sent+st.Got > 0 {
				bytes = fmt.Sprintf("  [sent %d, got %d]", st.Sent, st.Got)
			}
			fmt.Fprintf(w, "  %8s  %s%s%s%s%s\n", milliseconds(st.At), line, clean(st.Text), bytes, word(st.Matched != "", "  matched "+clean(st.Matched), ""), word(st.Error != "", "  ! "+clean(st.Error), ""))
		}
		if a.Message != "" {
			fmt.Fprintf(w, "  %s\n", clean(a.Message))
		}
		if a.Captured > 0 {
			fmt.Fprintf(w, "  what the target said is kept, %d bytes: cofre operation capture %d --attempt %d\n", a.Captured, o.Number, i+1)
		}
	}
	return nil
}
