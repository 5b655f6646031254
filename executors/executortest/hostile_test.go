package executortest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
)

// careless is an executor that does one thing wrong with the values that it is given.
type careless struct {
	target map[string]string
	wrong  func(target map[string]string, name, fresh string) (string, string)
}

func (*careless) Name() model.ExecutorName                    { return "careless" }
func (c *careless) Compile(string) (executors.Program, error) { return c, nil }
func (*careless) Masks() []mask.Name {
	return []mask.Name{mask.Username, mask.NewPassword, mask.AddInfo}
}
func (*careless) Notices() []string { return nil }
func (c *careless) Run(_ context.Context, s executors.Session) (executors.Outcome, error) {
	text := func(n mask.Name) (out string) {
		v, err := s.Resolve(n)
		if err == nil {
			_ = v.Reveal(func(b []byte) error { out = string(b); return nil })
		}
		return out
	}
	fail := func(class executors.Class) (executors.Outcome, error) {
		return executors.NotStarted, &executors.Failure{Class: class, Msg: "no"}
	}
	name, fresh := text(mask.Username), text(mask.NewPassword)
	if strings.Contains(fresh+name+text(mask.AddInfo), "\x00") {
		return fail(executors.ClassTemplate)
	}
	if c.target[text(mask.AuthUser)] != text(mask.AuthPassword) {
		return fail(executors.ClassAuth)
	}
	s.Entered()
	s.Trace.Step(model.Step{Line: 1, Text: "change"})
	if c.wrong != nil {
		name, fresh = c.wrong(c.target, name, fresh)
	}
	c.target[name] = fresh
	return executors.Applied, nil
}

// TestHostileFindsCarelessness is the positive control of the hostile values.
func TestHostileFindsCarelessness(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		wrong func(target map[string]string, name, fresh string) (string, string)
		want  string // "": the kit must be content
	}{
		{"careful", nil, ""},
		{"quotes are lost", func(_ map[string]string, name, fresh string) (string, string) {
			return name, strings.ReplaceAll(fresh, "'", "")
		}, "the new password does not log in"},
		{"a line is cut", func(_ map[string]string, name, fresh string) (string, string) {
			fresh, _, _ = strings.Cut(fresh, "\n")
			return name, fresh
		}, "the new password does not log in"},
		{"a long one is cut", func(_ map[string]string, name, fresh string) (string, string) {
			return name, fresh[:min(len(fresh), 128)]
		}, "the new password does not log in"},
		{"a shell sees it", func(_ map[string]string, name, fresh string) (string, string) {
			if _, file, ok := strings.Cut(fresh, "$(touch "); ok {
				file, _, _ = strings.Cut(file, ")")
				_ = os.WriteFile(file, nil, 0o600) // not written: the test says so
			}
			return name, fresh
		}, "a part of it was run"},
		{"a wildcard changes all", func(target map[string]string, name, fresh string) (string, string) {
			if strings.Contains(fresh, "*)") {
				for other := range target {
					target[other] = fresh
				}
			}
			return name, fresh
		}, "another account's password"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target, n := map[string]string{}, 0
			e := &ear{TB: t}
			Kit{Executor: &careless{target, c.wrong}, Makes: true, Login: func(name, password string) (bool, error) { return target[name] == password, nil },
				Account: func(testing.TB) Account {
					n++
					a := Account{fmt.Sprintf("user%d", n), Fresh()}
					target[a.Name] = a.Password
					return a
				}}.spread(e)
			heard := strings.Join(e.heard, "; ")
			if c.want == "" && heard != "" || !strings.Contains(heard, c.want) {
				t.Errorf("the kit said %q, want %q", heard, c.want)
			}
		})
	}
}
