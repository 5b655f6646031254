package sqlserver_test

import (
	"slices"
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/mask"
	"cofre/executors/sqlserver"
	"cofre/vault/secret"
)

var (
	hostile = []string{"Aa1-'; DROP LOGIN [sa]; --", `Bb2-"$(reboot)" ]] [x] %`, "Cc3 [#USERNAME#] ação-日本", "line\nbreak-1A\r\nGO", strings.Repeat("Long-7", 21)}
	unfit   = []string{"nul\x00-byte-1A", "not\xff-utf8-1A", strings.Repeat("long", 33), "clef-𝄞-1A", ""}
)

func template(t *testing.T, name string) string {
	t.Helper()
	for _, e := range sqlserver.Catalogue() {
		if e.Name == name {
			return e.Content
		}
	}
	t.Fatalf("no catalogue template %q", name)
	return ""
}

func TestAlterLoginOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t)
	executortest.Exercise(t, executortest.Kit{
		Executor: sqlserver.New(), Template: template(t, "SQL Server login"), Target: d.endpoint(), Account: d.add, Login: d.login,
		Manager: &executortest.Account{Name: admin, Password: adminPassword}, Hostile: hostile, Unfit: unfit, Rejected: "short",
	})
}

// TestLoginsComeAndGoOnDouble: dynamic users, as far as the double knows the two statements.
func TestLoginsComeAndGoOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t)
	executortest.Live(t, executortest.Kit{
		Executor: sqlserver.New(), Target: d.endpoint(), Login: d.login, Manager: &executortest.Account{Name: admin, Password: adminPassword},
	}, executortest.Life{Create: template(t, "SQL Server create login"), Remove: template(t, "SQL Server drop login"), Hostile: hostile})
}

// TestAccountsOnDouble: logins of a profile are listed; who would be shown only itself is told so, instead of none.
func TestAccountsOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t)
	plain, sees := d.add(t), d.add(t)
	d.mu.Lock()
	d.rights[sees.Name] = "VIEW ANY DEFINITION"
	for _, n := range []string{"app_1", "APP_2", "apple", "other"} {
		d.logins[n] = "Some-pass-1"
	}
	d.mu.Unlock()
	k := executortest.Kit{Target: d.endpoint()}
	for _, who := range []executortest.Account{{Name: admin, Password: adminPassword}, sees} {
		names, more, err := sqlserver.New().Accounts(t.Context(), k.Session(who, ""), "app_")
		if slices.Sort(names); err != nil || more || !slices.Equal(names, []string{"APP_2", "app_1"}) {
			t.Errorf("%s: %q, %t, %v", who.Name, names, more, err)
		}
	}
	if _, _, err := sqlserver.New().Accounts(t.Context(), k.Session(plain, ""), "app_"); executortest.ClassOf(err) != executors.ClassPolicy || !strings.Contains(err.Error(), "ALTER ANY LOGIN") {
		t.Error(err)
	}
}

func TestAlterOwnLoginOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t)
	executortest.Exercise(t, executortest.Kit{
		Executor: sqlserver.New(), Template: template(t, "SQL Server login, by itself"), Target: d.endpoint(), Account: d.add, Login: d.login,
		Hostile: hostile, Unfit: unfit, Rejected: "short",
	})
}

func TestUnlockOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t)
	k := executortest.Kit{Executor: sqlserver.New(), Template: template(t, "SQL Server login, unlocking it"), Target: d.endpoint(), Manager: &executortest.Account{Name: admin, Password: adminPassword}}
	acc, fresh := d.add(t), executortest.Fresh()
	if outcome, err := k.Once(t, acc, fresh); outcome != executors.Applied {
		t.Fatal(outcome, err)
	}
	if ok, _ := d.login(acc.Name, fresh); !ok || !strings.HasSuffix(strings.TrimSpace(d.seen[0]), "' UNLOCK") {
		t.Errorf("%v, %q", ok, d.seen)
	}
}

