package model_test

import (
	"testing"

	"cofre/fsm/model"
)

// TestFirstChange: the first change is asked for by somebody, or falls due once, at the moment that a profile said; it rests after a failure,
// and once a change has succeeded that moment means nothing any more.
func TestFirstChange(t *testing.T) {
	t.Parallel()
	p := model.Policy{Enabled: true, MaxAge: 100}
	for name, c := range map[string]struct {
		x             model.Execution
		rest, changed model.Time
		want          model.Time
	}{
		"nobody asked for it":       {model.Execution{Automatic: true}, 0, 0, 0},
		"somebody did":              {model.Execution{Automatic: true, Started: true}, 0, 50, 150},
		"not by itself":             {model.Execution{Started: true}, 0, 50, 0},
		"a profile says when":       {model.Execution{Automatic: true, FirstAt: 20}, 0, 0, 20},
		"it failed then":            {model.Execution{Automatic: true, FirstAt: 20}, 70, 0, 70},
		"it succeeded then":         {model.Execution{Automatic: true, FirstAt: 20, Started: true}, 0, 50, 150},
		"and it was the only one":   {model.Execution{FirstAt: 20, Started: true}, 0, 50, 0},
		"a later one failed lately": {model.Execution{Automatic: true, Started: true}, 400, 50, 400},
	} {
		got := p.NextRotation(&model.Credential{Enabled: true, Execution: c.x, RestUntil: c.rest, ChangedAt: c.changed})
		if got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestHeartbeats: an account that could only refuse the login is asked for none, and logins come in no waves.
func TestHeartbeats(t *testing.T) {
	t.Parallel()
	p := model.Policy{Enabled: true, VerifyEvery: 1000}
	open := model.Credential{ID: "a", Enabled: true, Execution: model.Execution{Executor: "ssh"}, VerifiedAt: 5, Versions: []model.SecretVersion{{N: 1, Role: model.RoleCurrent}}}
	for name, change := range map[string]func(*model.Credential){
		"disabled":          func(c *model.Credential) { c.Enabled = false },
		"without executor":  func(c *model.Credential) { c.Execution.Executor = "" },
		"without a secret":  func(c *model.Credential) { c.Versions = nil },
		"out of sync":       func(c *model.Credential) { c.Sync = model.SyncOutOfSync },
		"closed on its own": func(c *model.Credential) { c.JIT = &model.JIT{State: model.AccountClosed} },
	} {
		c := open
		if change(&c); p.NextVerify(&c) != 0 {
			t.Errorf("%s: %d", name, p.NextVerify(&c))
		}
	}
	at := map[model.Time]bool{}
	for _, id := range []model.CredentialID{"a", "b", "c", "d", "e", "f", "g", "h"} {
		c := open
		c.ID = id
		next := p.NextVerify(&c)
		if at[next] = true; next < 1005 || next > 1105 {
			t.Errorf("%s: %d", id, next)
		}
	}
	if len(at) < 4 {
		t.Errorf("they come at %v", at)
	}
	tested := open
	if tested.TestedAt = 500; p.NextVerify(&tested) < 1500 {
		t.Error("one that could not be told is asked again before its time")
	}
}
