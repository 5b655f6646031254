package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/spf13/cobra"

	"cofre/httpapi/compat"
	"cofre/httpapi/dynamic"
	"cofre/httpapi/route"
)

func orphanCommands(s *session) *cobra.Command {
	return group("orphan", "Accounts on targets that a profile made and no dynamic user owns", listOrphans(s), searchOrphans(s), orphanSearches(s), removeOrphan(s), orphanPlan(s))
}

func listOrphans(s *session) *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List the accounts that were found", Args: cobra.NoArgs,
		Long:    "List the accounts that the last searches found: their names are those of a profile, and no dynamic user owns them. Nothing is removed by itself.",
		Example: "  cofre dynamic orphan list\n  cofre dynamic orphan list --device db1 --json | jq -r '.[].username'"}
	limit := s.lists(c, 1000)
	queryFlags(c, "device", "only on this device", "profile", "only of this profile")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return listed(s, c, "/api/v1/orphans", queryOf(c, "device", "profile"), *limit, nil, "NUMBER USERNAME HOSTNAME PROFILE STATE LEASE FOUND SEEN", func(o dynamic.OrphanView) []string {
			lease := ""
			if o.Lease != 0 {
				lease = strconv.FormatUint(o.Lease, 10)
			}
			return []string{strconv.FormatUint(o.Number, 10), o.Username, o.Hostname, o.Profile, o.State, lease, moment(o.FoundAt), moment(o.SeenAt)}
		})
	}
	return c
}

const searchHeader = "PROFILE HOSTNAME STATE FOUND LISTED OPERATION MESSAGE"

func searchRow(v dynamic.SearchView) []string {
	operation, found := "", strconv.Itoa(v.Found)
	if v.Operation != 0 {
		operation = strconv.FormatUint(v.Operation, 10)
	}
	if v.Partial {
		found += "+"
	}
	return []string{v.Profile, v.Hostname, v.State, found, moment(v.DoneAt), operation, v.Message}
}

func searchOrphans(s *session) *cobra.Command {
	c := &cobra.Command{Use: "search [PROFILE]", Short: "Look for such accounts now", Args: cobra.MaximumNArgs(1),
		Long:    "Look for accounts that no dynamic user owns, and wait until that is done, a minute at most. Without a profile a round over all profiles and devices begins, as it does by itself once a day.",
		Example: "  cofre dynamic orphan search app\n  cofre dynamic orphan search app --device db1\n  cofre dynamic orphan search"}
	queryFlags(s.tabular(c), "device", "only on this device")
	c.RunE = func(c *cobra.Command, args []string) error {
		b := dynamic.SearchBody{Device: deref(text(c, "device"))}
		if len(args) > 0 {
			b.Profile = args[0]
		}
		page, err := call[route.Listed[dynamic.SearchView]](s, c, http.MethodPost, "/api/v1/orphan-searches?wait="+dynamic.MaxWait.String(), b)
		if err != nil {
			return err
		}
		if b.Profile == "" {
			fmt.Fprintln(note(c), "A round begins: cofre dynamic orphan searches shows how far it is.")
		}
		if err := list(s, c, page.Items, searchHeader, searchRow); err != nil {
			return err
		}
		for i := range page.Items {
			if v := &page.Items[i]; v.State != "succeeded" {
				return fmt.Errorf("the search of %s on %s is %s", v.Profile, v.Hostname, v.State)
			}
		}
		return nil
	}
	return c
}

func orphanSearches(s *session) *cobra.Command {
	c := &cobra.Command{Use: "searches", Short: "List the last searches", Args: cobra.NoArgs, Example: "  cofre dynamic orphan searches"}
	limit := s.lists(c, 1000)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return listed(s, c, "/api/v1/orphan-searches", nil, *limit, nil, searchHeader, searchRow)
	}
	return c
}

func removeOrphan(s *session) *cobra.Command {
	return &cobra.Command{Use: "remove NUMBER", Short: "Remove such an account", Args: cobra.ExactArgs(1),
		Long:    "Remove an account that no dynamic user owns. It becomes a dynamic user of yours that is being removed: that is retried until the target's own list proves twice, ten minutes apart, that it is gone.",
		Example: "  cofre dynamic orphan remove 3\n  cofre dynamic orphan list --json | jq '.[].number' | xargs -n1 cofre dynamic orphan remove",
		RunE: func(c *cobra.Command, args []string) error {
			return s.lease(c, http.MethodDelete, at("orphans/%s", args[0]), nil)
		}}
}

func orphanPlan(s *session) *cobra.Command {
	c := &cobra.Command{Use: "schedule", Short: "Show or set how often all targets are searched", Args: cobra.NoArgs, Example: "  cofre dynamic orphan schedule\n  cofre dynamic orphan schedule --every 12h\n  cofre dynamic orphan schedule --off"}
	queryFlags(c, "every", "between 1h and 90 days")
	c.Flags().Bool("off", false, "never by itself")
	c.RunE = func(c *cobra.Command, _ []string) error {
		every, err := duration(c, "every")
		off, _ := c.Flags().GetBool("off")
		switch {
		case err != nil:
			return err
		case off && every != nil:
			return errors.New("say --every or --off")
		case off:
			every = new(compat.Duration)
		}
		method, body := http.MethodGet, any(nil)
		if every != nil {
			method, body = http.MethodPut, dynamic.PlanBody{Every: every}
		}
		p, err := call[dynamic.PlanView](s, c, method, "/api/v1/orphan-plan", body)
		if err != nil {
			return err
		}
		return s.show(c, p, func(w io.Writer) error {
			if p.Every == 0 {
				return details(w, "every", "never by itself", "next", moment(p.NextAt))
			}
			return details(w, "every", span(p.Every), "next", moment(p.NextAt))
		})
	}
	return c
}
