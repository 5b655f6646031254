package api

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"cofre/httpapi/dynamic"
)

func profileTest(s *session) *cobra.Command {
	c := &cobra.Command{Use: "test IDENTIFIER", Short: "Try a profile on the real target: make a user, log in, remove it, and prove that it is gone", Args: cobra.ExactArgs(1),
		Long:    "Try a profile on the real target, and tell each step. Ends with an error unless all went well. The user is a lease like every other, so nothing is left behind when this is cut off.",
		Example: "  cofre dynamic profile test app --device db1\n  cofre dynamic profile test app --json | jq -r '.steps[] | .step + \" \" + .result'"}
	queryFlags(c, "device", "needed when the profile works on several", "wait", "how long to wait, 45s by default, 60s at most")
	c.RunE = func(c *cobra.Command, args []string) error {
		return s.testProfile(c, args[0], deref(text(c, "device")), cmp.Or(deref(text(c, "wait")), dynamic.DefaultWait.String()))
	}
	return c
}

// testSaved tries a profile that was just saved, on each of its devices, if --test says so.
func (s *session) testSaved(c *cobra.Command, name string) error {
	if on, _ := c.Flags().GetBool("test"); !on {
		return nil
	}
	devices := []string{""}
	if list := texts(c, "device"); list != nil && len(*list) > 0 {
		devices = *list
	}
	for _, d := range devices {
		if err := s.testProfile(c, name, d, dynamic.DefaultWait.String()); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) testProfile(c *cobra.Command, name, device, wait string) error {
	t, err := call[dynamic.TestView](s, c, http.MethodPost, at("dynamic-profiles/%s/test", name)+"?"+url.Values{"wait": {wait}}.Encode(), dynamic.TestBody{Device: device})
	if err != nil {
		return err
	}
	err = s.show(c, t, func(w io.Writer) error {
		tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		for _, step := range t.Steps {
			fmt.Fprintln(tw, step.Step+"\t"+step.Result+"\t"+clean(step.Message))
		}
		return tw.Flush()
	})
	switch {
	case err != nil:
		return err
	case t.Result == "failed":
		return errors.New("the profile does not work on " + t.Lease.Hostname)
	case t.Result == "running":
		return fmt.Errorf("not all was done in time: cofre dynamic lease show %s", strconv.FormatUint(t.Lease.Number, 10))
	}
	return nil
}
