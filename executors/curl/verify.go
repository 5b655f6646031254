package curl

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/vault/secret"
)

// Verify proves a secret at the place that the template names.
func (p *program) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	return verify(ctx, s, p.proof, with)
}

// verify asks for a page twice over one fresh connection: without a login, which must be refused, so that the page proves
// something, then with the login of USERNAME, once.
func verify(ctx context.Context, s executors.Session, at location, with secret.Value) (bool, error) {
	s, red := s.Guard()
	red.Add(with)
	in, err := tryLogin(ctx, s, at, with, red)
	if err != nil {
		return false, failure(red, 0, err)
	}
	return in, nil
}

func tryLogin(ctx context.Context, s executors.Session, at location, with secret.Value, red *executors.Redactor) (bool, error) {
	r := &run{session: s, red: red}
	u, err := at.fill(s.Resolve, s.Target)
	if err != nil {
		return false, executors.Fail(executors.ClassTemplate, 0, err)
	}
	user, err := r.text([]mask.Part{{Hole: mask.Username, Context: inHeader}})
	if err != nil {
		return false, executors.Fail(executors.ClassTemplate, 0, err)
	}
	q := &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{"User-Agent": {"Cofre"}}}
	known := q.Clone(ctx)
	if err := basic(known, user, with, red); err != nil {
		return false, executors.Fail(executors.ClassTemplate, 0, err)
	}
	limit := s.ReadTimeout
	if limit <= 0 {
		limit = defaultTimeout
	}
	c := newClient(s, 0)
	defer c.hangUp()
	a, err := c.do(ctx, q, nil, limit)
	if err != nil {
		return false, executors.Spare(err)
	}
	a.tell(s.Capture)
	if a.status != http.StatusUnauthorized {
		return false, &executors.Failure{Class: executors.ClassProtocol, Msg: fmt.Sprintf("a request without a login is answered with status %d, not 401: that page proves nothing; let the template name one with verify", a.status), Spared: true}
	}
	if a, err = c.do(ctx, known, nil, limit); err != nil {
		return false, err
	}
	a.tell(s.Capture)
	switch {
	case a.status == http.StatusUnauthorized:
		return false, nil
	case a.status >= 200 && a.status < 300:
		return true, nil
	}
	return false, &executors.Failure{Class: executors.ClassProtocol, Msg: fmt.Sprintf("a request with the login is answered with status %d", a.status), Spared: overloaded(a.status)}
}

// basic puts a login into a request (RFC 7617).
func basic(q *http.Request, user string, password secret.Value, red *executors.Redactor) error {
	if user == "" || strings.Contains(user, ":") {
		return errors.New("an empty user name, or one with a colon, cannot log in by HTTP")
	}
	return password.Reveal(func(b []byte) error {
		if _, err := escape(mask.Part{Context: inHeader}, b); err != nil {
			return fmt.Errorf("the login: %w", err)
		}
		pair := append([]byte(user+":"), b...)
		defer clear(pair)
		text := base64.StdEncoding.EncodeToString(pair)
		red.Add(secret.New([]byte(text)))
		q.Header.Set("Authorization", "Basic "+text)
		return nil
	})
}
