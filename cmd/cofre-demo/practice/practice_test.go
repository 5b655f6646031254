package practice_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"cofre/cmd/cofre-demo/practice"
	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/ssh"
	"cofre/fsm/model"
)

func start(t *testing.T) *practice.Server {
	t.Helper()
	s, err := practice.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func kit(s *practice.Server) executortest.Kit {
	var n atomic.Int32
	return executortest.Kit{
		Executor: ssh.New(), Template: ssh.Catalogue()[0].Content,
		Target: model.Endpoint{Hostname: "practice", Address: "127.0.0.1", Port: target.PortOf(s.Addr()), HostKeys: []model.HostKey{{Line: s.HostKeyLine()}}},
		Login:  func(name, password string) (bool, error) { return s.CheckPassword(name, password), nil },
		Account: func(testing.TB) executortest.Account {
			a := executortest.Account{Name: fmt.Sprintf("user%d", n.Add(1)), Password: "Old-Pass-1x"}
			s.AddAccount(a.Name, a.Password)
			return a
		},
		Hostile:  []string{`Aa1-'; exit; '`, "Bb2 [#USERNAME#] ", "#Cc3-ação", "-Dd4--$?"},
		Unfit:    []string{"line\nbreak-1A", "inter\x03rupt-1A", "era\x7fse-1A"},
		Rejected: "ab",
	}
}

// TestConformance is the kit that OpenSSH passes too.
func TestConformance(t *testing.T) {
	t.Parallel()
	executortest.Exercise(t, kit(start(t)))
}

func TestDelayLeavesTheOutcomeOpen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		before, after time.Duration
		changes       int
	}{{"before", time.Hour, 0, 0}, {"after", 0, time.Hour, 1}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.SetDelay(c.before, c.after)
			k := kit(s)
			a := k.Account(t)
			p, err := ssh.New().Compile("set-read-timeout 1\nexpect \"$\"\nexec passwd\nexpect \"Current password:\"\nexec [#CURRENT_PASSWORD#]\n" +
				"expect \"New password:\"\nexec [#NEW_PASSWORD#]\nexpect \"Retype\"\nexec [#NEW_PASSWORD#]\nexpect \"updated\"\n")
			if err != nil {
				t.Fatal(err)
			}
			fresh := executortest.Fresh()
			outcome, err := p.Run(context.Background(), k.Session(a, fresh))
			if outcome != executors.Uncertain || executortest.ClassOf(err) != executors.ClassTimeout {
				t.Errorf("%s, %v", outcome, err)
			}
			if s.Changes() != c.changes || s.CheckPassword(a.Name, fresh) != (c.changes == 1) {
				t.Errorf("%d changes, want %d", s.Changes(), c.changes)
			}
		})
	}
}