// TestLoginsThatCannotBeToldOnDouble: a locked, expired, closed or lost login is no statement about the password.
func TestLoginsThatCannotBeToldOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t)
	k := executortest.Kit{Target: d.endpoint()}
	for number, class := range map[int32]executors.Class{18470: executors.ClassAuth, 18486: executors.ClassAuth, 18487: executors.ClassAuth, 18488: executors.ClassAuth, 4060: executors.ClassAuth, -4060: executors.ClassAuth} {
		acc := d.add(t)
		d.mu.Lock()
		d.odd[acc.Name] = number
		d.mu.Unlock()
		if ok, err := sqlserver.New().Verify(t.Context(), k.Session(acc, ""), secret.New([]byte(acc.Password))); ok || executortest.ClassOf(err) != class || executortest.Leak(err.Error(), acc.Password) != "" {
			t.Errorf("%d: %v, %v", number, ok, err)
		}
		if ok, err := sqlserver.New().Verify(t.Context(), k.Session(acc, ""), secret.New([]byte("Proven-Pass-3z"))); ok || executortest.Leak(err.Error(), "Proven-Pass-3z") != "" {
			t.Errorf("%d: the secret that is proven shows: %v", number, err)
		}
	}
}

// TestAnswersOnDouble: an error is a no unless it is about the server's own state, or one after which nobody knows.
func TestAnswersOnDouble(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		number int32
		class  byte
		want   executors.Outcome
	}{
		{15151, 16, executors.Rejected}, {15116, 16, executors.Rejected}, {102, 15, executors.Rejected}, {297, 16, executors.Rejected},
		{701, 17, executors.Uncertain}, {9002, 17, executors.Uncertain}, {823, 24, executors.Uncertain}, {0, 20, executors.Uncertain},
		{596, 16, executors.Uncertain}, {1205, 13, executors.Uncertain}, {3980, 16, executors.Uncertain}, {3989, 16, executors.Uncertain}, {6005, 10, executors.Uncertain}, {6006, 14, executors.Uncertain},
	} {
		d := serve(t)
		d.answer = append(fault(c.number, c.class, "no"), done(2)...)
		k := executortest.Kit{Executor: sqlserver.New(), Template: template(t, "SQL Server login"), Target: d.endpoint(), Manager: &executortest.Account{Name: admin, Password: adminPassword}}
		if outcome, err := k.Once(t, d.add(t), executortest.Fresh()); outcome != c.want {
			t.Errorf("%d of class %d: %s, %v; want %s", c.number, c.class, outcome, err, c.want)
		}
	}
}

// TestNoLoginWithoutTLSOnDouble: a server without TLS is told no login, whatever the device allows.
func TestNoLoginWithoutTLSOnDouble(t *testing.T) {
	t.Parallel()
	for _, optOut := range []bool{false, true} {
		d := serve(t)
		d.bare = true
		e, acc := d.endpoint(), d.add(t)
		e.InsecureTLS = optOut
		ok, err := sqlserver.New().Verify(t.Context(), executortest.Kit{Target: e}.Session(acc, ""), secret.New([]byte(acc.Password)))
		if d.mu.Lock(); ok || executortest.ClassOf(err) != executors.ClassTLS || !strings.Contains(err.Error(), "offers no TLS") || d.told {
			t.Errorf("%v, %v; told %v", ok, err, d.told)
		}
		d.mu.Unlock()
	}
}

func TestCertificateIsVerifiedOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t)
	acc := d.add(t)
	e := d.endpoint()
	e.CA = ""
	if ok, err := sqlserver.New().Verify(t.Context(), executortest.Kit{Target: e}.Session(acc, ""), secret.New([]byte(acc.Password))); ok || executortest.ClassOf(err) != executors.ClassTLS {
		t.Errorf("%v, %v", ok, err)
	}
	e.InsecureTLS = true
	if ok, err := sqlserver.New().Verify(t.Context(), executortest.Kit{Target: e}.Session(acc, ""), secret.New([]byte(acc.Password))); !ok || err != nil {
		t.Errorf("with the opt-out: %v, %v", ok, err)
	}
}

