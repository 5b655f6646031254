package runner_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/executors/runner"
	"cofre/executors/ssh"
	"cofre/fsm/chain"
	"cofre/fsm/credential"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/template"
	"cofre/vault/secret"
)

// narrow is an executor whose templates send new secrets where some symbols cannot stand.
type narrow struct {
	fake
	refused string
}

func (n narrow) Compile(string) (executors.Program, error) { return n, nil }
func (n narrow) Masks() []mask.Name                        { return []mask.Name{mask.NewPassword} }
func (n narrow) Notices() []string                         { return nil }
func (n narrow) Run(ctx context.Context, s executors.Session) (executors.Outcome, error) {
	return n.run(ctx, s)
}

func (n narrow) Carries(v secret.Value) error {
	if strings.ContainsAny(text(v), n.refused) {
		return &executors.Failure{Class: executors.ClassTemplate, Msg: "a symbol that the place cannot carry"}
	}
	return nil
}

// TestNewSecretFitsTheTemplate: a password is made of symbols that the template carries, and one that was never sent and does not fit is
// not offered again: it would be refused for ever.
func TestNewSecretFitsTheTemplate(t *testing.T) {
	t.Parallel()
	const unfit = "Unfit!sent#Never1!23"
	for refused, fits := range map[string]bool{"!#&*": true, "!%@#&*": true, "!%@#^&*_": false} {
		h := open(t)
		first, token := h.grant() // it gets a password that does not fit, and does not reach the target
		must(h, operation.Begin, operation.BeginArgs{Operation: first, Token: token, Row: "old", Candidate: model.Sealed{Term: 1, Box: []byte(unfit)}})
		must(h, operation.Finish, operation.FinishArgs{Operation: first, Token: token, Outcome: model.OutcomeNotStarted, Class: "network"})
		h.leapt.Add(1000)
		must(h, operation.Grant, operation.GrantArgs{Operation: first, Node: "n1"})
		var offered string
		h.start(narrow{fake{run: func(_ context.Context, s executors.Session) (executors.Outcome, error) {
			v, err := s.Resolve(mask.NewPassword)
			if err != nil {
				return executors.NotStarted, err
			}
			offered = text(v)
			if strings.ContainsAny(offered, refused) {
				return executors.NotStarted, &executors.Failure{Class: executors.ClassTemplate, Msg: "it does not fit"}
			}
			return executors.Applied, nil
		}, verify: func(string) (bool, error) { return true, nil }}, refused})
		h.await(first, refused, func(o *model.Operation) bool { return o.Lease == nil })
		o := h.operation(first)
		switch {
		case fits && (o.State != model.OpSucceeded || offered == unfit || !strings.ContainsAny(offered, "!%@#^&*_")):
			t.Errorf("without %s: %s: %s: offered %q", refused, o.State, o.Message, offered)
		case !fits && (o.State != model.OpDead || offered != "" || !strings.Contains(o.Message, "a symbol that the place cannot carry") || len(h.credential().Versions) != 2):
			t.Errorf("no symbol is left: %s: %s: offered %q", o.State, o.Message, offered)
		}
	}
}

// quoted sends a new secret before a closing quote, which a backslash would swallow.
type quoted struct{}

