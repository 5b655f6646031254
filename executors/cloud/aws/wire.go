package aws

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"cofre/executors"
	"cofre/executors/cloud"
)

// The codes that mean something to us.
const (
	invalidKey     = "InvalidClientTokenId"
	wrongSignature = "SignatureDoesNotMatch"
	noSuchEntity   = "NoSuchEntity"
	deleteConflict = "DeleteConflict"
)

// service is one of the two that are spoken to.
type service struct{ name, version string }

var (
	iam = service{"iam", "2010-05-08"}
	sts = service{"sts", "2011-06-15"}
)

// client speaks as one access key.
type client struct {
	session executors.Session
	place   place
	as      pair
}

func connect(s executors.Session, as pair) (*client, error) {
	p, err := placeOf(s)
	return &client{s, p, as}, err
}

// refusal is an error answer of a service: it did nothing.
type refusal struct {
	action, code, message string
}

func (r *refusal) Error() string { return fmt.Sprintf("%s: %s: %s", r.action, r.code, r.message) }

func (r *refusal) Class() executors.Class {
	switch r.code {
	case invalidKey, wrongSignature, "UnrecognizedClientException", "IncompleteSignature", "ExpiredToken", "MissingAuthenticationToken":
		return executors.ClassAuth
	}
	return executors.ClassPolicy
}

// is tells whether an error is a refusal with this code.
func is(err error, code string) bool {
	var no *refusal
	return errors.As(err, &no) && no.code == code
}

// throttled are the codes of "not now", at which nothing was done.
var throttled = map[string]bool{"Throttling": true, "ThrottlingException": true, "RequestLimitExceeded": true}

// call asks for an action; its answer is decoded into out, unless that is nil. One that came too fast is repeated.
func (c *client) call(ctx context.Context, s service, action string, params url.Values, out any) error {
	return cloud.Patience{}.Until(ctx, func() error {
		err := c.once(ctx, s, action, params, out)
		var no *refusal
		if errors.As(err, &no) && throttled[no.code] {
			return fmt.Errorf("%w: %w", cloud.ErrAgain, err)
		}
		return err
	})
}

func (c *client) once(ctx context.Context, s service, action string, params url.Values, out any) error {
	host, region := c.place.iam, c.place.iamRegion
	if s == sts {
		host, region = c.place.sts, c.place.stsRegion
	}
	form := url.Values{"Action": {action}, "Version": {s.version}}
	for name, values := range params {
		form[name] = values
	}
	body := form.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+host+"/", strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	sum := sha256.Sum256([]byte(body))
	keys := sdk.Credentials{AccessKeyID: c.as.ID, SecretAccessKey: c.as.Secret}
	if err := v4.NewSigner().SignHTTP(ctx, keys, r, hex.EncodeToString(sum[:]), s.name, region, time.Now()); err != nil {
		return fmt.Errorf("sign %s: %w", action, err)
	}
	a, err := cloud.Send(ctx, c.session, r)
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	if a.Status != http.StatusOK {
		return refused(action, a)
	}
	if out == nil {
		return nil
	}
	if err := xml.Unmarshal(a.Body, out); err != nil {
		return &executors.Failure{Class: executors.ClassProtocol, Msg: action + " was answered with something that is not its XML"}
	}
	return nil
}

// refused reads an error answer. One of the service's own trouble (5xx) does not say whether it did something.
func refused(action string, a cloud.Answer) error {
	var e struct {
		Code    string `xml:"Error>Code"`
		Message string `xml:"Error>Message"`
	}
	if xml.Unmarshal(a.Body, &e) != nil || e.Code == "" || a.Status >= http.StatusInternalServerError {
		return &executors.Failure{Class: executors.ClassProtocol, Msg: fmt.Sprintf("%s was answered with status %d", action, a.Status)}
	}
	return &refusal{action, e.Code, e.Message}
}
