package proxy_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/executors/proxy"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// turn is what a double of a proxy does: it reads so many bytes, or a whole head of HTTP if that is 0, and says something.
type turn struct {
	read int
	says string
}

// through asks a double for a connection to an address as somebody; nobody without a password.
func through(t *testing.T, protocol, address, user, password string, turns ...turn) (got string, asked string, err error) {
	t.Helper()
	var seen strings.Builder
	over := make(chan struct{})
	s := executors.Session{
		Target: model.Endpoint{Address: "192.0.2.1", Port: 1080, Protocol: protocol, InsecureTLS: true}, ConnectTimeout: time.Second,
		Resolve: func(n mask.Name) (secret.Value, error) {
			switch {
			case password == "":
				return secret.Value{}, mask.ErrNoValue
			case n == mask.AuthUser:
				return secret.New([]byte(user)), nil
			}
			return secret.New([]byte(password)), nil
		},
		Dial: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				defer close(over)
				defer theirs.Close()
				in := bufio.NewReader(theirs)
				for _, turn := range turns {
					if turn.read > 0 {
						b := make([]byte, turn.read)
						n, _ := io.ReadFull(in, b)
						seen.Write(b[:n])
					}
					for turn.read == 0 {
						line, err := in.ReadString('\n')
						seen.WriteString(line)
						if err != nil || line == "\r\n" {
							break
						}
					}
					if _, err := io.WriteString(theirs, turn.says); err != nil {
						return
					}
				}
			}()
			return ours, nil
		},
	}
	c, err := proxy.Dial(t.Context(), s, address)
	if err == nil {
		b := make([]byte, 6)
		n, _ := io.ReadFull(c, b)
		got = string(b[:n])
		_ = c.Close()
	}
	if len(turns) > 0 {
		<-over
	}
	return got, seen.String(), err
}

