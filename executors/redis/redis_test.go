package redis_test

import (
	"bufio"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/redis"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

func kit(s *target.RedisServer) executortest.Kit {
	return executortest.Kit{
		Executor: redis.New(), Template: redis.Catalogue()[0].Content, Login: s.Login,
		Target:  model.Endpoint{Address: "127.0.0.1", Port: s.Port(), CA: s.CA()},
		Manager: &executortest.Account{Name: s.AdminUser, Password: s.AdminPassword}, Stays: true,
		Account: func(t testing.TB) executortest.Account {
			name, password := s.AddUser(t)
			return executortest.Account{Name: name, Password: password}
		},
		Hostile: []string{"Aa1-'\"; \\ $(id) >x <y #z", "line\r\n*1\r\n$4\r\nPING\r\n", "Cc3 [#USERNAME#] ação-日本", "not\xff-utf8-1A", strings.Repeat("Long-7", 40)},
		Unfit:   []string{""}, Makes: true,
	}
}

func TestACLUser(t *testing.T) {
	t.Parallel()
	executortest.Exercise(t, kit(target.Redis(t)))
}

// TestUsersComeAndGo: dynamic users of a real server, whose file knows them no more than it.
func TestUsersComeAndGo(t *testing.T) {
	t.Parallel()
	s := target.Redis(t)
	k := kit(s)
	executortest.Live(t, k, executortest.Life{Create: redis.Catalogue()[1].Content, Remove: redis.Catalogue()[2].Content, Additional: "app:*", Hostile: k.Hostile})
	if saved, err := s.Saved(); err != nil || strings.Contains(saved, "app_260101_") || !strings.Contains(saved, s.AdminUser) {
		t.Errorf("%v: %s", err, saved)
	}
}

// TestSavedAsHash: the file holds the new password only as its hash, and without TLS the device must say so.
func TestSavedAsHash(t *testing.T) {
	t.Parallel()
	s := target.Redis(t)
	k := kit(s)
	acc, fresh := k.Account(t), executortest.Fresh()
	k.Template = "set-tls off\n" + k.Template
	k.Target.Port = s.PlainPort()
	if outcome, err := k.Once(t, acc, fresh); outcome != executors.NotStarted || executortest.ClassOf(err) != executors.ClassTLS {
		t.Errorf("without the opt-out: %s, %v", outcome, err)
	}
	k.Target.InsecureTLS = true
	if outcome, err := k.Once(t, acc, fresh); outcome != executors.Applied {
		t.Fatal(outcome, err)
	}
	p, err := redis.New().Compile(k.Template)
	if err != nil {
		t.Fatal(err)
	}
	v, _ := executors.VerifierOf(k.Executor, p)
	if ok, err := v.Verify(t.Context(), k.Session(acc, ""), secret.New([]byte(fresh))); !ok || err != nil {
		t.Errorf("proof without TLS: %v, %v", ok, err)
	}
	saved, err := s.Saved()
	if err != nil || !strings.Contains(saved, acc.Name) || executortest.Leak(saved, fresh) != "" {
		t.Errorf("the ACL file was not saved, or shows the password: %v", err)
	}
}

// TestRefusals: what the server refuses is Rejected for the first command only.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s := target.Redis(t)
	k := kit(s)
	acc := k.Account(t)
	for template, want := range map[string]executors.Outcome{
		"acl setuser \"[#USERNAME#] x\" >[#NEW_PASSWORD#]":                         executors.Rejected,
		"acl setuser [#USERNAME#] nonsense >[#NEW_PASSWORD#]":                      executors.Rejected,
		"ping\nacl setuser [#USERNAME#] nonsense >[#NEW_PASSWORD#]":                executors.Uncertain,
		"acl setuser [#USERNAME#] >[#NEW_PASSWORD#]\nconfig set nope [#USERNAME#]": executors.Uncertain,
	} {
		k.Template = template
		if outcome, err := k.Once(t, acc, executortest.Fresh()); outcome != want {
			t.Errorf("%s: %s, %v; want %s", template, outcome, err, want)
		}
	}
}

