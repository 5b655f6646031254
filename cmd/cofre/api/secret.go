package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cofre/httpapi/compat"
	"cofre/httpapi/dsm"
)

// withValues is a secret's body with its values as the wire has them: secret.Value refuses to be encoded.
type withValues struct {
	dsm.Body
	Values []namedValue `json:"values,omitempty"`
}

type namedValue struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func secretCommand(s *session) *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List the secrets of applications, without values", Args: cobra.NoArgs, Example: "  cofre secret list --application billing"}
	limit := s.lists(list, 1000)
	list.Flags().String("application", "", "only those of this application")
	list.Flags().Bool("disabled", false, "disabled and expired ones too")
	list.RunE = func(c *cobra.Command, _ []string) error {
		q := url.Values{}
		if a := text(c, "application"); a != nil {
			q.Set("application", *a)
		}
		if d := truth(c, "disabled"); d != nil {
			q.Set("disabled", strconv.FormatBool(*d))
		}
		return listed(s, c, "/api/v1/secrets", q, *limit, nil, "NUMBER IDENTITY OWNER ENGINE VERSION CHANGED EXPIRES STATE", func(v dsm.View) []string {
			return []string{strconv.FormatUint(v.Number, 10), v.Identity, v.Owner, v.Engine, strconv.FormatUint(v.Version, 10), moment(v.ChangedAt), moment(v.ExpiresAt), word(v.Enabled, "enabled", "disabled")}
		})
	}
	show := &cobra.Command{Use: "show NAME", Short: "Show a secret with its versions, without values", Args: cobra.ExactArgs(1), Example: "  cofre secret show db\n  cofre secret show 12       # by number, where several owners have a db", RunE: func(c *cobra.Command, args []string) error {
		return s.secret(c, http.MethodGet, at("secrets/%s", args[0]), nil)
	}}
	rollback := &cobra.Command{Use: "rollback NAME VERSION", Short: "Bring a former version back, as a new one", Args: cobra.ExactArgs(2), Example: "  cofre secret rollback db 3", RunE: func(c *cobra.Command, args []string) error {
		n, err := strconv.ParseUint(args[1], 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not the number of a version", args[1])
		}
		return s.secret(c, http.MethodPost, at("secrets/%s/rollback", args[0]), dsm.RollbackBody{Version: n})
	}}
	verbs := onOff("secret", "NAME", "db", "Enable a secret", "Disable a secret: it is handed out to nobody; every version is kept", func(c *cobra.Command, args []string, enabled bool) error {
		return s.secret(c, http.MethodPut, at("secrets/%s/status", args[0]), dsm.StatusBody{Enabled: &enabled})
	})
	return group("secret", "Secrets of applications: values and references to accounts, in versions", append(verbs, list, show, putSecret(s, "create IDENTITY", "Create a secret of an application"),
		putSecret(s, "update NAME", "Change a secret; values and accounts together are its next version"), readSecretData(s), rollback, secretErrors(s), secretAutomationCommand(s))...)
}

