package executortest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Exercise tries everything that the contract promises.
func Exercise(t *testing.T, k Kit) {
	t.Run("compile names an unknown tag", k.compile)
	t.Run("hostile values arrive unchanged", k.hostile)
	t.Run("hostile values in every place", k.everywhere)
	t.Run("unfit values are refused before dialing", k.unfit)
	t.Run("missing values are refused before dialing", k.missing)
	t.Run("nothing is sent without permission", k.permission)
	t.Run("failures before the change", k.early)
	t.Run("refusal by the target", k.rejected)
	t.Run("cuts", k.cuts)
	t.Run("a session that stays", k.stays)
	t.Run("cancel", k.cancel)
	t.Run("a silent target", k.silence)
	t.Run("another target", k.impostor)
}

func (k Kit) compile(t *testing.T) {
	t.Parallel()
	at := strings.Index(k.Template, mask.NewPassword.String())
	if at < 0 {
		t.Fatal("the template of a kit must use NEW_PASSWORD")
	}
	line := strings.Count(k.Template[:at], "\n") + 1
	column := at - strings.LastIndex(k.Template[:at], "\n")
	_, err := executors.Compile(k.Executor, model.TemplateChange, strings.Replace(k.Template, mask.NewPassword.String(), "[#NO_SUCH_TAG#]", 1))
	var e *mask.Error
	if !errors.As(err, &e) || e.Line != line || e.Column != column || !strings.Contains(e.Msg, "[#NO_SUCH_TAG#]") {
		t.Errorf("got %v, want line %d, column %d and the name of the tag", err, line, column)
	}
	p, err := k.Executor.Compile(k.Template)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(fmt.Sprint(p.Masks()), string(mask.NewPassword)) {
		t.Errorf("masks %v lack NEW_PASSWORD", p.Masks())
	}
}

func (k Kit) hostile(t *testing.T) {
	t.Parallel()
	acc := k.Account(t)
	verifier, verifies := k.verifier(t)
	for i, fresh := range append([]string{Fresh()}, k.Hostile...) {
		a := k.change(t.Context(), t, acc, fresh, &wire{}, nil)
		if a.outcome != executors.Applied {
			t.Errorf("%q: %s: %v", fresh, a.outcome, a.err)
			continue
		}
		k.inForce(t, fmt.Sprintf("%q", fresh), a, acc, fresh)
		if verifies {
			wrong := acc.Password
			if k.Lingers {
				wrong = "Wrong-pass-1"
			}
			for password, want := range map[string]bool{fresh: true, wrong: false} {
				if i > 0 && !want {
					continue // targets punish wrong passwords with seconds of silence: one such answer is enough
				}
				w := &wire{}
				ok, err := verifier.Verify(t.Context(), k.session(acc, "", w), value(password))
				if err != nil || ok != want {
					t.Errorf("verify %q: %v, %v; want %v", password, ok, err, want)
				}
				if w.dials() != 1 {
					t.Errorf("verify dialed %d times: one login must be one attempt", w.dials())
				}
			}
		}
		acc.Password = fresh
	}
}

// verifier is who proves secrets: the program if it can, else the executor, as in the runner.
func (k Kit) verifier(t testing.TB) (executors.Verifier, bool) {
	p, err := k.Executor.Compile(k.Template)
	if err != nil {
		t.Fatal(err)
	}
	return executors.VerifierOf(k.Executor, p)
}

// verifies is verifier for executors that must have one.
func (k Kit) verifies(t testing.TB) executors.Verifier {
	v, ok := k.verifier(t)
	if !ok {
		t.Fatal("the executor cannot prove a login")
	}
	return v
}

// using is the kit with another template.
func (k Kit) using(template string) Kit {
	k.Template = template
	return k
}

func (k Kit) unfit(t *testing.T) {
	t.Parallel()
	for _, fresh := range k.Unfit {
		w := &wire{}
		a := k.change(t.Context(), t, Account{"nobody-here", "Old-pass-1"}, fresh, w, nil)
		if a.outcome != executors.NotStarted || w.dials() != 0 || ClassOf(a.err) != executors.ClassTemplate {
			t.Errorf("%.40q: %s, %v, %d dials", fresh, a.outcome, a.err, w.dials())
		}
	}
}

