package api

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // RSA-OAEP with SHA-1, as the vendor's known client expects
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/spf13/cobra"

	"cofre/httpapi/application"
)

// encryptCommand switches the encryption of an authorization's answers. The private key is made here and stays here.
func encryptCommand(s *session) *cobra.Command {
	c := &cobra.Command{
		Use: "encrypt APPLICATION NAME", Short: "Encrypt the secrets in an authorization's answers to an RSA key", Args: cobra.ExactArgs(2),
		Long: `Encrypt the secrets in an authorization's answers to an RSA key of 4096 bits. Cofre keeps the public half only: whoever loses the
private key makes a new one here. Values up to 470 bytes are base64 of RSA-OAEP (SHA-1), longer ones a JWE (RSA-OAEP, A256GCM).`,
		Example: "  cofre authorization encrypt shop prod --private-out shop.pem\n  cofre authorization encrypt shop prod --public shop.pub\n  cofre authorization encrypt shop prod --off",
	}
	out := c.Flags().String("private-out", "", "make a key here and write its private half into this new file, mode 0600")
	public := c.Flags().String("public", "", "file with a public key in PEM")
	c.Flags().Bool("off", false, "show secrets as they are")
	c.MarkFlagsMutuallyExclusive("private-out", "public", "off")
	c.MarkFlagsOneRequired("private-out", "public", "off")
	c.RunE = func(c *cobra.Command, args []string) error {
		var text string
		switch {
		case *public != "":
			b, err := os.ReadFile(*public)
			if err != nil {
				return err
			}
			if text = string(b); strings.Contains(text, "PRIVATE KEY-----") {
				return fmt.Errorf("%s holds a private key, which stays with you and was not sent: openssl pkey -in %s -pubout writes its public half", *public, *public)
			}
		case *out != "":
			var err error
			if text, err = newKeyFile(*out); err != nil {
				return err
			}
		}
		a, err := call[application.Authorization](s, c, http.MethodPut, at("applications/%s/authorizations/%s", args...), application.AuthorizationBody{PublicKey: &text})
		if err != nil {
			if *out != "" {
				_ = os.Remove(*out)
			}
			return err
		}
		return s.show(c, a, func(w io.Writer) error { return s.showAuthorization(c, w, &a) })
	}
	return c
}

// newKeyFile makes a key, writes its private half into a file that was not there, and gives the public half in PEM.
func newKeyFile(name string) (string, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fmt.Errorf("write the private key: %w", err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 4096)
	if err != nil {
		return "", err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return "", err
	}
	if err := errors.Join(pem.Encode(f, &pem.Block{Type: "PRIVATE KEY", Bytes: private}), f.Sync(), f.Close()); err != nil {
		return "", fmt.Errorf("write the private key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})), nil
}

// decryptCommand reads a value that was encrypted to a key.
func decryptCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "decrypt", Short: "Decrypt a value of an answer with the private key, from standard input to standard output", Args: cobra.NoArgs,
		Example: "  cofre authorization decrypt --private shop.pem < value",
	}
	file := c.Flags().String("private", "", "file with the private key in PEM, mode 0600")
	_ = c.MarkFlagRequired("private")
	c.RunE = func(c *cobra.Command, _ []string) error {
		key, err := readPrivateKey(*file)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(io.LimitReader(c.InOrStdin(), 1<<20))
		if err != nil {
			return err
		}
		plain, err := decrypt(key, strings.TrimSpace(string(text)))
		if err != nil {
			return errors.New("the value was not encrypted to this key")
		}
		defer clear(plain)
		_, err = c.OutOrStdout().Write(plain)
		return err
	}
	return c
}

func decrypt(key *rsa.PrivateKey, text string) ([]byte, error) {
	if strings.Count(text, ".") == 4 {
		box, err := jose.ParseEncryptedCompact(text, []jose.KeyAlgorithm{jose.RSA_OAEP}, []jose.ContentEncryption{jose.A256GCM})
		if err != nil {
			return nil, err
		}
		return box.Decrypt(key)
	}
	box, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	return rsa.DecryptOAEP(sha1.New(), nil, key, box, nil) //nolint:gosec // see the import
}
