package mongo_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/mask"
	"cofre/executors/mongo"
	"cofre/vault/secret"
)

var (
	hostile = []string{`Aa1-"}, {"$where": "1"`, `Bb2-\u0022 \ $(x) '; %`, "Cc3 [#USERNAME#] 日本-ß", strings.Repeat("Long-7", 42)}
	unfit   = []string{"nul\x00-byte-1A", "not\xff-utf8-1A", "", "line\nbreak-1A", "ﬁ-ligature-1A"}
)

func kit(d *double, template int) executortest.Kit {
	return executortest.Kit{
		Executor: mongo.New(), Template: mongo.Catalogue()[template].Content, Target: d.endpoint(), Account: d.add, Login: d.login,
		Manager: &executortest.Account{Name: admin, Password: adminPassword}, Stays: true, Hostile: hostile, Unfit: unfit, Rejected: "short",
		Values: map[mask.Name]string{mask.AddInfo: shop},
	}
}

func TestUpdateUserOnDouble(t *testing.T) {
	t.Parallel()
	executortest.Exercise(t, kit(serve(t), 0))
}

func TestUpdateOwnUserOnDouble(t *testing.T) {
	t.Parallel()
	k := kit(serve(t), 0)
	k.Manager = nil
	acc := k.Account(t)
	for _, fresh := range hostile {
		if outcome, err := k.Once(t, acc, fresh); outcome != executors.Applied {
			t.Errorf("%q: %s, %v", fresh, outcome, err)
		}
		acc.Password = fresh
	}
}

// TestManagerOfTheSameNameOnDouble: admin's root and shop's root are two; each logs in where it is known.
func TestManagerOfTheSameNameOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t)
	acc := executortest.Account{Name: admin, Password: executortest.Fresh()}
	d.mu.Lock()
	d.users[shop+"."+admin] = acc.Password
	d.mu.Unlock()
	k, fresh := kit(d, 0), executortest.Fresh()
	if outcome, err := k.Once(t, acc, fresh); outcome != executors.Applied {
		t.Errorf("%s, %v", outcome, err)
	}
	p, err := mongo.New().Compile(k.Template)
	if err != nil {
		t.Fatal(err)
	}
	account, _ := executors.VerifierOf(mongo.New(), p)
	for password, whose := range map[string]executors.Verifier{fresh: account, adminPassword: p.(executors.ManagerVerifier).ManagerVerifier()} {
		if in, err := whose.Verify(t.Context(), k.Session(acc, ""), secret.New([]byte(password))); !in || err != nil {
			t.Errorf("%T: %t, %v", whose, in, err)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.users["admin."+admin] != adminPassword {
		t.Error("the manager's own password was changed")
	}
}

func TestUsersComeAndGoOnDouble(t *testing.T) {
	t.Parallel()
	executortest.Live(t, kit(serve(t), 0), executortest.Life{Create: mongo.Catalogue()[1].Content, Remove: mongo.Catalogue()[2].Content, Additional: shop, Hostile: hostile})
}

// TestAccountsOnDouble: the users of the template's database are listed, those of admin without one; a user that may not see others is refused.
func TestAccountsOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t)
	k, acc := kit(d, 2), d.add(t)
	d.mu.Lock()
	for _, n := range []string{"shop.app_1", "shop.APP_2", "shop.apple", "admin.app_3"} {
		d.users[n] = "Some-pass-1"
	}
	d.users["admin."+acc.Name] = acc.Password
	d.mu.Unlock()
	p, err := mongo.New().Compile(k.Template)
	if err != nil {
		t.Fatal(err)
	}
	session := k.Session(*k.Manager, "")
	for of, want := range map[executors.Executor]string{nil: "[APP_2 app_1]", mongo.New(): "[app_3]"} {
		var program executors.Program
		if of == nil {
			program = p
		}
		l, _ := executors.ListerOf(mongo.New(), program)
		names, more, err := l.Accounts(t.Context(), session, "app_")
		if slices.Sort(names); err != nil || more || fmt.Sprint(names) != want {
			t.Errorf("%v, %t, %v; want %s", names, more, err, want)
		}
	}
	k.Manager = nil
	if _, _, err := mongo.New().Accounts(t.Context(), k.Session(acc, ""), "app_"); executortest.ClassOf(err) != executors.ClassPolicy {
		t.Error(err)
	}
}

// TestServersThatCannotOnDouble: a secondary, a set that does not confirm, an unknown certificate, two commands of which the second is refused.
func TestServersThatCannotOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t)
	k, acc := kit(d, 0), d.add(t)
	set := func(f func()) {
		d.mu.Lock()
		defer d.mu.Unlock()
		f()
	}
	set(func() { d.secondary = true })
	if outcome, err := k.Once(t, acc, executortest.Fresh()); outcome != executors.NotStarted || !strings.Contains(err.Error(), "not the primary") {
		t.Errorf("a secondary: %s, %v", outcome, err)
	}
	set(func() { d.secondary, d.pending = false, true })
	if outcome, err := k.Once(t, acc, executortest.Fresh()); outcome != executors.Uncertain {
		t.Errorf("not confirmed by the set: %s, %v", outcome, err)
	}
	set(func() { d.pending = false })
	k.Template += `{"updateUser": "nobody", "pwd": "[#NEW_PASSWORD#]"}`
	if outcome, err := k.Once(t, acc, executortest.Fresh()); outcome != executors.Uncertain || !strings.Contains(err.Error(), "code 11") {
		t.Errorf("the second command is refused: %s, %v", outcome, err)
	}
	k.Target.CA = ""
	if in, err := mongo.New().Verify(t.Context(), k.Session(acc, ""), secret.New([]byte(acc.Password))); in || executortest.ClassOf(err) != executors.ClassTLS {
		t.Errorf("an unknown certificate: %t, %v", in, err)
	}
}

