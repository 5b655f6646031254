package executors_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"cofre/executors"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// standing is a session that counts what was done with it.
type standing struct {
	broken          bool
	restored, ended int
}

func (s *standing) Restore(context.Context) error {
	s.restored++
	if s.broken {
		return errors.New("nobody is there")
	}
	return nil
}
func (s *standing) HangUp() { s.ended++ }

// login is what somebody shows.
type login struct {
	target                 model.Endpoint
	name                   model.ExecutorName
	user, password, opened string
}

// in logs in; made is nil if an older session served.
func (l login) in(t *testing.T, store *executors.Sessions) (b executors.Borrowed[*standing], made *standing) {
	t.Helper()
	s := executors.Session{Sessions: store, Target: l.target}
	b, err := executors.LogIn(t.Context(), s, l.name, secret.New([]byte(l.user)), secret.New([]byte(l.password)), l.opened, func() (*standing, error) {
		made = &standing{}
		return made, nil
	})
	if err != nil || b.Reused != (made == nil) {
		t.Errorf("%v, reused %t, made %v", err, b.Reused, made)
	}
	return b, made
}

var boss = login{model.Endpoint{Address: "db1", CA: "ca"}, "postgres", "boss", "Right-1", "postgres"}

func TestSessionsStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := executors.NewSessions(executors.SessionIdle)
		first, made := boss.in(t, store)
		if _, second := boss.in(t, store); second == nil {
			t.Error("a session in use was given away")
		}
		first.Return(nil)
		for name, l := range map[string]login{
			"password": {boss.target, boss.name, boss.user, "Wrong-1", boss.opened},
			"user":     {boss.target, boss.name, "other", boss.password, boss.opened},
			"shifted":  {boss.target, boss.name, "bossR", "ight-1", boss.opened},
			"database": {boss.target, boss.name, boss.user, boss.password, "shop"},
			"executor": {boss.target, "mysql", boss.user, boss.password, boss.opened},
			"address":  {model.Endpoint{Address: "db2", CA: "ca"}, boss.name, boss.user, boss.password, boss.opened},
			"no check": {model.Endpoint{Address: "db1", CA: "ca", InsecureTLS: true}, boss.name, boss.user, boss.password, boss.opened},
			"host key": {model.Endpoint{Address: "db1", CA: "ca", HostKeys: []model.HostKey{{Fingerprint: "SHA256:x"}}}, boss.name, boss.user, boss.password, boss.opened},
		} {
			if b, _ := l.in(t, store); b.Reused {
				t.Errorf("another %s got the session", name)
			}
		}
		again, fresh := boss.in(t, store)
		if fresh != nil || again.Conn != made || made.restored != 1 {
			t.Errorf("the session did not serve again: %+v", made)
		}

		again.Return(errors.New("the attempt failed"))
		if made.ended != 1 {
			t.Error("a session in which something went wrong stayed")
		}
		if _, fresh = boss.in(t, store); fresh == nil {
			t.Error("it was given to somebody")
		}
	})
}

func TestSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := executors.NewSessions(executors.SessionIdle)
		b, made := boss.in(t, store)
		b.Return(nil)
		time.Sleep(executors.SessionIdle + time.Millisecond)
		if synctest.Wait(); made.ended != 1 {
			t.Error("it waited for longer than it may")
		}

		b, made = boss.in(t, store)
		uses := 0
		for start := time.Now(); time.Since(start) < 2*executors.SessionLife; uses++ {
			b.Return(nil)
			time.Sleep(executors.SessionIdle / 2)
			var next *standing
			if b, next = boss.in(t, store); next != nil {
				break
			}
		}
		synctest.Wait()
		if want := int(executors.SessionLife / (executors.SessionIdle / 2)); uses > want || uses < want-1 || made.ended != 1 {
			t.Errorf("it served %d times, ended %d times", uses, made.ended)
		}
		b.Return(errors.New("the attempt failed"))

		var all []*standing
		var out []executors.Borrowed[*standing]
		for range executors.SessionSpare + 1 {
			b, made := boss.in(t, store)
			out, all = append(out, b), append(all, made)
		}
		for _, b := range out {
			b.Return(nil)
		}
		ended := 0
		synctest.Wait()
		for _, s := range all {
			ended += s.ended
		}
		if ended != 1 {
			t.Errorf("%d ended at once of %d", ended, len(all))
		}
		store.Close()
		for _, s := range all {
			if s.ended != 1 {
				t.Error("a session outlived its store")
			}
		}
		b, made = boss.in(t, store)
		b.Return(nil)
		if synctest.Wait(); made.ended != 1 {
			t.Error("a closed store took a session")
		}
	})
}

func TestSessionsOfTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := executors.NewSessions(executors.SessionIdle)
		b, made := boss.in(t, store)
		made.broken = true
		b.Return(nil)
		if _, fresh := boss.in(t, store); fresh == nil || made.ended != 1 {
			t.Error("a connection that is dead was given to somebody")
		}
		b, err := executors.LogIn(t.Context(), executors.Session{Sessions: store}, "postgres", secret.Value{}, secret.Value{}, "", func() (*standing, error) { return nil, errors.New("refused") })
		if err == nil || b.Reused {
			t.Errorf("a refused login is told as %v", err)
		}
		none, err := executors.LogIn(t.Context(), executors.Session{}, "postgres", secret.Value{}, secret.Value{}, "", func() (*standing, error) { return &standing{}, nil })
		if err != nil {
			t.Fatal(err)
		}
		if none.Return(nil); none.Conn.ended != 1 {
			t.Error("without a store a session stayed")
		}
	})
}