func (k Kit) missing(t *testing.T) {
	t.Parallel()
	p, err := k.Executor.Compile(k.Template)
	if err != nil {
		t.Fatal(err)
	}
	for _, lost := range append(p.Masks(), mask.AuthUser, mask.AuthPassword) {
		w := &wire{}
		s := k.session(Account{"a", "b-current"}, Fresh(), w)
		all := s.Resolve
		s.Resolve = func(n mask.Name) (v secret.Value, err error) {
			if n == lost {
				return v, mask.ErrNoValue
			}
			return all(n)
		}
		outcome, err := p.Run(t.Context(), s)
		if outcome != executors.NotStarted || w.dials() != 0 || ClassOf(err) != executors.ClassTemplate || !strings.Contains(err.Error(), string(lost)) {
			t.Errorf("without %s: %s, %v, %d dials", lost, outcome, err, w.dials())
		}
	}
}

// permission refuses at each question of the executor in turn.
func (k Kit) permission(t *testing.T) {
	t.Parallel()
	acc := k.Account(t)
	for n := 0; ; n++ {
		fresh, w := Fresh(), &wire{}
		asked := 0
		a := k.change(t.Context(), t, acc, fresh, w, func(string) error {
			if asked++; asked > n {
				return errors.New("the lease is lost")
			}
			return nil
		})
		if asked <= n {
			if n < 2 || a.outcome != executors.Applied {
				t.Errorf("asked %d times, then %s: %v", asked, a.outcome, a.err)
			}
			return
		}
		if a.outcome == executors.Applied || ClassOf(a.err) != executors.ClassRefused {
			t.Errorf("refused at question %d: %s, %v", n+1, a.outcome, a.err)
		}
		if n == 0 && (w.dials() != 0 || a.outcome != executors.NotStarted) {
			t.Errorf("something was sent without permission: %d dials, %s", w.dials(), a.outcome)
		}
		if asked != n+1 {
			t.Errorf("went on after a refusal: asked %d times, refused at %d", asked, n+1)
		}
		if changed := k.inForce(t, fmt.Sprintf("refused at question %d", n+1), a, acc, fresh); changed || a.outcome == executors.Uncertain {
			acc = k.Account(t)
		}
	}
}

func (k Kit) early(t *testing.T) {
	t.Parallel()
	acc, fresh := k.Account(t), Fresh()
	wrong := k
	if k.Manager != nil {
		wrong.Manager = &Account{k.Manager.Name, "Wrong-pass-1"}
	}
	a := wrong.change(t.Context(), t, Account{acc.Name, "Wrong-pass-1"}, fresh, &wire{}, nil)
	if a.outcome != executors.NotStarted || ClassOf(a.err) != executors.ClassAuth || a.entered || executors.IsSpared(a.err) {
		t.Errorf("wrong authentication secret, which counts as a failing login: %s, %v, in: %t, spared: %t", a.outcome, a.err, a.entered, executors.IsSpared(a.err))
	}
	down := &wire{refuse: true}
	a = k.change(t.Context(), t, acc, fresh, down, nil)
	if a.outcome != executors.NotStarted || ClassOf(a.err) != executors.ClassNetwork {
		t.Errorf("target down: %s, %v", a.outcome, a.err)
	}
	k.inForce(t, "early", a, acc, fresh)
	a = k.change(t.Context(), t, acc, fresh, &wire{forbid: &executors.Failure{Class: executors.ClassRefused, Msg: "an egress rule"}}, nil)
	if a.outcome != executors.NotStarted || ClassOf(a.err) != executors.ClassRefused || !strings.Contains(a.err.Error(), "an egress rule") {
		t.Errorf("the dialer's own refusal is lost: %s, %v", a.outcome, a.err)
	}
	if v, ok := k.verifier(t); ok {
		if ok, err := v.Verify(t.Context(), k.session(acc, "", down), value(acc.Password)); ok || err == nil {
			t.Errorf("verify without a target said %v, %v", ok, err)
		}
		for n := 1; n <= 3; n++ {
			w := &wire{mode: cutBefore, at: n}
			if ok, err := v.Verify(t.Context(), k.session(acc, "", w), value(acc.Password)); !ok && err == nil {
				t.Errorf("verify cut at write %d called the right secret wrong", n)
			}
		}
	}
}

