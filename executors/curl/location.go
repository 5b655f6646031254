package curl

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// location is a URL of a template.
type location struct {
	https bool
	parts []mask.Part // after the scheme, each hole with its context
}

var errURL = errors.New("expected a URL that begins with https:// or http://, without user name and password in it")

// locate reads a URL and the contexts of its holes.
func locate(parts []mask.Part) (location, error) {
	var l location
	if len(parts) == 0 || parts[0].Hole != "" {
		return l, errURL
	}
	rest, ok := strings.CutPrefix(parts[0].Literal, "https://")
	if l.https = ok; !ok {
		if rest, ok = strings.CutPrefix(parts[0].Literal, "http://"); !ok {
			return l, errURL
		}
	}
	l.parts = append([]mask.Part(nil), parts...)
	l.parts[0].Literal = rest
	at := inHost
	for i := range l.parts {
		p := &l.parts[i]
		p.Context = at
		for _, c := range p.Literal {
			switch {
			case at == inHost && (c == '@' || c == '#'), c < ' ':
				return l, errURL
			case at == inHost && c == '/':
				at = inPath
			case at != inQuery && c == '?':
				at = inQuery
			case c == '#':
				return l, errors.New("expected a URL without a fragment: it is never sent")
			}
		}
	}
	if _, err := url.Parse(l.scheme() + "://" + strings.NewReplacer("[#", "", "#]", "").Replace(mask.Source(l.parts))); err != nil {
		return l, errURL
	}
	return l, nil
}

func (l location) scheme() string {
	if l.https {
		return "https"
	}
	return "http"
}

// front is the first page of the same origin.
func (l location) front() location {
	out := location{https: l.https}
	for _, p := range l.parts {
		if p.Context != inHost {
			break
		}
		if i := strings.IndexAny(p.Literal, "/?"); i >= 0 {
			p.Literal = p.Literal[:i]
			out.parts = append(out.parts, p)
			break
		}
		out.parts = append(out.parts, p)
	}
	out.parts = append(out.parts, mask.Part{Literal: "/"})
	return out
}

// secret tells whether a secret stands in it.
func (l location) secret() bool {
	for _, n := range mask.Names(l.parts) {
		if n.Secret() {
			return true
		}
	}
	return false
}

// fill renders a URL and makes sure that it leads to the device, encrypted unless the device says otherwise.
func (l location) fill(resolve mask.Resolver, target model.Endpoint) (*url.URL, error) {
	v, err := mask.Render(l.parts, resolve, escape)
	if err != nil {
		return nil, err
	}
	defer v.Wipe()
	u, err := parseURL(l.scheme(), v)
	if err != nil {
		return nil, err
	}
	host := u.Hostname()
	if host == "" || !strings.EqualFold(host, target.Address) && !strings.EqualFold(host, target.Hostname) {
		return nil, &executors.Failure{Class: executors.ClassRefused, Msg: "a request goes to the device only"}
	}
	if !l.https && !target.InsecureTLS {
		return nil, &executors.Failure{Class: executors.ClassTLS, Msg: "plain HTTP shows the login and the new secret, which the device does not allow: cofre device update HOST --insecure-tls lets it, and is audited"}
	}
	return u, nil
}

func parseURL(scheme string, v secret.Value) (u *url.URL, err error) {
	err = v.Reveal(func(b []byte) error {
		if u, err = url.Parse(scheme + "://" + string(b)); err != nil || u.User != nil {
			return errors.New("the values of the tags make no URL") // the parser's words show the text
		}
		return nil
	})
	return u, err
}

// address is where to connect: the device, at the port of the URL, else the one that the device lists, else the scheme's.
func address(u *url.URL, target model.Endpoint) (string, error) {
	port := u.Port()
	switch {
	case port != "":
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", fmt.Errorf("there is no port %q", port)
		}
	case target.Port != 0:
		port = strconv.Itoa(int(target.Port))
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(target.Address, port), nil
}
