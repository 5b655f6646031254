package api

import (
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/spf13/cobra"

	"cofre/httpapi/compat"
	httpsession "cofre/httpapi/session"
)

func sessionCommand(s *session) *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List sessions, newest first", Args: cobra.NoArgs, Example: "  cofre session list --live\n  cofre session list --credential web1-root --user ana"}
	limit := s.lists(list, 100)
	queryFlags(list, "credential", "only of this credential", "user", "only of this person")
	list.Flags().Bool("live", false, "only those that are not over")
	list.RunE = func(c *cobra.Command, _ []string) error {
		return listed(s, c, "/api/v1/sessions", queryOf(c, "credential", "user", "live"), *limit, nil, httpsession.Columns, httpsession.View.Row)
	}
	show := &cobra.Command{Use: "show NUMBER", Short: "Show a session", Args: cobra.ExactArgs(1), Example: "  cofre session show 7", RunE: func(c *cobra.Command, args []string) error {
		return s.sessionOf(c, http.MethodGet, at("sessions/%s", args[0]), nil)
	}}
	end := &cobra.Command{Use: "end NUMBER", Short: "End a session, or drop somebody else's; with the last one the account is inactivated", Args: cobra.ExactArgs(1), Example: "  cofre session end 7", RunE: func(c *cobra.Command, args []string) error {
		return s.sessionOf(c, http.MethodDelete, at("sessions/%s", args[0]), nil)
	}}
	return group("session", "Uses of credentials by persons, through proxies", list, show, startSession(s), end)
}

func startSession(s *session) *cobra.Command {
	c := &cobra.Command{Use: "start CREDENTIAL", Short: "Begin a session; an account that is opened for sessions is activated first", Args: cobra.ExactArgs(1),
		Long:    "Begin a session. It is for who may read the secret, which cofre credential read shows. A session that nobody ends is closed when its time is over.",
		Example: "  cofre session start web1-root --user ana --source 192.0.2.9 --protocol SSH --ttl 2h --wait 20s"}
	f := c.Flags()
	for _, n := range []struct{ name, doc string }{{"user", "the person (required)"}, {"source", "where the person comes from"}, {"protocol", "such as SSH"}, {"proxy", "name of the proxy"}, {"reason", "why"}, {"ticket", "id in the ITSM"},
		{"ttl", "it is closed after this span: 1m to 24h, 8h by default"}, {"wait", "wait so long for the account to be activated; 30s at most"}} {
		f.String(n.name, "", n.doc)
	}
	_ = c.MarkFlagRequired("user")
	c.RunE = func(c *cobra.Command, args []string) error {
		b := httpsession.Body{Credential: args[0]}
		for name, to := range map[string]*string{"user": &b.User, "source": &b.Source, "protocol": &b.Protocol, "proxy": &b.Proxy, "reason": &b.Reason, "ticket": &b.Ticket} {
			*to, _ = c.Flags().GetString(name)
		}
		for name, to := range map[string]*compat.Duration{"ttl": &b.TTL, "wait": &b.Wait} {
			if v := text(c, name); v != nil {
				if err := to.UnmarshalText([]byte(*v)); err != nil {
					return fmt.Errorf("--%s: %w", name, err)
				}
			}
		}
		return s.sessionOf(c, http.MethodPost, "/api/v1/sessions", b)
	}
	return c
}

// sessionOf sends one call about a session and prints it.
func (s *session) sessionOf(c *cobra.Command, method, path string, body any) error {
	v, err := call[httpsession.View](s, c, method, path, body)
	if err != nil {
		return err
	}
	return s.show(c, v, func(w io.Writer) error {
		return details(w, "session", strconv.FormatUint(v.Number, 10), "id", string(v.ID), "state", v.State, "because", v.Ended, "user", v.User, "source", v.Source, "credential", v.Credential, "user name", v.Username, "device", v.Hostname,
			"protocol", v.Protocol, "proxy", v.Proxy, "reason", v.Reason, "ticket", v.Ticket, "started", moment(v.StartedAt), "active since", moment(v.ActiveAt), "until", moment(v.Until), "ended", moment(v.EndedAt))
	})
}