func putSecret(s *session, use, short string) *cobra.Command {
	create := strings.HasPrefix(use, "create")
	verb, _, _ := strings.Cut(use, " ")
	named := ""
	if !create {
		named = "\nNAME is its identity, or its number where several owners have one with that identity."
	}
	c := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(1),
		Long:    short + ". Values come from the environment (--env) or as a JSON object of texts on standard input (--stdin); they are never arguments." + named + "\n--account refers to a credential, which is read whenever the secret is.",
		Example: "  DB_PASS=... cofre secret " + verb + " db --env DB_PASS --env USER=DB_USER\n  sops -d db.json | cofre secret " + verb + " db --stdin\n  cofre secret " + verb + " db --account app@db1\n  cofre secret " + verb + " db --ephemeral db1:app"}
	f := c.Flags()
	for _, n := range []struct{ name, doc string }{{"name", "name for people"}, {"engine", "engine, Generic by default"}, {"description", "description"}, {"expires", "inactive from then on, such as 2027-01-31T12:00:00Z; '' for never"}} {
		f.String(n.name, "", n.doc)
	}
	f.String("renew-ephemeral", "", "give readers new dynamic users this often, 10m at least; 0s: never")
	f.String("renew-credential", "", "change the accounts that it refers to on their targets this often; 0s: never")
	f.StringSlice("tag", nil, "tag; may be repeated; '' for none")
	f.StringSlice("env", nil, "a value from the environment: VARIABLE, or NAME=VARIABLE; may be repeated")
	f.Bool("stdin", false, "read values from standard input: a JSON object of texts")
	f.StringSlice("ephemeral", nil, "DEVICE:PROFILE of dynamic users that are made for whoever reads; may be repeated")
	f.StringSlice("account", nil, "credential to refer to; may be repeated")
	if create {
		for _, n := range []struct{ name, doc string }{{"application", "application that gets it; yours if absent"}, {"authorization", "its authorization"}, {"system", "or its system"}, {"environment", "and environment"}} {
			f.String(n.name, "", n.doc)
		}
	} else {
		f.Uint64("revision", 0, "refuse if it is not the current one")
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		b, err := s.secretBody(c)
		if err != nil {
			return err
		}
		if !create {
			b.Revision, _ = c.Flags().GetUint64("revision")
			return s.secret(c, http.MethodPut, at("secrets/%s", args[0]), b)
		}
		b.Identity = &args[0]
		o := dsm.OwnerBody{Application: deref(text(c, "application")), Authorization: deref(text(c, "authorization")), System: deref(text(c, "system")), Environment: deref(text(c, "environment"))}
		if o != (dsm.OwnerBody{}) {
			b.Owner = &o
		}
		return s.secret(c, http.MethodPost, "/api/v1/secrets", b)
	}
	return c
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (s *session) secretBody(c *cobra.Command) (withValues, error) {
	b := withValues{Body: dsm.Body{Name: text(c, "name"), Engine: text(c, "engine"), Description: text(c, "description"), Tags: texts(c, "tag")}}
	for name, to := range map[string]**compat.Duration{"renew-ephemeral": &b.RenewEphemeral, "renew-credential": &b.RenewCredential} {
		d, err := duration(c, name)
		if err != nil {
			return b, err
		}
		*to = d
	}
	if e := text(c, "expires"); e != nil {
		var at compat.Time
		if err := at.UnmarshalText([]byte(*e)); err != nil {
			return b, fmt.Errorf("--expires: %w", err)
		}
		b.ExpiresAt = &at
	}
	if named := texts(c, "env"); named != nil {
		for _, n := range *named {
			name, from, ok := strings.Cut(n, "=")
			if !ok {
				from = name
			}
			v, ok := s.lookup(from)
			if !ok {
				return b, fmt.Errorf("the environment variable %s is not set", from)
			}
			b.Values = append(b.Values, namedValue{name, v})
		}
	}
	if in, _ := c.Flags().GetBool("stdin"); in {
		all, err := valuesFrom(c.InOrStdin())
		if err != nil {
			return b, err
		}
		names := []string{}
		for name := range all {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			b.Values = append(b.Values, namedValue{name, all[name]})
		}
	}
	if pairs := texts(c, "ephemeral"); pairs != nil {
		b.Ephemerals = &[]dsm.Ephemeral{}
		for _, p := range *pairs {
			device, profile, ok := strings.Cut(p, ":")
			if !ok {
				return b, fmt.Errorf("--ephemeral is DEVICE:PROFILE, not %q", p)
			}
			*b.Ephemerals = append(*b.Ephemerals, dsm.Ephemeral{Device: device, Profile: profile})
		}
	}
	if accounts := texts(c, "account"); accounts != nil {
		b.Accounts = &[]dsm.AccountBody{}
		for _, a := range *accounts {
			*b.Accounts = append(*b.Accounts, dsm.AccountBody{Credential: a})
		}
	}
	return b, nil
}

const maxValues = 256 << 10

// valuesFrom reads one JSON object of texts. Its errors never show the cause, which may quote a value.
func valuesFrom(r io.Reader) (map[string]string, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxValues+1))
	if err != nil {
		return nil, fmt.Errorf("read the values: %w", err)
	}
	if len(b) > maxValues {
		return nil, fmt.Errorf("standard input is too long: at most %d bytes", maxValues)
	}
	var all map[string]string
	if json.Unmarshal(b, &all) != nil || all == nil {
		return nil, errors.New(`standard input is not one JSON object whose values are texts, such as {"DB_PASS": "..."}`)
	}
	return all, nil
}

