package redis_test

import (
	"io"
	"net"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/redis"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// TestSparedLoginsDouble: there is one answer to a login that says that it is wrong.
func TestSparedLoginsDouble(t *testing.T) {
	t.Parallel()
	for answer, spared := range map[string]bool{
		"-ERR max number of clients reached\r\n":              true,
		"-LOADING Redis is loading the dataset in memory\r\n": true,
		"-DENIED Redis is running in protected mode\r\n":      true,
		"": false, // lost: nobody knows
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = c.Read(make([]byte, 1024))
				_, _ = io.WriteString(c, answer)
				_ = c.Close()
			}
		}()
		s := executortest.Kit{Target: model.Endpoint{Address: "127.0.0.1", Port: target.PortOf(l.Addr().String()), InsecureTLS: true}}.Session(executortest.Account{Name: "ann", Password: "Old-Pass-1x"}, "")
		s.ReadTimeout = 5 * time.Second
		p, err := redis.New().Compile("set-tls off\nping")
		if err != nil {
			t.Fatal(err)
		}
		v, _ := executors.VerifierOf(redis.New(), p)
		if ok, err := v.Verify(t.Context(), s, secret.New([]byte("x"))); ok || err == nil || executors.IsSpared(err) != spared {
			t.Errorf("%q: %v, spared %v: %v", answer, ok, executors.IsSpared(err), err)
		}
		_ = l.Close()
	}
}