// TestStrangeAnswers of something that is no Redis.
func TestStrangeAnswers(t *testing.T) {
	t.Parallel()
	for answer, class := range map[string]executors.Class{
		"HTTP/1.1 400 Bad Request\r\n\r\n":          executors.ClassProtocol,
		"*99999999999\r\n":                          executors.ClassProtocol,
		strings.Repeat("*1\r\n", 100):               executors.ClassProtocol,
		"$5\r\nab":                                  executors.ClassNetwork,
		"+OK" + strings.Repeat("x", 2<<20) + "\r\n": executors.ClassNetwork, // without end, as far as we read
		"-NOPERM not you\r\n":                       executors.ClassPolicy,
		"-LOADING Redis is loading the dataset\r\n": executors.ClassNetwork,
		"": executors.ClassNetwork,
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			_, _ = bufio.NewReader(c).ReadString('\n')
			_, _ = io.WriteString(c, answer)
		})
		e := model.Endpoint{Address: "127.0.0.1", Port: target.PortOf(l.Addr().String()), InsecureTLS: true}
		s := executortest.Kit{Target: e}.Session(executortest.Account{Name: "ann", Password: "Old-Pass-1x"}, "")
		s.ReadTimeout = time.Second
		p, err := redis.New().Compile("set-tls off\nping")
		if err != nil {
			t.Fatal(err)
		}
		v, _ := executors.VerifierOf(redis.New(), p)
		if ok, err := v.Verify(t.Context(), s, secret.New([]byte("x"))); ok || executortest.ClassOf(err) != class {
			t.Errorf("%.20q: %v, %v; want %s", answer, ok, err, class)
		}
		_ = l.Close()
		wg.Wait()
	}
}

// TestSilentWithoutTLS: a server that speaks no TLS waits for its client. No login was tried, so none counts as one that failed.
func TestSilentWithoutTLS(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := executortest.Kit{Target: model.Endpoint{Address: "127.0.0.1", Port: target.PortOf(l.Addr().String()), InsecureTLS: true}}.Session(executortest.Account{Name: "ann", Password: "Old-Pass-1x"}, "")
	s.ConnectTimeout = 200 * time.Millisecond
	if ok, err := redis.New().Verify(t.Context(), s, secret.New([]byte("x"))); ok || executortest.ClassOf(err) != executors.ClassTLS || !strings.Contains(err.Error(), "speak TLS") || !strings.Contains(err.Error(), "set-tls off") {
		t.Errorf("%v, %v", ok, err)
	}
}

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"":                  "line 1, column 1: expected at least one command, such as acl setuser",
		"eval x 0":          "line 1, column 1: unknown command eval; expected acl, config, ping, set-tls or end",
		"set-tls maybe":     "line 1, column 1: set-tls expects on or off",
		"ping\nset-tls off": "line 2, column 1: expected set-tls before the first command",
		"ping\nend\nping":   "line 3, column 1: expected nothing after end",
	} {
		if _, err := redis.New().Compile(src); err == nil || err.Error() != want {
			t.Errorf("%q: %v\nwant %s", src, err, want)
		}
	}
}

// TestAnswersWithoutTLS: a server that says in its own words that this is no greeting is told alike, with what connects to it.
func TestAnswersWithoutTLS(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = c.Read(make([]byte, 1024))
		_, _ = io.WriteString(c, "-ERR Protocol error: unbalanced quotes in request\r\n")
	}()
	s := executortest.Kit{Target: model.Endpoint{Address: "127.0.0.1", Port: target.PortOf(l.Addr().String()), InsecureTLS: true}}.Session(executortest.Account{Name: "ann", Password: "Old-Pass-1x"}, "")
	if ok, err := redis.New().Verify(t.Context(), s, secret.New([]byte("x"))); ok || executortest.ClassOf(err) != executors.ClassTLS || !strings.Contains(err.Error(), "set-tls off") {
		t.Errorf("%v, %v", ok, err)
	}
}
