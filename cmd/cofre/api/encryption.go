package api

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"cofre/httpapi/compat"
	"cofre/httpapi/encryption"
)

func encryptionCommand(s *session) *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List the keys that you may use or manage", Args: cobra.NoArgs, Example: "  cofre encryption list --disabled"}
	limit := s.lists(list, 1000)
	list.Flags().Bool("disabled", false, "disabled and expired ones too")
	list.RunE = func(c *cobra.Command, _ []string) error {
		q := url.Values{}
		if d := truth(c, "disabled"); d != nil {
			q.Set("disabled", strconv.FormatBool(*d))
		}
		return listed(s, c, "/api/v1/encryption-keys", q, *limit, nil, "NUMBER NAME ALGORITHM OWNER VERSION LEAST EXPIRES STATE", func(v encryption.View) []string {
			return []string{strconv.FormatUint(v.Number, 10), v.Name, string(v.Algorithm), v.Owner, strconv.FormatUint(v.Version, 10), strconv.FormatUint(v.Least, 10), moment(v.ExpiresAt), word(v.Enabled, "enabled", "disabled")}
		})
	}
	one := func(use, short, method, path string, body any) *cobra.Command {
		return &cobra.Command{Use: use + " NAME", Short: short, Args: cobra.ExactArgs(1), Example: "  cofre encryption " + use + " orders", RunE: func(c *cobra.Command, args []string) error {
			return s.encryptionKey(c, method, at(path, args[0]), body)
		}}
	}
	yes, no := true, false
	return group("encryption", "Keys that encrypt, decrypt, sign and verify for applications, and never leave", list, one("show", "Show a key with its versions", http.MethodGet, "encryption-keys/%s", nil),
		putEncryptionKey(s, "create NAME", "Make a key"), putEncryptionKey(s, "update NAME", "Change a key"), one("rotate", "Make a new version: it encrypts and signs, older ones still decrypt and verify", http.MethodPost, "encryption-keys/%s/rotate", nil),
		one("enable", "Enable a key", http.MethodPut, "encryption-keys/%s/status", encryption.StatusBody{Enabled: &yes}), one("disable", "Disable a key: nobody uses it; every version is kept", http.MethodPut, "encryption-keys/%s/status", encryption.StatusBody{Enabled: &no}),
		publicHalf(s), encryptWith(s), decryptWith(s), signWith(s), verifyWith(s))
}

func putEncryptionKey(s *session, use, short string) *cobra.Command {
	create := strings.HasPrefix(use, "create")
	verb, _, _ := strings.Cut(use, " ")
	example := "  cofre encryption update orders --least 3\n  cofre encryption update orders --user shop/prod --user shop/test"
	if create {
		example = "  cofre encryption create orders\n  cofre encryption create release --algorithm ecdsa-p256 --user ci/runner"
	}
	c := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(1), Example: example}
	f := c.Flags()
	f.String("description", "", "description")
	f.String("expires", "", "of no use from then on, such as 2027-01-31T12:00:00Z; '' for never")
	f.StringSlice("tag", nil, "tag; may be repeated; '' for none")
	f.StringSlice("user", nil, "APPLICATION/AUTHORIZATION that may use it; may be repeated; '' for none")
	if create {
		f.String("algorithm", "aes256-gcm96", "aes128-gcm96, aes256-gcm96, rsa-2048, rsa-3072 or rsa-4096 to encrypt; rsa-pss-2048, rsa-pss-3072, rsa-pss-4096, ecdsa-p256, ecdsa-p384 or ecdsa-p521 to sign")
	} else {
		f.String("name", "", "new name")
		f.Uint64("least", 0, "versions before this one neither decrypt nor verify")
		f.Uint64("revision", 0, "refuse if it is not the current one")
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		b := encryption.Body{Description: text(c, "description"), Tags: texts(c, "tag")}
		if e := text(c, "expires"); e != nil {
			b.ExpiresAt = new(compat.Time)
			if err := b.ExpiresAt.UnmarshalText([]byte(*e)); err != nil {
				return fmt.Errorf("--expires: %w", err)
			}
		}
		if users := texts(c, "user"); users != nil {
			b.Users = &[]encryption.UserBody{}
			for _, u := range *users {
				app, auth, ok := strings.Cut(u, "/")
				if !ok {
					return fmt.Errorf("--user is APPLICATION/AUTHORIZATION, not %q", u)
				}
				*b.Users = append(*b.Users, encryption.UserBody{Application: app, Authorization: auth})
			}
		}
		if verb == "create" {
			algorithm, _ := c.Flags().GetString("algorithm")
			b.Name, b.Algorithm = &args[0], &algorithm
			return s.encryptionKey(c, http.MethodPost, "/api/v1/encryption-keys", b)
		}
		b.Name = text(c, "name")
		b.Revision, _ = c.Flags().GetUint64("revision")
		if c.Flags().Changed("least") {
			n, _ := c.Flags().GetUint64("least")
			b.Least = &n
		}
		return s.encryptionKey(c, http.MethodPut, at("encryption-keys/%s", args[0]), b)
	}
	return c
}

