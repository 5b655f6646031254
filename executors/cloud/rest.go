package cloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"cofre/executors"
)

// Refusal is an error answer of a service that speaks JSON: it did nothing.
type Refusal struct {
	Action, Code, Message string
	Status                int
	Login                 bool // of the token endpoint
}

func (r *Refusal) Error() string { return fmt.Sprintf("%s: %s: %s", r.Action, r.Code, r.Message) }

// Class tells refused logins from refused changes.
func (r *Refusal) Class() executors.Class {
	if r.Login || r.Status == http.StatusUnauthorized {
		return executors.ClassAuth
	}
	return executors.ClassPolicy
}

// Refused gives the refusal inside of an error, if there is one and it fits.
func Refused(err error, fits func(*Refusal) bool) bool {
	var no *Refusal
	return errors.As(err, &no) && fits(no)
}

// Token gets an access token of OAuth 2.0 from an endpoint.
func Token(ctx context.Context, s executors.Session, endpoint string, form url.Values) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("get a token: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a, err := Send(ctx, s, r)
	if err != nil {
		return "", fmt.Errorf("get a token: %w", err)
	}
	var out struct {
		Token       string `json:"access_token"`
		Code        string `json:"error"`
		Description string `json:"error_description"`
	}
	err = json.Unmarshal(a.Body, &out)
	switch {
	case a.Status >= http.StatusInternalServerError || err != nil || a.Status == http.StatusOK && out.Token == "":
		return "", &executors.Failure{Class: executors.ClassProtocol, Msg: fmt.Sprintf("the token endpoint answered with status %d", a.Status)}
	case a.Status != http.StatusOK:
		return "", &Refusal{"get a token", out.Code, out.Description, a.Status, true}
	}
	return out.Token, nil
}

// REST asks a service that speaks JSON, with an access token.
type REST struct {
	Session executors.Session
	Token   string
	Again   func(*Refusal) bool // those that mean "not now"
}

// Call makes one request; its answer is decoded into out, unless that is nil. What is refused for now is repeated.
func (c REST) Call(ctx context.Context, method, address string, body, out any) error {
	return Patience{}.Until(ctx, func() error {
		err := c.once(ctx, method, address, body, out)
		if Refused(err, c.Again) {
			return fmt.Errorf("%w: %w", ErrAgain, err)
		}
		return err
	})
}

func (c REST) once(ctx context.Context, method, address string, body, out any) error {
	doc, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write a request: %w", err)
	}
	if body == nil {
		doc = nil
	}
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(doc))
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	action := method + " " + r.URL.Path
	r.Header.Set("Authorization", "Bearer "+c.Token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	a, err := Send(ctx, c.Session, r)
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	if a.Status >= http.StatusBadRequest {
		return refused(action, a)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(a.Body, out); err != nil {
		return &executors.Failure{Class: executors.ClassProtocol, Msg: action + " was answered with something that is not its JSON"}
	}
	return nil
}

// refused reads an error answer: one service writes its word as the code, another a number there and the word as the status. One of
// the service's own trouble (5xx) does not say whether it did something.
func refused(action string, a Answer) error {
	var e struct {
		Error struct {
			Code    json.RawMessage `json:"code"`
			Status  string          `json:"status"`
			Message string          `json:"message"`
		} `json:"error"`
	}
	err := json.Unmarshal(a.Body, &e)
	word := e.Error.Status
	if word == "" {
		_ = json.Unmarshal(e.Error.Code, &word)
	}
	if err != nil || word == "" || a.Status >= http.StatusInternalServerError {
		return &executors.Failure{Class: executors.ClassProtocol, Msg: fmt.Sprintf("%s was answered with status %d", action, a.Status)}
	}
	return &Refusal{action, word, e.Error.Message, a.Status, false}
}