// TestSeveralStatementsOnDouble: a refusal is worth something only for the first, and if it does one thing.
func TestSeveralStatementsOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t)
	const good, bad = "ALTER LOGIN [#USERNAME#] WITH PASSWORD = '[#NEW_PASSWORD#]'", "ALTER LOGIN nobody WITH PASSWORD = '[#NEW_PASSWORD#]'"
	for src, want := range map[string]executors.Outcome{
		good + ";":              executors.Applied,
		good + "\nGO\n" + good:  executors.Applied,
		good + ";" + bad:        executors.Uncertain,
		bad + ";" + good:        executors.Rejected,
		bad + "\nDROP LOGIN [x": executors.NotStarted,
		bad + "\nDROP LOGIN x":  executors.Uncertain,
	} {
		k := executortest.Kit{Executor: sqlserver.New(), Template: src, Target: d.endpoint(), Manager: &executortest.Account{Name: admin, Password: adminPassword}}
		if want == executors.NotStarted {
			if _, err := k.Executor.Compile(src); err == nil {
				t.Errorf("%s compiles", src)
			}
			continue
		}
		if outcome, err := k.Once(t, d.add(t), executortest.Fresh()); outcome != want {
			t.Errorf("%s: %s, %v; want %s", src, outcome, err, want)
		}
	}
}

// TestPlaces: every hole is written for its place.
func TestPlaces(t *testing.T) {
	t.Parallel()
	d := serve(t)
	k := executortest.Kit{Executor: sqlserver.New(), Target: d.endpoint(), Manager: &executortest.Account{Name: admin, Password: adminPassword}}
	for src, want := range map[string]string{
		"A [#USERNAME#] -- x\n B":                "A [o'b]]\"r]  B",
		"A [x [#USERNAME#] y]":                   "A [x o'b]]\"r y]",
		"A \"[#USERNAME#]\"":                     "A \"o'b]\"\"r\"",
		"A '[#USERNAME#]' /* it's */ N'x''' 'y'": "A N'o''b]\"r'  N'x''' N'y'",
		"A N'[#NEW_PASSWORD#] [#USERNAME#]'":     "A N'p''w o''b]\"r'",
	} {
		k.Template = src
		_, _ = k.Once(t, executortest.Account{Name: "o'b]\"r", Password: "unknown-1"}, "p'w")
		d.mu.Lock()
		if got := d.seen[len(d.seen)-1]; strings.ReplaceAll(got, "\n", "") != want {
			t.Errorf("%s became %q, want %q", src, got, want)
		}
		d.mu.Unlock()
	}
}

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		" ; -- nothing": "line 1, column 1: expected at least one statement",
		"ALTER LOGIN x\nWITH PASSWORD = [#NEW_PASSWORD#]": "line 2, column 17: expected [#NEW_PASSWORD#] inside single quotes: it is a value, not a name",
		"ALTER LOGIN x[#USERNAME#]":                       "line 1, column 14: expected a tag that stands alone as a name, or inside quotes",
		"ALTER LOGIN [#USERNAME#][#IP#]":                  "line 1, column 13: expected a tag that stands alone as a name, or inside quotes",
		"A 'x":                                            "line 1, column 3: expected a closing ' before the end",
		"A -- [#USERNAME#]":                               "line 1, column 6: a tag cannot stand in a comment",
		"A /* /* */":                                      "line 1, column 3: expected a comment that ends, without another one in it",
	} {
		if _, err := sqlserver.New().Compile(src); err == nil || err.Error() != want {
			t.Errorf("%q: %v\nwant %s", src, err, want)
		}
	}
	p, err := sqlserver.New().Compile(template(t, "SQL Server login"))
	if err != nil || len(p.Masks()) != 4 || p.Masks()[0] != mask.AuthUser {
		t.Errorf("%v, %v", p, err)
	}
}

// FuzzCompile: no template makes the compiler panic.
func FuzzCompile(f *testing.F) {
	for _, c := range sqlserver.Catalogue() {
		f.Add(c.Content)
	}
	f.Add("A [[#IP#]] '' \"\" /**/ N'\nGO\n")
	f.Fuzz(func(t *testing.T, src string) {
		if p, err := sqlserver.New().Compile(src); err == nil && p == nil {
			t.Fatal("no program and no error")
		}
	})
}
