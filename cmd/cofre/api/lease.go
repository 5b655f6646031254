package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/spf13/cobra"

	"cofre/fsm/model"
	"cofre/httpapi/dynamic"
)

func leaseCommands(s *session) *cobra.Command {
	return group("lease", "Dynamic users: accounts that are made for a while", listLeases(s, "list", "List dynamic users", false), showLease(s), requestLease(s), readLease(s), renewLease(s), revokeLease(s),
		listLeases(s, "debt", "List dynamic users that could not be removed; that goes on", true))
}

func listLeases(s *session, use, short string, debt bool) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, Example: "  cofre dynamic lease " + use + " --application shop --device db1"}
	limit := s.lists(c, 1000)
	queryFlags(c, "application", "only of this application", "device", "only on this device", "profile", "only of this profile", "state", "requested, active, removing, removed or all; by default all that are not removed")
	c.RunE = func(c *cobra.Command, _ []string) error {
		q := queryOf(c, "application", "device", "profile", "state")
		if debt {
			q.Set("debt", "true")
		}
		return listed(s, c, "/api/v1/leases", q, *limit, nil, "NUMBER USERNAME HOSTNAME PROFILE OWNER STATE EXPIRES FAILURES REASON", func(l dynamic.LeaseView) []string {
			return []string{strconv.FormatUint(l.Number, 10), l.Username, l.Hostname, l.Profile, l.Application + "/" + l.Authorization, leaseState(&l), moment(l.ExpiresAt), strconv.Itoa(l.Failures), l.Reason}
		})
	}
	return c
}

func leaseState(l *dynamic.LeaseView) string {
	if l.Debt {
		return "debt"
	}
	return l.State
}

func showLease(s *session) *cobra.Command {
	return &cobra.Command{Use: "show NUMBER", Short: "Show a dynamic user with its operations, without its password", Args: cobra.ExactArgs(1), Example: "  cofre dynamic lease show 7", RunE: func(c *cobra.Command, args []string) error {
		return s.lease(c, http.MethodGet, at("leases/%s", args[0]), nil)
	}}
}

func requestLease(s *session) *cobra.Command {
	c := &cobra.Command{Use: "request PROFILE", Short: "Ask for a dynamic user", Args: cobra.ExactArgs(1),
		Long:    "Ask for a dynamic user and wait until it has logged in once, a minute at most. The command fails if it is not there then.",
		Example: "  cofre dynamic lease request app --device db1 --ttl 10m"}
	queryFlags(c, "device", "needed when the profile works on several", "ttl", "how long it lives; at most the profile's TTL")
	c.Flags().Bool("no-wait", false, "do not wait")
	c.RunE = func(c *cobra.Command, args []string) error {
		b := dynamic.RequestBody{Profile: args[0], Device: deref(text(c, "device"))}
		if ttl, err := duration(c, "ttl"); err != nil {
			return err
		} else if ttl != nil {
			b.TTL = *ttl
		}
		path, wait := "/api/v1/leases", true
		if no, _ := c.Flags().GetBool("no-wait"); no {
			wait = false
		} else {
			path += "?wait=" + dynamic.MaxWait.String()
		}
		l, err := call[dynamic.LeaseView](s, c, http.MethodPost, path, b)
		if err != nil {
			return err
		}
		if err := s.printLease(c, &l); err != nil || !wait || l.State == model.DynamicActive.String() {
			return err
		}
		return fmt.Errorf("the user is not there, but %s: cofre dynamic lease show %d tells what comes of it", l.State, l.Number)
	}
	return c
}

// leaseSecret is the answer to a read.
type leaseSecret struct {
	Number   uint64 `json:"number"`
	Username string `json:"username"`
	Password string `json:"password"`
	Hostname string `json:"hostname"`
	IP       string `json:"ip"`
	Expires  string `json:"expires_at"`
}

