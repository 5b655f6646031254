package executortest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
)

// liar is an executor with one defect; the kit must find it.
type liar struct {
	target  map[string]string
	changes bool
	outcome executors.Outcome
	err     func(secrets string) error
	step    string
	mute    bool // nobody is told that AUTH_USER is in
	blank   bool // no step tells what was done
}

func (*liar) Name() model.ExecutorName                    { return "liar" }
func (l *liar) Compile(string) (executors.Program, error) { return l, nil }
func (*liar) Masks() []mask.Name                          { return nil }
func (*liar) Notices() []string                           { return nil }
func (l *liar) Run(_ context.Context, s executors.Session) (executors.Outcome, error) {
	text := func(n mask.Name) (out string) {
		v, err := s.Resolve(n)
		if err == nil {
			_ = v.Reveal(func(b []byte) error { out = string(b); return nil })
		}
		return out
	}
	fresh := text(mask.NewPassword)
	if l.changes {
		l.target[text(mask.Username)] = fresh
	}
	if !l.mute {
		s.Entered()
	}
	if !l.blank {
		s.Trace.Step(model.Step{Line: 1, Text: strings.ReplaceAll(l.step, "SECRET", fresh)})
	}
	return l.outcome, l.err(fresh)
}

// ear is a test that only listens for errors.
type ear struct {
	testing.TB
	heard []string
}

func (e *ear) Helper() {}
func (e *ear) Errorf(format string, args ...any) {
	e.heard = append(e.heard, fmt.Sprintf(format, args...))
}

// TestKitFindsLiars is the positive control of the kit.
func TestKitFindsLiars(t *testing.T) {
	t.Parallel()
	fine := func(string) error { return nil }
	stopped := func(string) error { return &executors.Failure{Class: executors.ClassNetwork, Msg: "lost"} }
	for _, c := range []struct {
		name string
		liar liar
		want string // "": the kit must be content
	}{
		{"honest change", liar{changes: true, outcome: executors.Applied, err: fine}, ""},
		{"honest failure", liar{outcome: executors.NotStarted, err: stopped}, ""},
		{"honest doubt", liar{changes: true, outcome: executors.Uncertain, err: stopped}, ""},
		{"applied, but not", liar{outcome: executors.Applied, err: fine}, "the new password does not log in"},
		{"not started, but changed", liar{changes: true, outcome: executors.NotStarted, err: stopped}, "the old password does not log in"},
		{"rejected, but changed", liar{changes: true, outcome: executors.Rejected, err: stopped}, "the old password does not log in"},
		{"applied with an error", liar{changes: true, outcome: executors.Applied, err: stopped}, "outcome applied with error"},
		{"the login is not told", liar{changes: true, outcome: executors.Applied, err: fine, mute: true}, "nobody was told that AUTH_USER is in"},
		{"no step is told", liar{changes: true, outcome: executors.Applied, err: fine, blank: true}, "no step of the transcript names a line"},
		{"foreign error", liar{outcome: executors.NotStarted, err: func(string) error { return errors.New("x") }}, "no complete Failure"},
		{"secret in the error", liar{outcome: executors.NotStarted, err: func(s string) error {
			return &executors.Failure{Class: executors.ClassNetwork, Msg: "x" + s}
		}}, "shows as text"},
		{"start of the secret", liar{outcome: executors.NotStarted, err: func(s string) error {
			return &executors.Failure{Class: executors.ClassNetwork, Msg: strings.ToUpper(s[:8])}
		}}, "shows as text"},
		{"base64 of the secret", liar{outcome: executors.NotStarted, err: func(s string) error {
			return &executors.Failure{Class: executors.ClassNetwork, Msg: base64.StdEncoding.EncodeToString([]byte("u:" + s))}
		}}, "shows as base64"},
		{"secret in the transcript", liar{outcome: executors.NotStarted, err: stopped, step: "exec SECRET"}, "shows as text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.liar.target = map[string]string{"ann": "Old-Pass-1x"}
			k := Kit{Executor: &c.liar, Login: func(name, password string) (bool, error) { return c.liar.target[name] == password, nil }}
			e, acc, fresh := &ear{TB: t}, Account{"ann", "Old-Pass-1x"}, Fresh()
			a := k.change(t.Context(), e, acc, fresh, &wire{}, nil)
			k.inForce(e, c.name, a, acc, fresh)
			heard := strings.Join(e.heard, "; ")
			if c.want == "" && heard != "" || !strings.Contains(heard, c.want) {
				t.Errorf("the kit said %q, want %q", heard, c.want)
			}
		})
	}
}

func TestLeakFindsForms(t *testing.T) {
	t.Parallel()
	const s = "pa'ss\"wörd-17"
	for _, shown := range []string{"x" + s, `"pa'ss\"wörd-17"`, "pa%27ss%22w%C3%B6rd-17", "7061277373227", base64.StdEncoding.EncodeToString([]byte("user:" + s))} {
		if Leak("before "+shown+" after", s) == "" {
			t.Errorf("%q was not found", shown)
		}
	}
	if form := Leak("nothing to see: password, postgres, [#NEW_PASSWORD#]", s); form != "" {
		t.Errorf("found %s in innocent text", form)
	}
}

// TestIdleTemplatesAreFound: what ran twice in one go ran, and what only looks like another did not.
func TestIdleTemplatesAreFound(t *testing.T) {
	t.Parallel()
	Ran("exec idle-1\nexec idle-1\nend\n")
	got := idle([]executors.CatalogueEntry{{Name: "twice", Content: "exec idle-1\nend\n"}, {Name: "never", Content: "exec idle-2\nend\n"}})
	if fmt.Sprint(got) != "[never]" {
		t.Errorf("idle: %q", got)
	}
}
