package all

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/mask"
	"cofre/executors/proxy"
	"cofre/executors/ssh"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// hop is a jump host or a proxy with who logs in there, as the runner uses it.
type hop struct {
	name    string
	connect func(context.Context, executors.Session, string) (net.Conn, error)
	target  model.Endpoint
	login   *executortest.Account // nil: nobody
}

// route is the way through some hops, the nearest first.
func route(hops ...hop) func(executors.Dialer) executors.Dialer {
	return func(reach executors.Dialer) executors.Dialer {
		for _, h := range hops {
			by := reach
			reach = func(ctx context.Context, _, address string) (net.Conn, error) {
				return h.connect(ctx, executors.Session{Target: h.target, Dial: by, Resolve: h.resolve}, address)
			}
		}
		return reach
	}
}

func (h hop) resolve(n mask.Name) (secret.Value, error) {
	switch {
	case h.login != nil && n == mask.AuthUser:
		return secret.New([]byte(h.login.Name)), nil
	case h.login != nil && n == mask.AuthPassword:
		return secret.New([]byte(h.login.Password)), nil
	}
	return secret.Value{}, mask.NoValue(n)
}

func bastion(t *testing.T, s *target.SSH) hop {
	name, password := s.AddUser(t)
	return hop{"a jump host", ssh.Jump, sshEndpoint(s), &executortest.Account{Name: name, Password: password}}
}

func sshEndpoint(s *target.SSH) model.Endpoint {
	return model.Endpoint{Hostname: "localhost", Address: "127.0.0.1", Port: s.Port(), HostKeys: []model.HostKey{{Line: s.HostKeyLines()[0]}}}
}

func socks(t *testing.T) hop {
	p := target.Socks(t)
	return hop{"SOCKS5", proxy.Dial, model.Endpoint{Hostname: "localhost", Address: "127.0.0.1", Port: p.Port(), Protocol: proxy.Socks5, InsecureTLS: true}, &executortest.Account{Name: p.User, Password: p.Password}}
}

func httpProxy(t *testing.T) hop {
	p := target.HTTPProxy(t)
	return hop{"an HTTP proxy", proxy.Dial, model.Endpoint{Hostname: "localhost", Address: "127.0.0.1", Port: p.Port(), Protocol: proxy.HTTP, InsecureTLS: true}, &executortest.Account{Name: p.User, Password: p.Password}}
}

// httpsProxy is the same proxy behind TLS, as a TLS terminator in front of it would be.
func httpsProxy(t *testing.T) hop {
	h := httpProxy(t)
	behind := net.JoinHostPort(h.target.Address, strconv.Itoa(int(h.target.Port)))
	certified := httptest.NewTLSServer(nil)
	t.Cleanup(certified.Close)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certified.TLS.Certificates, MinVersion: tls.VersionTLS13})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				to, err := net.Dial("tcp", behind)
				if err != nil {
					return
				}
				go func() { _, _ = io.Copy(to, c); _ = to.Close() }()
				_, _ = io.Copy(c, to)
			}()
		}
	}()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certified.Certificate().Raw}))
	h.name, h.target = "an HTTPS proxy", model.Endpoint{Hostname: "127.0.0.1", Address: "127.0.0.1", Port: uint16(l.Addr().(*net.TCPAddr).Port), Protocol: proxy.HTTPS, CA: ca}
	return h
}

// kits are the executors with a real target here, each with a template of the catalogue.
func kits(t *testing.T) []executortest.Kit {
	content := func(name string) string {
		for _, e := range Catalogue() {
			if e.Name == name {
				return e.Content
			}
		}
		t.Fatalf("no catalogue template %q", name)
		return ""
	}
	local := func(port uint16, ca string) model.Endpoint {
		return model.Endpoint{Hostname: "localhost", Address: "127.0.0.1", Port: port, CA: ca}
	}
	account := func(add func(testing.TB) (string, string)) func(testing.TB) executortest.Account {
		return func(t testing.TB) executortest.Account {
			name, password := add(t)
			return executortest.Account{Name: name, Password: password}
		}
	}
	manager := func(name, password string) *executortest.Account {
		return &executortest.Account{Name: name, Password: password}
	}
	sshd, telnetd, pg, my, rd, dir := target.SSHD(t), target.Telnetd(t), target.PostgreSQL(t), target.MariaDB(t), target.Redis(t), target.OpenLDAP(t)
	telnetAt := local(telnetd.Port(), "")
	telnetAt.InsecureTLS = true
	return []executortest.Kit{
		{Executor: Find("ssh"), Template: content("Linux passwd"), Target: sshEndpoint(sshd), Login: sshd.Login, Account: account(sshd.AddUser)},
		{Executor: Find("telnet"), Template: content("Linux passwd (Telnet)"), Target: telnetAt, Login: telnetd.Login, Account: account(telnetd.AddUser)},
		{Executor: Find("postgres"), Template: content("PostgreSQL ALTER ROLE"), Target: local(pg.Port(), pg.CA()), Login: pg.Login, Account: account(pg.AddRole), Manager: manager(pg.AdminUser, pg.AdminPassword)},
		{Executor: Find("mysql"), Template: content("MySQL ALTER USER"), Target: local(my.Port(), my.CA()), Login: my.Login, Account: account(my.AddUser), Manager: manager(my.AdminUser, my.AdminPassword)},
		{Executor: Find("redis"), Template: content("Redis ACL user"), Target: local(rd.Port(), rd.CA()), Login: rd.Login, Account: account(rd.AddUser), Manager: manager(rd.AdminUser, rd.AdminPassword)},
		{Executor: Find("ldap"), Template: content("OpenLDAP password by DN"), Target: local(dir.Port(), dir.CA()), Login: dir.Login, Account: account(dir.AddUser), Manager: manager(dir.AdminDN, dir.AdminPassword)},
	}
}