func (k Kit) rejected(t *testing.T) {
	t.Parallel()
	if k.Rejected == "" {
		return
	}
	acc := k.Account(t)
	a := k.change(t.Context(), t, acc, k.Rejected, &wire{}, nil)
	if a.outcome != executors.Rejected || ClassOf(a.err) != executors.ClassPolicy {
		t.Errorf("%s, %v", a.outcome, a.err)
	}
	k.inForce(t, "rejected", a, acc, k.Rejected)
}

// cuts loses the connection before, right after and in the answer to every write.
func (k Kit) cuts(t *testing.T) {
	t.Parallel()
	acc, fresh, clean := k.Account(t), Fresh(), &wire{}
	if a := k.change(t.Context(), t, acc, fresh, clean, nil); a.outcome != executors.Applied {
		t.Fatalf("without a cut: %s, %v", a.outcome, a.err)
	}
	type fault struct {
		mode cutMode
		at   int
	}
	var faults []fault
	for n := k.Opening + 1; n <= clean.writes(); n++ {
		if k.Framed && n%2 == 1 {
			continue
		}
		faults = append(faults, fault{cutBefore, n}, fault{cutAfter, n}, fault{cutAnswer, n}, fault{cutDeaf, n})
	}
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		seen    = map[executors.Outcome]int{}
		effects int // uncertain, and the target had changed
	)
	cut := func(acc Account, f fault, patience time.Duration) (used bool) {
		fresh := Fresh()
		name := fmt.Sprintf("cut %s write %d", f.mode, f.at)
		a := k.change(t.Context(), t, acc, fresh, &wire{mode: f.mode, at: f.at, quiet: patience}, nil)
		changed := k.inForce(t, name, a, acc, fresh)
		mu.Lock()
		defer mu.Unlock()
		seen[a.outcome]++
		if changed && a.outcome == executors.Uncertain {
			effects++
		}
		return changed || a.outcome == executors.Uncertain
	}
	work := make(chan fault)
	for range 6 {
		wg.Go(func() {
			acc, used := Account{}, true
			for f := range work {
				if used { // an account that provably kept its password serves again: making one is slow
					acc = k.Account(t)
				}
				used = cut(acc, f, quiet)
			}
		})
	}
	for _, f := range faults {
		work <- f
	}
	close(work)
	wg.Wait()
	// A terminal's hangup ends passwd before its effect; on a machine that is busy, a target may need more time than it was given.
	for n := clean.writes(); n > 0 && effects == 0; n-- {
		cut(k.Account(t), fault{cutDeaf, n}, 10*quiet)
	}
	if seen[executors.NotStarted] == 0 || seen[executors.Uncertain] == 0 || effects == 0 {
		t.Errorf("the cuts did not reach all phases: %v, %d of the uncertain ones had changed the target", seen, effects)
	}
	t.Logf("%d cuts over %d writes: %v, %d uncertain ones had changed the target", len(faults), clean.writes(), seen, effects)
}

// probe changes an account without a fault. It gives the account as it is then, and how many writes that took.
func (k Kit) probe(t *testing.T) (Account, int) {
	t.Helper()
	w := &wire{}
	acc, fresh := k.Account(t), Fresh()
	if a := k.change(t.Context(), t, acc, fresh, w, nil); a.outcome != executors.Applied {
		t.Fatalf("without a fault: %s, %v", a.outcome, a.err)
	}
	acc.Password = fresh
	return acc, w.writes()
}

// cancel ends the context while the target says nothing more.
func (k Kit) cancel(t *testing.T) {
	t.Parallel()
	acc, writes := k.probe(t)
	for _, at := range []int{1, writes / 2, max(writes-2, 1)} {
		ctx, cancel := context.WithCancel(t.Context())
		w := &wire{mode: stall, at: at, stalled: cancel}
		fresh := Fresh()
		done := make(chan attempt, 1)
		go func() { done <- k.change(ctx, t, acc, fresh, w, nil) }()
		select {
		case a := <-done:
			if a.outcome == executors.Applied {
				acc.Password = fresh // the stall came after the last answer
			} else if k.inForce(t, fmt.Sprintf("cancel at write %d", at), a, acc, fresh) {
				acc.Password = fresh
			}
		case <-time.After(10 * time.Second):
			t.Errorf("stalled at write %d: still running 10 s after the context ended", at)
			return
		}
		cancel()
	}
}