func (quoted) Carries(v secret.Value) error {
	if strings.HasSuffix(text(v), `\`) {
		return errors.New("it swallows the quote")
	}
	return nil
}

// TestWhatCannotEndASecretIsLeftOut: one that ends so would be refused, and offered again for ever.
func TestWhatCannotEndASecretIsLeftOut(t *testing.T) {
	t.Parallel()
	for set, want := range map[string]string{`\_`: "_", "_#": "_#"} {
		s, err := runner.Fitting(model.Strength{Length: 12, Lower: 1, Symbols: 1, Set: set}, []executors.Carrier{quoted{}})
		if err != nil || s.Set != want {
			t.Errorf("%q, %v", s.Set, err)
		}
	}
	if _, err := runner.Fitting(model.Strength{Length: 12, Lower: 1, Symbols: 1, Set: `\`}, []executors.Carrier{quoted{}}); err == nil {
		t.Error("no symbol is left")
	}
}

// several is an executor of which one template carries less than the others.
type several struct{ narrow }

func (s several) Compile(source string) (executors.Program, error) {
	if !strings.Contains(source, "narrow") {
		return narrow{s.fake, ""}, nil
	}
	return s.narrow, nil
}

// TestNewSecretFitsTheHeirs: what a child, or a child's child, cannot be sent is not made for the parent.
func TestNewSecretFitsTheHeirs(t *testing.T) {
	t.Parallel()
	const refused = "!%@#&*"
	h := open(t)
	must(h, template.Seed, template.SeedArgs{Templates: []template.PutArgs{{Name: "narrow", Executor: "ssh", Kind: model.TemplateChange, Content: "exec \"narrow\""}}})
	parent, device, tpl := h.credential().ID, h.credential().Device, h.credential().Execution.ChangeTemplate
	for _, name := range []string{"child", "grandchild"} {
		parent = put(h, credential.PutArgs{Identifier: name, Device: device, Username: &name, Parent: &parent, Execution: &credential.ExecutionPatch{ChangeTemplate: &tpl}})
		tpl = model.TemplateID(model.DeriveID("catalogue", "ssh", "narrow"))
	}
	var offered string
	id, _ := h.grant()
	h.start(several{narrow{fake{run: func(_ context.Context, s executors.Session) (executors.Outcome, error) {
		v, err := s.Resolve(mask.NewPassword)
		offered = text(v)
		return executors.Applied, err
	}, verify: func(string) (bool, error) { return true, nil }}, refused}})
	h.await(id, "changed", in(model.OpSucceeded))
	if offered == "" || strings.ContainsAny(offered, refused) || !strings.ContainsAny(offered, "^_") {
		t.Errorf("offered %q", offered)
	}
}

// elsewhere is an executor of another name.
type elsewhere struct{ narrow }

func (elsewhere) Name() model.ExecutorName { return "telnet" }

// TestNewSecretFitsOtherExecutors: what the executor of a child, of a member of the run, or of a member's child cannot send is made for none.
func TestNewSecretFitsOtherExecutors(t *testing.T) {
	t.Parallel()
	const refused = "!%@#&*"
	for _, c := range []struct {
		name          string
		chain, child_ bool // the other one is a member of the run; a child, or a child of that member
	}{{"alone", false, false}, {"a child", false, true}, {"a member", true, false}, {"a member's child", true, true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			must(h, template.Seed, template.SeedArgs{Templates: []template.PutArgs{{Name: "other", Executor: "telnet", Kind: model.TemplateChange, Content: "exec \"x\""}}})
			own := h.credential()
			add := func(name string, parent model.CredentialID, tpl model.TemplateID) model.CredentialID {
				var of *model.CredentialID
				if parent != "" {
					of = &parent
				}
				return put(h, credential.PutArgs{Identifier: name, Device: own.Device, Username: &name, Parent: of, Execution: &credential.ExecutionPatch{ChangeTemplate: &tpl},
					Secret: &credential.NewSecret{Row: "r" + name, Secret: model.Sealed{Term: 1, Box: []byte("Old-pass-1")}}})
			}
			other := model.TemplateID(model.DeriveID("catalogue", "telnet", "other"))
			var id model.OperationID
			switch {
			case c.chain:
				member := add("member", "", map[bool]model.TemplateID{true: own.Execution.ChangeTemplate, false: other}[c.child_])
				if c.child_ {
					add("heir", member, other)
				}
				ch := as(h, chain.Put, chain.PutArgs{Chain: model.Chain{Name: "both", Enabled: true, Script: fmt.Sprintf("change cred %d\nchange cred %d", own.Number, h.numbered(member).Number)}})
				as(h, chain.Run, chain.RunArgs{Chain: ch.ID})
				v := h.m.View()
				for o := range state.Operations.By(v, "target", string(own.ID)) {
					id = o.ID
				}
				v.Close()
				must(h, operation.Grant, operation.GrantArgs{Operation: id, Node: "n1"})
			default:
				if c.child_ {
					add("heir", own.ID, other)
				}
				id, _ = h.grant()
			}
			var offered string
			base := fake{run: func(_ context.Context, s executors.Session) (executors.Outcome, error) {
				v, err := s.Resolve(mask.NewPassword)
				offered = text(v)
				return executors.Applied, err
			}, verify: func(string) (bool, error) { return true, nil }}
			h.start(base, elsewhere{narrow{base, refused}})
			h.await(id, c.name, in(model.OpSucceeded))
			others := c.chain || c.child_
			if offered == "" || others && strings.ContainsAny(offered, refused) || !others && !strings.ContainsAny(offered, refused+"^_") {
				t.Errorf("offered %q", offered)
			}
		})
	}
}

// TestCommandLinesSayWhatTheyCarry: that of a switch, as real templates write it, and the answer to a prompt.
func TestCommandLinesSayWhatTheyCarry(t *testing.T) {
	t.Parallel()
	for source, refused := range map[string]string{
		"expect \"#\"\nexec \"username [#USERNAME#] secret [#NEW_PASSWORD#]\"\nexpect \"#\"": "!#&*",
		"expect \"#\"\nexec \"set '[#NEW_PASSWORD#]'\"\nexpect \"#\"":                        "",
		"expect \"#\"\nexec \"echo \\\"[#PASSWORD#]\\\"\"\nexpect \"#\"":                     "!",
		"expect \":\"\nexec \"[#NEW_PASSWORD#]\"\nexpect \"#\"":                              "",
	} {
		p, err := ssh.New().Compile(source)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, c := range "!%@#^&*_" {
			err := p.(executors.Carrier).Carries(secret.New([]byte("x" + string(c))))
			var f *executors.Failure
			if err == nil {
				continue
			}
			if got += string(c); !errors.As(err, &f) || f.Class != executors.ClassTemplate || f.Line != 2 {
				t.Errorf("%s: %v", source, err)
			}
		}
		if got != refused {
			t.Errorf("%s: refuses %q, want %q", source, got, refused)
		}
	}
}