// secretData is the answer to a read.
type secretData struct {
	Identity string              `json:"identity"`
	Version  uint64              `json:"version"`
	Data     []map[string]string `json:"data"`
}

func readSecretData(s *session) *cobra.Command {
	c := &cobra.Command{
		Use: "read NAME", Short: "Read the values of a secret; audited, takes no custody", Args: cobra.ExactArgs(1),
		Long:    "Read the values of a secret. They are printed to a terminal only; --raw prints them anywhere.",
		Example: "  cofre secret read db\n  cofre secret read db --version 3\n  cofre secret read db --field DB_PASS --raw | some-program --password-stdin",
	}
	raw := c.Flags().Bool("raw", false, "print wherever standard output goes")
	field := c.Flags().String("field", "", "only this value, alone and without a line break")
	version := c.Flags().Uint64("version", 0, "a kept version, for who could bring it back; by default the one in force")
	c.RunE = func(c *cobra.Command, args []string) error {
		if !*raw && !s.terminal(c.OutOrStdout()) {
			return errors.New("standard output is no terminal: the secret would stay in a file or a log. Say --raw if you mean it, or use cofre run")
		}
		path := at("secrets/%s/data", args[0])
		if *version != 0 {
			path += fmt.Sprintf("?version=%d", *version)
		}
		r, err := call[secretData](s, c, http.MethodGet, path, nil)
		if err != nil {
			return err
		}
		return s.show(c, r, func(w io.Writer) error {
			var rows []string
			for _, d := range r.Data {
				if v, ok := d[*field]; ok && *field != "" {
					_, err := io.WriteString(w, v)
					return err
				}
				for name, v := range d {
					rows = append(rows, fmt.Sprintf("%s=%s", name, v))
				}
			}
			if *field != "" {
				return fmt.Errorf("the secret has no value %s", *field)
			}
			slices.Sort(rows)
			_, err := fmt.Fprintln(w, strings.Join(rows, "\n"))
			return err
		})
	}
	return c
}

// secret sends one call about a secret and prints it.
func (s *session) secret(c *cobra.Command, method, path string, body any) error {
	v, err := call[dsm.View](s, c, method, path, body)
	if err != nil {
		return err
	}
	return s.show(c, v, func(w io.Writer) error {
		pairs := []string{"secret", v.Identity, "number", strconv.FormatUint(v.Number, 10), "name", v.Name, "owner", v.Owner, "readers", join(v.Readers), "engine", v.Engine,
			"description", v.Description, "tags", join(v.Tags), "state", word(v.Enabled, "enabled", "disabled"), "expires", moment(v.ExpiresAt), "version", strconv.FormatUint(v.Version, 10),
			"changed", moment(v.ChangedAt), "created", moment(v.CreatedAt), "revision", strconv.FormatUint(v.Revision, 10)}
		if v.RenewEphemeral != 0 || v.RenewCredential != 0 {
			pairs = append(pairs, "new users every", span(v.RenewEphemeral), "accounts change every", span(v.RenewCredential))
		}
		if v.ReadersSince != 0 {
			pairs = append(pairs, "read since "+moment(v.ReadersSince), fmt.Sprintf("by %d", len(v.RecentReaders)))
		}
		for _, reader := range v.RecentReaders {
			pairs = append(pairs, "read lately by", or(reader.Authorization, "-")+" "+moment(reader.At))
		}
		if v.Errors != 0 {
			pairs = append(pairs, "errors", fmt.Sprintf("%d, see: cofre secret errors %s", v.Errors, v.Identity))
		}
		for _, n := range v.Versions {
			what := "changed: " + join(n.Changed)
			if n.Of != 0 {
				what = fmt.Sprintf("brings back %d; %s", n.Of, what)
			}
			pairs = append(pairs, fmt.Sprintf("version %d", n.Number), fmt.Sprintf("%s by %s, %s", moment(n.At), or(n.By, "-"), what))
		}
		return details(w, pairs...)
	})
}
