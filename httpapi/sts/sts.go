// Package sts asks AWS who signed a request. A client that runs on AWS signs GetCallerIdentity with whatever AWS gives
// it, and sends the signature here instead of there; AWS answers whose it is. Cofre sees no secret of AWS, and nothing
// that a client says leads it anywhere but to the hosts that AWS publishes: host and headers are checked against closed
// lists, the request is built anew, and redirects are not followed. httpapi/edge wires it.
package sts

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"cofre/fsm/model"
	"cofre/httpapi/authn"
)

// Body is the body of the request that clients sign.
const Body = "Action=GetCallerIdentity&Version=2011-06-15"

// ContentType is its type, whether it is signed or not.
const ContentType = "application/x-www-form-urlencoded"

// ServerHeader carries the id of the cluster and must be signed: a proof for one cluster is none for another, and none for
// another kind of server.
const ServerHeader = "x-cofre-server"

// DefaultHost is asked when a proof names none.
const DefaultHost = "sts.amazonaws.com"

// timeout is how long AWS may take to answer; concurrent is how many proofs may wait for it at once.
const timeout, concurrent = 5 * time.Second, 16

// Proof is a signed GetCallerIdentity: POST / with Body and ContentType.
type Proof struct {
	Host          string // of the closed list
	Authorization string
	Date          string // X-Amz-Date
	SessionToken  string // X-Amz-Security-Token; public for who has no secret key to it
}

// Identity is what AWS told about the signer.
type Identity struct {
	ARN  string
	At   model.Time // the timestamp that was signed
	Mark []byte     // identifies what was signed
}

// Client asks AWS.
type Client struct {
	http *http.Client
	work chan struct{}
}

// New asks over transport; nil: over TLS with the machine's authorities, and never at an address of this machine, its
// links or one that refuse names.
func New(transport http.RoundTripper, refuse func(address string) bool) *Client {
	if transport == nil {
		dial := &net.Dialer{Timeout: timeout, Control: func(_, address string, _ syscall.RawConn) error { return outside(address, refuse) }}
		transport = &http.Transport{DialContext: dial.DialContext, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: timeout,
			MaxResponseHeaderBytes: 16 << 10, MaxConnsPerHost: concurrent, IdleConnTimeout: time.Minute}
	}
	return &Client{work: make(chan struct{}, concurrent), http: &http.Client{
		Transport: transport, Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

var errEgress = errors.New("the name of a host of AWS leads to this machine, a link-local address or the cluster")

func outside(address string, refuse func(string) bool) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("read the address: %w", err)
	}
	if a := to.Addr().Unmap(); a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() || a.IsMulticast() || refuse != nil && refuse(a.String()) {
		return errEgress
	}
	return nil
}

// Check refuses, before anything is asked, what is no proof for this cluster at this time.
func (p *Proof) Check(cluster model.ClusterID, at time.Time) (authn.SignedHeader, model.Time, error) {
	if p.Host == "" {
		p.Host = DefaultHost
	}
	if !slices.Contains(Hosts, p.Host) {
		return authn.SignedHeader{}, 0, model.Errorf(model.Invalid, "host is none that AWS publishes for STS, such as sts.eu-central-1.amazonaws.com").WithField("host")
	}
	if len(p.SessionToken) > 8<<10 || strings.ContainsFunc(p.SessionToken, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return authn.SignedHeader{}, 0, model.Errorf(model.Invalid, "session_token is no token of AWS").WithField("session_token")
	}
	h, ok, err := authn.ParseSignedHeader(p.Authorization)
	if err != nil || !ok || h.Service != "sts" {
		return h, 0, model.Errorf(model.Invalid, "authorization is no header of AWS Signature Version 4 for the service sts").WithField("authorization")
	}
	signed := []string{"host", "x-amz-date", ServerHeader}
	if p.SessionToken != "" {
		signed = append(signed, "x-amz-security-token")
	}
	for _, name := range signed {
		if !slices.Contains(h.Headers, name) {
			return h, 0, model.Errorf(model.Invalid, "the header %s must be signed; %s is %s", name, ServerHeader, cluster).WithField("authorization")
		}
	}
	if i := slices.IndexFunc(h.Headers, func(n string) bool { return !slices.Contains(append(signed, "content-length", "content-type"), n) }); i >= 0 {
		return h, 0, model.Errorf(model.Invalid, "only host, content-length, content-type, x-amz-date, x-amz-security-token and %s may be signed", ServerHeader).WithField("authorization")
	}
	moment, err := h.Moment(p.Date)
	if err != nil {
		return h, 0, model.Errorf(model.Invalid, "date is the X-Amz-Date that was signed, such as 20270131T120000Z").WithField("date")
	}
	if d := at.Sub(moment.Std()).Abs(); d > authn.NonceWindow {
		return h, 0, model.Errorf(model.Unauthenticated, "Client authentication failed: the date is more than 300 s off")
	}
	return h, moment, nil
}

var errUnproven = model.Errorf(model.Unauthenticated, "Client authentication failed: AWS does not confirm the signature")

// Identify asks AWS whose signature this is.
func (c *Client) Identify(ctx context.Context, p Proof, cluster model.ClusterID, at time.Time) (Identity, error) {
	h, moment, err := p.Check(cluster, at)
	if err != nil {
		return Identity{}, err
	}
	select {
	case c.work <- struct{}{}:
		defer func() { <-c.work }()
	default:
		return Identity{}, &model.Error{Kind: model.Limited, Msg: "Too many proofs wait for AWS", RetryAfter: 1}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+p.Host+"/", strings.NewReader(Body))
	if err != nil {
		return Identity{}, fmt.Errorf("build the request to AWS: %w", err)
	}
	r.Header = http.Header{"Authorization": {p.Authorization}, "X-Amz-Date": {p.Date}, "Content-Type": {ContentType}, http.CanonicalHeaderKey(ServerHeader): {string(cluster)}}
	if p.SessionToken != "" {
		r.Header.Set("X-Amz-Security-Token", p.SessionToken)
	}
	arn, err := c.ask(r)
	if err != nil {
		return Identity{}, err
	}
	mark := sha256.Sum256(append([]byte(p.Host+" "+p.Date+" "), h.Signature...))
	return Identity{ARN: arn, At: moment, Mark: mark[:]}, nil
}

func (c *Client) ask(r *http.Request) (string, error) {
	unavailable := &model.Error{Kind: model.Unavailable, Msg: "AWS STS does not answer as expected: try again", RetryAfter: 5}
	res, err := c.http.Do(r)
	if err != nil {
		unavailable.Err = fmt.Errorf("ask AWS: %w", err)
		return "", unavailable
	}
	defer func() { _ = res.Body.Close() }()
	var answer struct {
		XMLName xml.Name `xml:"GetCallerIdentityResponse"`
		ARN     string   `xml:"GetCallerIdentityResult>Arn"`
	}
	switch {
	case res.StatusCode == http.StatusForbidden || res.StatusCode == http.StatusBadRequest || res.StatusCode == http.StatusUnauthorized:
		return "", errUnproven
	case res.StatusCode != http.StatusOK:
		return "", unavailable
	}
	if err := xml.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&answer); err != nil || answer.ARN == "" || len(answer.ARN) > 2048 {
		return "", unavailable
	}
	return answer.ARN, nil
}