// TestAnswersOnDouble: only codes of the closed list mean that nothing was done.
func TestAnswersOnDouble(t *testing.T) {
	t.Parallel()
	for code, want := range map[int32]executors.Outcome{
		2: executors.Rejected, 9: executors.Rejected, 11: executors.Rejected, 13: executors.Rejected, 18: executors.Rejected, 31: executors.Rejected, 59: executors.Rejected,
		10107: executors.Rejected, 13435: executors.Rejected, 51003: executors.Rejected,
		1: executors.Uncertain, 50: executors.Uncertain, 64: executors.Uncertain, 89: executors.Uncertain, 91: executors.Uncertain, 189: executors.Uncertain, 11600: executors.Uncertain, 11602: executors.Uncertain,
	} {
		d := serve(t)
		d.odd = code
		k := kit(d, 0)
		if outcome, err := k.Once(t, d.add(t), executortest.Fresh()); outcome != want {
			t.Errorf("%d: %s, %v; want %s", code, outcome, err, want)
		}
	}
}

// TestLoginsThatCannotBeToldOnDouble: one code says that a login is wrong. A server that does not prove that it knows the password, wants
// too much or too little hashing, or answers something else, has said nothing about it. What is wrong
// before anybody is named counts for nobody.
func TestLoginsThatCannotBeToldOnDouble(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		is     func(*double)
		class  executors.Class // "": the password is wrong
		spared bool
	}{
		"a wrong login":                 {func(d *double) { d.oddLogin = 18 }, "", false},
		"a server that is going down":   {func(d *double) { d.oddLogin = 91 }, executors.ClassProtocol, true},
		"no right":                      {func(d *double) { d.oddLogin = 13 }, executors.ClassPolicy, true},
		"it lets everybody in":          {func(d *double) { d.pretends = true }, executors.ClassProtocol, false},
		"it asks for no proof":          {func(d *double) { d.hasty = true }, executors.ClassProtocol, false},
		"hashing without end":           {func(d *double) { d.rounds = 1<<20 + 1 }, executors.ClassProtocol, false},
		"hashing that hides nothing":    {func(d *double) { d.rounds = 1 }, executors.ClassProtocol, false},
		"an answer to something else":   {func(d *double) { d.other = true }, executors.ClassProtocol, true},
		"an answer of a gigabyte":       {func(d *double) { d.size = 1 << 30 }, executors.ClassProtocol, true},
		"an answer shorter than itself": {func(d *double) { d.size = 12 }, executors.ClassProtocol, true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			d := serve(t)
			c.is(d)
			k, acc := kit(d, 0), d.add(t)
			p, err := mongo.New().Compile(k.Template)
			if err != nil {
				t.Fatal(err)
			}
			v, _ := executors.VerifierOf(mongo.New(), p)
			in, err := v.Verify(t.Context(), k.Session(acc, ""), secret.New([]byte(acc.Password)))
			if in || executortest.ClassOf(err) != c.class || executors.IsSpared(err) != c.spared {
				t.Errorf("%t, spared %t: %v", in, executors.IsSpared(err), err)
			}
			if outcome, err := p.Run(t.Context(), k.Session(acc, "New-Pass-2y")); outcome != executors.NotStarted || executors.IsSpared(err) != c.spared {
				t.Errorf("of the manager: %s, spared %t: %v", outcome, executors.IsSpared(err), err)
			}
		})
	}
}

func TestCompile(t *testing.T) {
	t.Parallel()
	const expected = `expected use with a database, or a command as one JSON document, such as {"updateUser": "[#USERNAME#]", "pwd": "[#NEW_PASSWORD#]"}, with tags inside of strings`
	for src, want := range map[string]string{
		"":                               "line 1, column 1: expected at least one command",
		"# x\nuse shop":                  "line 1, column 1: expected at least one command",
		"db.changeUserPassword(1)":       "line 1, column 1: " + expected,
		`{"updateUser": [#USERNAME#]}`:   "line 1, column 1: " + expected,
		"{}":                             "line 1, column 1: " + expected,
		`{"[#USERNAME#]": 1}`:            "line 1, column 1: expected every tag inside of a string that is a value, not a name",
		"use [#NEW_PASSWORD#]":           "line 1, column 1: expected use with the name of a database",
		`{"updateUser": "[#USERNAME ]"}`: "line 1, column 17: expected #] after [#USERNAME",
	} {
		if _, err := mongo.New().Compile(src); err == nil || err.Error() != want {
			t.Errorf("%q: %v\nwant %s", src, err, want)
		}
	}
}
