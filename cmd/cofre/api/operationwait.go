package api

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/spf13/cobra"

	"cofre/httpapi/operation"
)

func waitCommand(s *session) *cobra.Command {
	c := &cobra.Command{
		Use: "wait NUMBER...", Short: "Wait until operations are final; exit status 1 if one did not succeed", Args: cobra.MinimumNArgs(1),
		Example: "  cofre operation wait 12\n  cofre operation wait 12 13 14\n  cofre operation wait 12 13 14 --csv",
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if !s.several(args) {
			o, err := s.one(c, args[0])
			if err != nil {
				return err
			}
			return s.follow(c, &o)
		}
		items := make([]operation.BulkItem, len(args))
		for i, name := range args {
			items[i].Name = name
		}
		return s.followAll(c, items)
	}
	return s.tabular(c)
}

// one reads an operation by its number or id.
func (s *session) one(c *cobra.Command, name string) (operation.View, error) {
	return call[operation.View](s, c, http.MethodGet, at("operations/%s", name), nil)
}

// followAll waits for one operation after the other, as all are at work meanwhile, notes each that is final, and prints what
// became of all; an error if one was refused or did not succeed. An item without a number and an error is named by its operation.
func (s *session) followAll(c *cobra.Command, items []operation.BulkItem) error {
	bad := 0
	for i := range items {
		item := &items[i]
		if item.Error == "" {
			if err := s.await(c, item); err != nil {
				return err
			}
		}
		if item.State != "succeeded" {
			bad++
		}
		fmt.Fprintf(note(c), "%d of %d: %s: %s\n", i+1, len(items), clean(item.Name), clean(cmp.Or(item.Error, item.State)))
	}
	if err := s.printBulk(c, items); err != nil {
		return err
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d did not succeed: cofre operation show NUMBER tells the steps of one", bad, len(items))
	}
	return nil
}

// await waits until the operation of an item is final. An operation that does not exist is the item's error.
func (s *session) await(c *cobra.Command, item *operation.BulkItem) error {
	name := item.Name
	if item.Number > 0 {
		name = strconv.FormatUint(item.Number, 10)
	}
	for waits, said := "", ""; ; {
		o, err := s.progress(c, name)
		switch {
		case err != nil && definite(err):
			item.Error = err.Error()
			return nil
		case err != nil:
			return fmt.Errorf("%w (the operations go on: cofre operation wait %s)", err, name)
		}
		item.Number, item.State = o.Number, o.State
		if o.Final {
			item.Error = word(o.State != "succeeded", o.Message, "")
			return nil
		}
		if o.WaitsFor != "" && o.WaitsFor != said && o.WaitsFor == waits { // for longer than a look
			fmt.Fprintf(note(c), "  operation %d waits for %s\n", o.Number, clean(o.WaitsFor))
			said = o.WaitsFor
		}
		waits = o.WaitsFor
	}
}

// watch notes each step of an operation until it is final.
func (s *session) watch(c *cobra.Command, o *operation.View) (*operation.View, error) {
	fmt.Fprintf(note(c), "operation %d: %s of %s at %s\n", o.Number, o.Kind, clean(o.Credential.Identifier), clean(o.Credential.Hostname))
	told, ended, waits, said := 0, 0, "", ""
	for {
		for _, h := range o.History[min(told, len(o.History)):] {
			fmt.Fprintf(note(c), "  %s  %s -> %s%s%s\n", moment(h.At), h.Event, h.To, word(h.Node != "", " ("+string(h.Node)+")", ""), word(h.Note != "", ": "+clean(h.Note), ""))
		}
		told = len(o.History)
		for ; ended < len(o.Attempts) && o.Attempts[ended].Outcome != ""; ended++ { // a class such as "tls" tells nobody what to do
			if m := o.Attempts[ended].Message; m != "" {
				fmt.Fprintf(note(c), "    attempt %d: %s\n", ended+1, clean(m))
			}
		}
		if o.WaitsFor != "" && o.WaitsFor != said && o.WaitsFor == waits { // for longer than a look
			fmt.Fprintf(note(c), "  waits for %s\n", clean(o.WaitsFor))
			said = o.WaitsFor
		}
		waits = o.WaitsFor
		if o.Final {
			return o, nil
		}
		next, err := s.progress(c, string(o.ID))
		if err != nil {
			return nil, fmt.Errorf("%w (the operation goes on: cofre operation wait %d)", err, o.Number)
		}
		o = &next
	}
}

// follow prints each step of an operation until it is final, and what it came to.
func (s *session) follow(c *cobra.Command, o *operation.View) error {
	o, err := s.watch(c, o)
	if err != nil {
		return err
	}
	if err := s.show(c, o, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "operation %d: %s%s\n", o.Number, o.State, word(o.Message != "", ": "+clean(o.Message), ""))
		return err
	}); err != nil {
		return err
	}
	if o.State != "succeeded" {
		return fmt.Errorf("operation %d ended as %s: cofre operation show %d tells its steps", o.Number, o.State, o.Number)
	}
	return nil
}

// progress long-polls in short spans, so that each step is told soon after it happened.
func (s *session) progress(c *cobra.Command, name string) (operation.View, error) {
	var last error
	for range 20 { // a failover takes seconds; the client tries each node every time
		next, err := call[operation.View](s, c, http.MethodGet, at("operations/%s", name)+"?wait=1s", nil)
		if err == nil {
			return next, nil
		}
		if last = err; c.Context().Err() != nil || definite(err) {
			break
		}
		if err := pause(c.Context()); err != nil {
			return operation.View{}, err
		}
	}
	return operation.View{}, last
}
