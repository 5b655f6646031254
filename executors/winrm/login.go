package winrm

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/Azure/go-ntlmssp"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/vault/secret"
)

// account is who logs in.
type account struct{ name, password string } // the library wants strings

// errWrong is the service's refusal of a login.
var errWrong error = &executors.Failure{Class: executors.ClassAuth, Msg: "the service refuses the login: name or password is wrong, or the account may not log in"}

// login resolves who logs in; the domain may be missing.
func login(s executors.Session, name, domain mask.Name, with secret.Value) (a account, err error) {
	bad := func(n mask.Name, err error) error {
		return executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", n, err))
	}
	v, err := s.Resolve(name)
	if err != nil {
		return a, bad(name, err)
	}
	_ = v.Reveal(func(b []byte) error { a.name = string(b); return nil })
	if a.name == "" || !printable(a.name) {
		return a, bad(name, errors.New("expected a name in UTF-8 without control characters"))
	}
	if v, err = s.Resolve.Optional(domain); err != nil {
		return a, bad(domain, err)
	}
	_ = v.Reveal(func(b []byte) error {
		if len(b) > 0 && !strings.ContainsAny(a.name, `\@`) {
			a.name = string(b) + `\` + a.name
		}
		return nil
	})
	_ = with.Reveal(func(b []byte) error { a.password = string(b); return nil })
	if a.password == "" || !utf8.ValidString(a.password) || strings.ContainsRune(a.password, 0) {
		return a, &executors.Failure{Class: executors.ClassTemplate, Msg: "the login: expected a password in UTF-8, without NUL"}
	}
	return a, nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// offers lists the ways to log in that an answer names, in lower case, with what follows them.
func offers(a answer) map[string]string {
	out := map[string]string{}
	for _, line := range a.header.Values("Www-Authenticate") {
		way, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		out[strings.ToLower(strings.TrimSuffix(way, ","))] = strings.TrimSpace(rest)
	}
	return out
}

// login asks without one first, which must be refused, and then once with it.
func (c *client) login(ctx context.Context, a account) error {
	asked, err := c.post(ctx, nil, "")
	if err != nil {
		return executors.Spare(err)
	}
	ways := offers(asked)
	if asked.status != http.StatusUnauthorized {
		return c.unexpected("a request without a login", asked, true)
	}
	for _, way := range []string{"Negotiate", "NTLM"} {
		if _, ok := ways[strings.ToLower(way)]; ok {
			return c.ntlm(ctx, way, a)
		}
	}
	if _, ok := ways["basic"]; ok {
		return c.password(ctx, a)
	}
	return &executors.Failure{Class: executors.ClassProtocol, Msg: "the service offers neither Negotiate nor Basic for logins", Spared: true}
}

// unexpected is the failure of a login that was neither taken nor refused; before says that nobody had shown a password yet.
func (c *client) unexpected(what string, a answer, before bool) error {
	busy := a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable
	return &executors.Failure{Class: executors.ClassProtocol, Msg: c.red.Text(what + " is answered with status " + a.line + ": " + faultOf(a.body).text()), Spared: before || busy}
}

// ntlm logs the connection in.
func (c *client) ntlm(ctx context.Context, way string, a account) error {
	hello, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		return err
	}
	asked, err := c.post(ctx, nil, way+" "+base64.StdEncoding.EncodeToString(hello))
	if err != nil { // the proof comes after the challenge
		return executors.Spare(err)
	}
	challenge, err := base64.StdEncoding.DecodeString(offers(asked)[strings.ToLower(way)])
	if err != nil || len(challenge) == 0 {
		return &executors.Failure{Class: executors.ClassProtocol, Msg: "the service sends no challenge for the login by NTLM", Spared: true}
	}
	proof, err := ntlmssp.NewAuthenticateMessage(challenge, a.name, a.password, nil)
	if err != nil {
		return &executors.Failure{Class: executors.ClassProtocol, Msg: c.red.Text("the service's challenge: " + err.Error()), Spared: true}
	}
	return c.judge(c.post(ctx, nil, way+" "+base64.StdEncoding.EncodeToString(proof)))
}

// password logs in by a header (RFC 7617), which goes with each request.
func (c *client) password(ctx context.Context, a account) error {
	if strings.Contains(a.name, ":") {
		return &executors.Failure{Class: executors.ClassTemplate, Msg: "a user name with a colon cannot log in by Basic"}
	}
	text := base64.StdEncoding.EncodeToString([]byte(a.name + ":" + a.password))
	c.red.Add(secret.New([]byte(text)))
	c.basic = "Basic " + text
	return c.judge(c.post(ctx, nil, c.basic))
}

// judge reads the answer to a login.
func (c *client) judge(a answer, err error) error {
	switch {
	case err != nil:
		return err
	case a.status == http.StatusUnauthorized:
		return errWrong
	case a.status != http.StatusOK:
		return c.unexpected("the login", a, false)
	}
	return nil
}