func readLease(s *session) *cobra.Command {
	c := &cobra.Command{Use: "read NUMBER", Short: "Read the password of your dynamic user; audited", Args: cobra.ExactArgs(1),
		Long:    "Read the password of your dynamic user. It is printed to a terminal only; --raw prints it anywhere.",
		Example: "  cofre dynamic lease read 7 --raw | some-program --password-stdin"}
	raw := c.Flags().Bool("raw", false, "print wherever standard output goes")
	c.RunE = func(c *cobra.Command, args []string) error {
		if !*raw && !s.terminal(c.OutOrStdout()) {
			return errors.New("standard output is no terminal: the password would stay in a file or a log. Say --raw if you mean it, or use cofre run")
		}
		r, err := call[leaseSecret](s, c, http.MethodGet, at("leases/%s/secret", args[0]), nil)
		if err != nil {
			return err
		}
		return s.show(c, r, func(w io.Writer) error {
			if *raw {
				_, err := io.WriteString(w, r.Password)
				return err
			}
			fmt.Fprintf(note(c), "%s on %s, until %s\n", clean(r.Username), clean(r.Hostname), clean(r.Expires))
			_, err := fmt.Fprintln(w, r.Password)
			return err
		})
	}
	return c
}

func renewLease(s *session) *cobra.Command {
	c := &cobra.Command{Use: "renew NUMBER", Short: "Make the life of your dynamic user longer", Args: cobra.ExactArgs(1), Example: "  cofre dynamic lease renew 7 --ttl 30m"}
	queryFlags(c, "ttl", "from now; by default that of the request")
	c.RunE = func(c *cobra.Command, args []string) error {
		var b dynamic.RenewBody
		if ttl, err := duration(c, "ttl"); err != nil {
			return err
		} else if ttl != nil {
			b.TTL = *ttl
		}
		return s.lease(c, http.MethodPost, at("leases/%s/renew", args[0]), b)
	}
	return c
}

func revokeLease(s *session) *cobra.Command {
	c := &cobra.Command{Use: "revoke [NUMBER]", Short: "Remove a dynamic user, or all of an application", Args: cobra.MaximumNArgs(1),
		Example: "  cofre dynamic lease revoke 7\n  cofre dynamic lease revoke --application shop\n  cofre dynamic lease revoke --application shop --authorization prod"}
	queryFlags(c, "application", "all of this application", "authorization", "only of this authorization of it")
	c.RunE = func(c *cobra.Command, args []string) error {
		app := text(c, "application")
		if (app == nil) == (len(args) == 0) {
			return errors.New("say the number of a dynamic user, or --application")
		}
		if app == nil && c.Flags().Changed("authorization") {
			return errors.New("--authorization goes with --application")
		}
		if app == nil {
			return s.lease(c, http.MethodDelete, at("leases/%s", args[0]), nil)
		}
		done, err := call[struct{}](s, c, http.MethodPost, at("applications/%s/provisioning/revoke", *app), dynamic.RevokeBody{Authorization: deref(text(c, "authorization"))})
		if err != nil {
			return err
		}
		return s.show(c, done, func(w io.Writer) error {
			_, err := fmt.Fprintln(w, "Ordered: cofre dynamic lease list --application shows how far it is.")
			return err
		})
	}
	return c
}

// lease sends one call about a dynamic user and prints it.
func (s *session) lease(c *cobra.Command, method, path string, body any) error {
	l, err := call[dynamic.LeaseView](s, c, method, path, body)
	if err != nil {
		return err
	}
	return s.printLease(c, &l)
}

func (s *session) printLease(c *cobra.Command, l *dynamic.LeaseView) error {
	return s.show(c, l, func(w io.Writer) error {
		pairs := []string{"user", l.Username, "number", strconv.FormatUint(l.Number, 10), "state", leaseState(l), "on", l.Hostname, "profile", l.Profile, "owner", l.Application + "/" + l.Authorization, "pod", l.Pod,
			"reason", l.Reason, "ttl", span(l.TTL), "requested", moment(l.CreatedAt), "since", moment(l.ActiveAt), "until", moment(l.ExpiresAt), "read", moment(l.ViewedAt), "removed", moment(l.RemovedAt)}
		if l.Failures > 0 {
			pairs = append(pairs, "failures", strconv.Itoa(l.Failures)+" in a row")
		}
		for _, o := range l.Operations {
			pairs = append(pairs, fmt.Sprintf("operation %d", o.Number), string(o.Kind)+" "+o.State+" "+o.Message)
			if o.NextAt != 0 {
				pairs = append(pairs, "not tried before", moment(o.NextAt))
			}
		}
		return details(w, pairs...)
	})
}