// TestAnswers: what proxies say, in clear words of its class; whether their login was refused, or may have been; and not a byte of what the
// target says first is lost.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const (
		h, s  = proxy.HTTP, proxy.Socks5
		there = "target"
	)
	long := strings.Repeat("n", 256)
	reply := func(code, kind byte, rest string) string { return string([]byte{5, code, 0, kind}) + rest + there }
	for name, c := range map[string]struct {
		protocol, address, user, password string
		turns                             []turn
		class                             executors.Class // empty: connected
		says                              string
		unpassed                          bool
	}{
		"HTTP":                              {h, "a:1", "", "", []turn{{0, "HTTP/1.1 200 Fine\r\nX: y\r\n\r\n" + there}}, "", "", false},
		"HTTP without end":                  {h, "a:1", "", "", []turn{{0, "HTTP/1.1 200 Fine\r\n" + strings.Repeat("X: y\r\n", 10_000)}}, executors.ClassProtocol, "too long", false},
		"HTTP demands a login":              {h, "a:1", "", "", []turn{{0, "HTTP/1.1 407 Who\r\n\r\n"}}, executors.ClassRefused, "demands a login", false},
		"HTTP refuses one":                  {h, "a:1", "ann", "Pass-1", []turn{{0, "HTTP/1.1 407 Who\r\n\r\n"}}, executors.ClassRefused, "refused the login of ann", true},
		"HTTP refuses one by 401":           {h, "a:1", "ann", "Pass-1", []turn{{0, "HTTP/1.0 401 Who\r\n\r\n"}}, executors.ClassRefused, "refused the login of ann", true},
		"HTTP says 401 to nobody":           {h, "a:1", "", "", []turn{{0, "HTTP/1.0 401 Who\r\n\r\n"}}, executors.ClassNetwork, "status 401", false},
		"HTTP may not":                      {h, "a:1", "ann", "Pass-1", []turn{{0, "HTTP/1.1 403 No\r\n\r\n"}}, executors.ClassRefused, "do not allow", false},
		"HTTP cannot":                       {h, "a:1", "ann", "Pass-1", []turn{{0, "HTTP/1.1 502 No\r\n\r\n"}}, executors.ClassNetwork, "status 502", false},
		"no HTTP":                           {h, "a:1", "", "", []turn{{0, "SSH-2.0-x\r\n\r\n"}}, executors.ClassProtocol, "does not speak HTTP", false},
		"HTTP ends behind a password":       {h, "a:1", "ann", "Pass-1", []turn{{0, ""}}, executors.ClassNetwork, "", true},
		"HTTP ends":                         {h, "a:1", "", "", []turn{{0, ""}}, executors.ClassNetwork, "", false},
		"a colon in a name for HTTP":        {h, "a:1", "a:b", "Pass-1", []turn{{1, ""}}, executors.ClassTemplate, "colon", false},
		"a line break in an address":        {h, "a\r\nX:1", "", "", []turn{{1, ""}}, executors.ClassTemplate, "blanks", false},
		"SOCKS5":                            {s, "192.0.2.7:1", "", "", []turn{{3, "\x05\x00"}, {10, reply(0, 1, "1234pp")}}, "", "", false},
		"SOCKS5, IPv6":                      {s, "[2001:db8::1]:1", "", "", []turn{{3, "\x05\x00"}, {22, reply(0, 4, strings.Repeat("6", 16)+"pp")}}, "", "", false},
		"SOCKS5, a name":                    {s, "host:1", "ann", "Pass-1", []turn{{3, "\x05\x02"}, {12, "\x01\x00"}, {11, reply(0, 3, "\x03abcpp")}}, "", "", false},
		"SOCKS5 refuses a login":            {s, "host:1", "ann", "Pass-1", []turn{{3, "\x05\x02"}, {12, "\x01\x01"}}, executors.ClassRefused, "refused the login of ann", true},
		"SOCKS5 wants one":                  {s, "host:1", "", "", []turn{{3, "\x05\xff"}}, executors.ClassRefused, "another kind of login", false},
		"SOCKS5 wants none of ours":         {s, "host:1", "ann", "Pass-1", []turn{{3, "\x05\x00"}}, executors.ClassRefused, "another kind of login", false},
		"SOCKS4":                            {s, "host:1", "", "", []turn{{3, "\x04\x00"}}, executors.ClassProtocol, "does not speak SOCKS5", false},
		"SOCKS5 cannot":                     {s, "host:1", "", "", []turn{{3, "\x05\x00"}, {11, reply(5, 1, "1234pp")}}, executors.ClassNetwork, "the host refused", false},
		"SOCKS5 says something else":        {s, "host:1", "", "", []turn{{3, "\x05\x00"}, {11, reply(99, 1, "1234pp")}}, executors.ClassProtocol, "not known", false},
		"SOCKS5, another kind of address":   {s, "host:1", "", "", []turn{{3, "\x05\x00"}, {11, reply(0, 9, "1234pp")}}, executors.ClassProtocol, "not known", false},
		"a name that SOCKS5 does not carry": {s, "host:1", long, "Pass-1", []turn{{3, "\x05\x02"}}, executors.ClassTemplate, "between 1 and 255", false},
		"such a password":                   {s, "host:1", "ann", long, []turn{{3, "\x05\x02"}}, executors.ClassTemplate, "between 1 and 255", false},
		"such a host":                       {s, long + ":1", "", "", []turn{{3, "\x05\x00"}}, executors.ClassTemplate, "too long", false},
		"SOCKS5 ends before the password":   {s, "host:1", "ann", "Pass-1", []turn{{3, ""}}, executors.ClassNetwork, "", false},
		"SOCKS5 ends behind it":             {s, "host:1", "ann", "Pass-1", []turn{{3, "\x05\x02"}, {12, ""}}, executors.ClassNetwork, "", true},
		"SOCKS5 is silent":                  {s, "host:1", "ann", "Pass-1", []turn{{9, ""}}, executors.ClassTimeout, "ask it for a connection to host:1: no answer within 1s", false},
		"SOCKS5 is silent behind it":        {s, "host:1", "ann", "Pass-1", []turn{{3, "\x05\x02"}, {99, ""}}, executors.ClassTimeout, "no answer within 1s", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, asked, err := through(t, c.protocol, c.address, c.user, c.password, c.turns...)
			if c.class == "" {
				if err != nil || got != there {
					t.Errorf("%q, %v", got, err)
				}
				return
			}
			f := new(executors.Failure)
			if !errors.As(err, &f) || f.Class != c.class || !strings.Contains(f.Msg, c.says) || f.Unpassed != c.unpassed {
				t.Errorf("%v, unpassed %t", err, f.Unpassed)
			}
			if c.class == executors.ClassTemplate && (strings.Contains(asked, long) || c.protocol == h && asked != "") {
				t.Errorf("%d bytes were sent", len(asked))
			}
		})
	}
}