// encryptionKey sends one call about a key and prints it.
func (s *session) encryptionKey(c *cobra.Command, method, path string, body any) error {
	v, err := call[encryption.View](s, c, method, path, body)
	if err != nil {
		return err
	}
	return s.show(c, v, func(w io.Writer) error {
		if err := details(w, "number", strconv.FormatUint(v.Number, 10), "name", v.Name, "description", v.Description, "algorithm", string(v.Algorithm), "state", word(v.Enabled, "enabled", "disabled"),
			"expires", or(moment(v.ExpiresAt), "never"), "owner", v.Owner, "users", strings.Join(v.Users, ", "), "tags", strings.Join(v.Tags, ", "), "version", strconv.FormatUint(v.Version, 10),
			"least version", strconv.FormatUint(v.Least, 10), "revision", strconv.FormatUint(v.Revision, 10)); err != nil {
			return err
		}
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "\nVERSION\tMADE\tUSED TO")
		for _, n := range v.Versions {
			does := "nothing any more"
			switch signs := strings.HasPrefix(string(v.Algorithm), "ecdsa-"); {
			case n.Number == v.Version:
				does = word(signs, "sign and verify", "encrypt and decrypt")
			case n.Number >= v.Least:
				does = word(signs, "verify", "decrypt")
			}
			fmt.Fprintf(t, "%d\t%s\t%s\n", n.Number, moment(n.At), does)
		}
		return t.Flush()
	})
}

func publicHalf(s *session) *cobra.Command {
	c := &cobra.Command{Use: "public NAME", Short: "Print the public half of an RSA or ECDSA key, as PEM", Args: cobra.ExactArgs(1), Example: "  cofre encryption public release > release.pem"}
	version := c.Flags().Uint64("version", 0, "the newest by default")
	c.RunE = func(c *cobra.Command, args []string) error {
		v, err := call[encryption.View](s, c, http.MethodGet, at("encryption-keys/%s", args[0]), nil)
		if err != nil {
			return err
		}
		if *version == 0 {
			*version = v.Version
		}
		for _, n := range v.Versions {
			if n.Number == *version && n.PublicKey != "" {
				return s.show(c, n, func(w io.Writer) error {
					_, err := io.WriteString(w, n.PublicKey)
					return err
				})
			}
		}
		return fmt.Errorf("the key has no version %d with a public half", *version)
	}
	return c
}

// encode reads what a key is to work on, from standard input.
func encode(c *cobra.Command) (string, error) {
	b, err := io.ReadAll(io.LimitReader(c.InOrStdin(), 64<<10+1))
	if err != nil {
		return "", err
	}
	defer clear(b)
	if len(b) > 64<<10 {
		return "", fmt.Errorf("standard input has more than 64 KiB: encrypt a key of your own with this one, and the rest with yours")
	}
	return base64.StdEncoding.EncodeToString(b), nil
}
