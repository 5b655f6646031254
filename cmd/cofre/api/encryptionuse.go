package api

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// keyUse is the answer to a use of a key.
type keyUse struct {
	Version    uint64 `json:"version"`
	Ciphertext string `json:"ciphertext,omitempty"`
	Plaintext  string `json:"plaintext,omitempty"`
	Signature  string `json:"signature,omitempty"`
	Valid      bool   `json:"valid,omitempty"`
}

func encryptWith(s *session) *cobra.Command {
	return &cobra.Command{Use: "encrypt NAME", Short: "Encrypt standard input; prints base64; audited", Args: cobra.ExactArgs(1), Example: "  cofre encryption encrypt orders < card.json > card.enc", RunE: func(c *cobra.Command, args []string) error {
		text, err := encode(c)
		if err != nil {
			return err
		}
		r, err := call[keyUse](s, c, http.MethodPost, at("encryption-keys/%s/encrypt", args[0]), map[string]string{"plaintext": text})
		if err != nil {
			return err
		}
		return s.show(c, r, func(w io.Writer) error {
			_, err := fmt.Fprintln(w, clean(r.Ciphertext))
			return err
		})
	}}
}

func decryptWith(s *session) *cobra.Command {
	c := &cobra.Command{Use: "decrypt NAME", Short: "Decrypt base64 from standard input; audited", Args: cobra.ExactArgs(1),
		Long:    "Decrypt base64 from standard input, with the version that encrypted it. The text is printed to a terminal only; --raw prints it anywhere.\n--key-file opens the answer of an authorization whose answers are encrypted (cofre authorization encrypt).",
		Example: "  cofre encryption decrypt orders --raw < card.enc | some-program"}
	private := c.Flags().String("key-file", "", "file, mode 0600, with the private key that the authorization's answers are encrypted to")
	raw := c.Flags().Bool("raw", false, "print wherever standard output goes")
	version := c.Flags().Uint64("version", 0, "of the key, for what was encrypted outside with a public half; the newest by default")
	c.RunE = func(c *cobra.Command, args []string) error {
		if !*raw && !s.terminal(c.OutOrStdout()) {
			return errors.New("standard output is no terminal: the text would stay in a file or a log. Say --raw if you mean it")
		}
		keys, err := openerOf(*private)
		if err != nil {
			return err
		}
		b, err := io.ReadAll(io.LimitReader(c.InOrStdin(), 128<<10))
		if err != nil {
			return err
		}
		r, err := call[keyUse](s, c, http.MethodPost, at("encryption-keys/%s/decrypt", args[0]), map[string]any{"ciphertext": strings.Join(strings.Fields(string(b)), ""), "version": *version})
		if err != nil {
			return err
		}
		if r.Plaintext, err = s.opened(keys, "the text", r.Plaintext); err != nil {
			return err
		}
		return s.show(c, r, func(w io.Writer) error {
			plain, err := base64.StdEncoding.DecodeString(r.Plaintext)
			if err != nil {
				return errors.New("the answer is no base64")
			}
			defer clear(plain)
			_, err = w.Write(plain)
			return err
		})
	}
	return c
}

func signWith(s *session) *cobra.Command {
	return &cobra.Command{Use: "sign NAME", Short: "Sign standard input; prints base64 of ASN.1; audited", Args: cobra.ExactArgs(1), Example: "  sha256sum app.deb | cofre encryption sign release > app.sig", RunE: func(c *cobra.Command, args []string) error {
		text, err := encode(c)
		if err != nil {
			return err
		}
		r, err := call[keyUse](s, c, http.MethodPost, at("encryption-keys/%s/sign", args[0]), map[string]string{"message": text})
		if err != nil {
			return err
		}
		return s.show(c, r, func(w io.Writer) error {
			_, err := fmt.Fprintln(w, clean(r.Signature))
			return err
		})
	}}
}

func verifyWith(s *session) *cobra.Command {
	c := &cobra.Command{Use: "verify NAME", Short: "Verify a signature over standard input; audited", Args: cobra.ExactArgs(1),
		Long:    "Verify a signature over standard input by any version that is still used. The exit status is 1 if it is wrong.",
		Example: "  sha256sum app.deb | cofre encryption verify release --signature app.sig"}
	file := c.Flags().String("signature", "", "file with the signature in base64")
	version := c.Flags().Uint64("version", 0, "only by this version")
	_ = c.MarkFlagRequired("signature")
	c.RunE = func(c *cobra.Command, args []string) error {
		signature, err := os.ReadFile(*file)
		if err != nil {
			return err
		}
		text, err := encode(c)
		if err != nil {
			return err
		}
		r, err := call[keyUse](s, c, http.MethodPost, at("encryption-keys/%s/verify", args[0]), map[string]any{"message": text, "signature": strings.TrimSpace(string(signature)), "version": *version})
		if err != nil {
			return err
		}
		if !r.Valid {
			return errors.New("the signature is wrong, or by a version that is not used any more")
		}
		return s.show(c, r, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "good: signed by version %d\n", r.Version)
			return err
		})
	}
	return c
}