// TestEveryWay changes and proves a password by each executor with a real target through a real jump host, real proxies, and two hops
// one behind the other. What refuses on the way is NotStarted and says where.
func TestEveryWay(t *testing.T) {
	t.Parallel()
	jump := bastion(t, target.SSHD(t))
	ways := map[string][]hop{"a jump host": {jump}, "SOCKS5": {socks(t)}, "an HTTP proxy": {httpProxy(t)}, "an HTTPS proxy": {httpsProxy(t)}, "a jump host behind a proxy": {socks(t), jump}}
	for _, k := range kits(t) {
		for name, hops := range ways {
			t.Run(string(k.Executor.Name())+" through "+name, func(t *testing.T) {
				t.Parallel()
				k := k
				k.Route = route(hops...)
				a, fresh := k.Account(t), executortest.Fresh()
				if outcome, err := k.Once(t, a, fresh); outcome != executors.Applied {
					t.Fatalf("%s, %v", outcome, err)
				}
				if in, err := k.Login(a.Name, fresh); !in || err != nil {
					t.Errorf("the new password: %t, %v", in, err)
				}
				p, err := k.Executor.Compile(k.Template)
				if err != nil {
					t.Fatal(err)
				}
				v, _ := executors.VerifierOf(k.Executor, p)
				if in, err := v.Verify(t.Context(), k.Session(a, fresh), secret.New([]byte(fresh))); !in || err != nil {
					t.Errorf("the proof: %t, %v", in, err)
				}
				// A login that is refused on the way says nothing about the secret of the target.
				wrong := append([]hop{}, hops...)
				wrong[len(wrong)-1].login = &executortest.Account{Name: hops[len(hops)-1].login.Name, Password: "Wrong-Pass-1"}
				k.Route = route(wrong...)
				if in, err := v.Verify(t.Context(), k.Session(a, fresh), secret.New([]byte(fresh))); in || executortest.ClassOf(err) != executors.ClassRefused {
					t.Errorf("a wrong login on the way: %t, %v", in, err)
				}
				if outcome, err := k.Once(t, executortest.Account{Name: a.Name, Password: fresh}, executortest.Fresh()); outcome != executors.NotStarted || !strings.Contains(err.Error(), "refused the login of") {
					t.Errorf("a wrong login on the way: %s, %v", outcome, err)
				}
			})
		}
	}
}

// TestUnpassed: a jump host or proxy tells a login that was refused, or may have been, from everything else that ends a way.
func TestUnpassed(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	_ = closed.Close()
	straight := func(ctx context.Context, network, address string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	for _, h := range []hop{bastion(t, target.SSHD(t)), socks(t), httpProxy(t), httpsProxy(t)} {
		wrong := h
		wrong.login = &executortest.Account{Name: h.login.Name, Password: "Wrong-Pass-1"}
		strange := h
		strange.target.CA, strange.target.HostKeys = "", nil
		for _, c := range []struct {
			name  string
			hop   hop
			dial  executors.Dialer
			wants bool
		}{
			{"refused", wrong, straight, true},
			{"let in, and nobody answers behind it", h, straight, false},
			{"not reached", h, func(ctx context.Context, network, _ string) (net.Conn, error) { return straight(ctx, network, nobody) }, false},
			{"not allowed by us", h, func(context.Context, string, string) (net.Conn, error) {
				return nil, &executors.Failure{Class: executors.ClassRefused, Msg: "an egress rule"}
			}, false},
			{"a certificate or host key that is not known", strange, straight, false},
		} {
			if c.name == "a certificate or host key that is not known" && h.target.InsecureTLS {
				continue
			}
			if got := unpassed(t, c.hop, c.dial, nobody); got != c.wants {
				t.Errorf("%s, %s: unpassed %t", h.name, c.name, got)
			}
		}
		seen := false // a cut when the password was sent
		for n := 1; n < 12 && !seen; n++ {
			seen = unpassed(t, h, executortest.NewBrittle(n, true).Dial, nobody)
		}
		if !seen {
			t.Errorf("%s: no cut may have been a refused login", h.name)
		}
	}
}

// unpassed goes one way that ends at the hop or behind it.
func unpassed(t *testing.T, h hop, dial executors.Dialer, address string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := h.connect(ctx, executors.Session{Target: h.target, Dial: dial, Resolve: h.resolve}, address)
	f := new(executors.Failure)
	if err == nil || !errors.As(err, &f) {
		t.Errorf("%s: %v", h.name, err)
		if c != nil {
			_ = c.Close()
		}
		return false
	}
	return f.Unpassed
}

// TestCutsOnTheWay is the conformance kit through a jump host: the connection to that one breaks at every write.
func TestCutsOnTheWay(t *testing.T) {
	t.Parallel()
	through := route(bastion(t, target.SSHD(t)))
	for _, k := range kits(t) {
		if n := k.Executor.Name(); n != "ssh" && n != "postgres" {
			continue
		}
		t.Run(string(k.Executor.Name()), func(t *testing.T) {
			k.Route = through
			executortest.Exercise(t, k)
		})
	}
}
