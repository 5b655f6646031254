package executortest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/mask"
)

// hostiles are values that mean something to a shell, a quote, a query, a directory, a URL, a terminal or a parser of tags. A shell
// that runs a part of one leaves the file behind.
func hostiles(file string) []string {
	return []string{
		"Aa1-'single' \"double\" `touch " + file + "`",
		`Bb2-\back\\slash \n \x41 \`,
		"Cc3-line\ntouch " + file + "\n",
		"Dd4-carriage\rreturn",
		"Ee5-[#USERNAME#] [#NEW_PASSWORD#] [#",
		"Ff6-$(touch " + file + ") ${HOME} $IFS",
		"Gg7-%s%n %41 %PATH% 100%",
		"Hh8-nul\x00byte",
		"Ii9-ação-日本-😀",
		"Jj1-" + strings.Repeat("x7", 126), // 256 characters
		"Kk2-; touch " + file + " & | < > ( ) * ? ~ ! # /* --",
		"Ll3-*)(uid=*))(|(uid=*",
	}
}

// everywhere puts each hostile value into each place that a value has: the new password, the name, the login, and every other tag.
// It arrives unchanged, or the target refuses it, or it is refused before dialing; another account keeps its password, and nothing of
// it is run. A name or a login like that does not exist, so that nothing may be claimed to be done for it.
func (k Kit) everywhere(t *testing.T) {
	t.Parallel()
	k.spread(t)
}

func (k Kit) spread(t testing.TB) {
	t.Helper()
	p, err := k.Executor.Compile(k.Template)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "cofre-hostile-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil { // whoever runs a part of a value can leave the file
		t.Fatal(err)
	}
	acc, witness := k.Account(t), k.Account(t)
	arrived := 0
	for _, v := range hostiles(filepath.Join(dir, "ran")) {
		w := &wire{}
		a := k.change(t.Context(), t, acc, v, w, nil)
		switch {
		case a.outcome == executors.Applied:
			arrived++
		case a.outcome == executors.NotStarted && w.dials() == 0 && ClassOf(a.err) == executors.ClassTemplate:
		case a.outcome == executors.Rejected && ClassOf(a.err) == executors.ClassPolicy:
		default:
			t.Errorf("new password %.40q: %s, %v after %d dials", v, a.outcome, a.err, w.dials())
		}
		if k.inForce(t, fmt.Sprintf("new password %.40q", v), a, acc, v) {
			acc.Password = v
		} else if a.outcome == executors.Uncertain {
			acc = k.Account(t)
		}
		k.misplaced(t, p, acc, v)
		if in, err := k.Login(witness.Name, witness.Password); !in || err != nil {
			t.Errorf("%.40q: another account's password: %t, %v", v, in, err)
		}
		if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
			t.Errorf("%.40q: a part of it was run (%v)", v, err)
			return
		}
	}
	if arrived == 0 {
		t.Error("no hostile value arrived")
	}
}

// misplaced puts a hostile value where the target cannot know it.
func (k Kit) misplaced(t testing.TB, p executors.Program, acc Account, v string) {
	t.Helper()
	const other = "Other-Pass-1x"
	tried := func(where string, k Kit, a Account, login bool) {
		t.Helper()
		out := k.change(t.Context(), t, a, Fresh(), &wire{}, nil)
		if out.outcome == executors.Applied && !k.Makes || login && out.outcome != executors.NotStarted {
			t.Errorf("%s %.40q: %s, %v", where, v, out.outcome, out.err)
		}
	}
	if k.Manager == nil {
		tried("login's name", k, Account{v, other}, true)
		if acc.Password != v {
			tried("login's password", k, Account{acc.Name, v}, true)
		}
	} else {
		tried("name", k, Account{v, other}, false)
		for where, m := range map[string]Account{"login's name": {v, k.Manager.Password}, "login's password": {k.Manager.Name, v}} {
			k := k
			k.Manager = &m
			tried(where, k, Account{acc.Name, other}, true)
		}
	}
	known := []mask.Name{mask.Username, mask.NewPassword, mask.AuthUser, mask.AuthPassword, mask.CurrentPassword}
	for _, n := range p.Masks() {
		if slices.Contains(known, n) {
			continue
		}
		k, own := k, map[mask.Name]string{n: v}
		for m, other := range k.Values {
			if m != n {
				own[m] = other
			}
		}
		k.Values = own
		a := k.Account(t)
		out := k.change(t.Context(), t, a, Fresh()+rand.Text()[:4], &wire{}, nil)
		if out.outcome == executors.Uncertain && errors.As(out.err, new(*executors.Failure)) {
			continue
		}
		k.inForce(t, fmt.Sprintf("%s %.40q", n, v), out, a, out.secrets[1])
	}
}

// Hostile are the same values for an executor that the kit does not fit.
func Hostile() []string { return hostiles("/tmp/cofre-hostile") }
