package redis_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/redis"
)

// TestHashIsNotTold: a server that refuses a rule tells it back, and the rule holds the hash of a password. Whoever has that can guess.
func TestHashIsNotTold(t *testing.T) {
	t.Parallel()
	k := kit(target.Redis(t))
	k.Template = "acl setuser [#USERNAME#] <[#NEW_PASSWORD#]"
	fresh := executortest.Fresh()
	outcome, err := k.Once(t, k.Account(t), fresh)
	sum := sha256.Sum256([]byte(fresh))
	if outcome != executors.Rejected || !strings.Contains(err.Error(), "you are trying to remove") || executortest.Leak(err.Error(), hex.EncodeToString(sum[:])) != "" {
		t.Errorf("%s: %v", outcome, err)
	}
}

// TestSessionsAreOfOneWay: a session without TLS serves no template that wants TLS, and the other way round, though both come to one port.
func TestSessionsAreOfOneWay(t *testing.T) {
	t.Parallel()
	s := target.Redis(t)
	k := kit(s)
	plain, encrypted := atomic.Int32{}, atomic.Int32{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() { // both ports behind one
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				first := make([]byte, 1)
				if _, err := io.ReadFull(c, first); err != nil {
					return
				}
				count, port := &plain, s.PlainPort()
				if first[0] == 0x16 {
					count, port = &encrypted, s.Port()
				}
				count.Add(1)
				to, err := net.DialTCP("tcp", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(port)})
				if err != nil {
					return
				}
				defer to.Close()
				_, _ = to.Write(first)
				go func() { _, _ = io.Copy(to, c); _ = to.CloseWrite() }()
				_, _ = io.Copy(c, to)
			}()
		}
	}()
	k.Target.Port, k.Target.InsecureTLS = target.PortOf(l.Addr().String()), true
	sessions := executors.NewSessions(time.Minute)
	defer sessions.Close()
	acc := k.Account(t)
	for _, template := range []string{k.Template, "set-tls off\n" + k.Template, k.Template, "set-tls off\n" + k.Template} {
		p, err := redis.New().Compile(template)
		if err != nil {
			t.Fatal(err)
		}
		with := k.Session(acc, executortest.Fresh())
		with.Sessions = sessions
		if outcome, err := p.Run(t.Context(), with); outcome != executors.Applied {
			t.Fatal(outcome, err)
		}
	}
	if p, e := plain.Load(), encrypted.Load(); p != 1 || e != 1 {
		t.Errorf("%d logins without TLS and %d with it, want one each", p, e)
	}
}
