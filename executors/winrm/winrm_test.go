package winrm_test

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/mask"
	"cofre/executors/winrm"
	"cofre/vault/secret"
)

var (
	hostile = []string{`Aa1'"; Remove-Item C:\ ; $(calc) ` + "`n", `Bb2 %PATH% ^& | <x> ]]> [nl] [#USERNAME#]`, "Cc3 ação-日本-😀", "line\nbreak-1A\r\n.", strings.Repeat("Long-7", 21)}
	unfit   = []string{"nul\x00-byte-1A", "not\xff-utf8-1A", "", strings.Repeat("Long-7", 22)}
)

func named(t *testing.T, name string) string {
	t.Helper()
	for _, e := range winrm.Catalogue() {
		if e.Name == name {
			return e.Content
		}
	}
	t.Fatalf("no catalogue template %q", name)
	return ""
}

func kit(d *double, template string) executortest.Kit {
	return executortest.Kit{
		Executor: winrm.New(), Template: template, Target: d.endpoint(), Account: d.add, Login: d.login,
		Manager: &executortest.Account{Name: admin, Password: adminPassword}, Hostile: hostile, Unfit: unfit, Rejected: "short",
	}
}

func TestPasswordOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t, false, "Negotiate", "Kerberos", "Basic realm=\"WSMAN\"")
	executortest.Exercise(t, kit(d, named(t, "Windows local user password (WinRM)")))
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, line := range d.lines { // the same for all: whatever a target logs of its command lines holds no value
		if line != d.lines[0] {
			t.Errorf("a command line differs: %q", line)
		}
	}
}

func TestOwnPasswordOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t, false, "Basic realm=\"WSMAN\"")
	// What !change-password runs: its one word holds no tag, and the kit wants one to break.
	k := kit(d, `powershell ([ADSI]"WinNT://./[#USERNAME#],user").ChangePassword("[#AUTH_PASSWORD#]", '[#NEW_PASSWORD#]')`)
	k.Manager = nil
	executortest.Exercise(t, k)
}

// TestChangePasswordOnDouble: the built-in change chooses by who logs in.
func TestChangePasswordOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t, false, "Negotiate")
	k := kit(d, named(t, "Windows local user password, by itself (WinRM)")+"!sleep 1\n!reload-password\npowershell Enable-LocalUser -Name [#USERNAME#]\n")
	acc, fresh := d.add(t), executortest.Fresh()
	if outcome, err := k.Once(t, acc, fresh); outcome != executors.NotStarted && outcome != executors.Uncertain || executortest.ClassOf(err) != executors.ClassAuth {
		t.Errorf("the manager does not have the new password: %s, %v", outcome, err)
	}
	if in, _ := d.login(acc.Name, fresh); !in {
		t.Error("the manager's way changed nothing")
	}
	acc.Password, k.Manager = fresh, nil
	k.Template = named(t, "Windows local user password, by itself (WinRM)")
	for _, fresh := range hostile {
		if outcome, err := k.Once(t, acc, fresh); outcome != executors.Applied {
			t.Errorf("%q: %s, %v", fresh, outcome, err)
		}
		if in, _ := d.login(acc.Name, fresh); !in {
			t.Errorf("%q does not log in", fresh)
		}
		acc.Password = fresh
	}
	if outcome, err := k.Once(t, acc, "short"); outcome != executors.Rejected || !strings.Contains(err.Error(), "the password policy refuses the new password") {
		t.Errorf("%s, %v", outcome, err)
	}
	for _, name := range []string{"a/b", "x,user", "a\nb"} {
		if outcome, err := k.Once(t, executortest.Account{Name: name, Password: "Old-pass-1"}, fresh); outcome != executors.NotStarted || executortest.ClassOf(err) != executors.ClassTemplate {
			t.Errorf("%q: %s, %v", name, outcome, err)
		}
	}
}

// TestNamesakeOnDouble: a domain's administrator is not the device's of the same name, and sets its password without knowing the old one.
func TestNamesakeOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t, false, "Negotiate")
	d.mu.Lock()
	d.users[`EXAMPLE\`+admin] = &user{password: "Domain-Pass-1x"}
	d.mu.Unlock()
	k := kit(d, named(t, "Windows local user password, by itself (WinRM)"))
	k.Manager.Password = "Domain-Pass-1x"
	k.Values = map[mask.Name]string{"DOMAIN": "SRV1", "AUTH_DOMAIN": "EXAMPLE"}
	fresh := executortest.Fresh()
	if outcome, err := k.Once(t, executortest.Account{Name: admin, Password: adminPassword}, fresh); outcome != executors.Applied {
		t.Errorf("%s, %v", outcome, err)
	}
	if in, _ := d.login(admin, fresh); !in {
		t.Error("the device's administrator has another password")
	}
}

// TestUsersComeAndGoOnDouble: dynamic users, users of sessions, and switching off and on.
func TestUsersComeAndGoOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t, false, "Negotiate")
	k := kit(d, "")
	const group = "Remote Management Users"
	executortest.Live(t, k, executortest.Life{Create: named(t, "Windows create local user (WinRM)"), Remove: named(t, "Windows remove local user (WinRM)"), Additional: group, Hostile: hostile})
	create := named(t, "Windows create local user for a session (WinRM)")
	executortest.Live(t, k, executortest.Life{Create: create + create, Remove: named(t, "Windows remove local user after a session (WinRM)"), Additional: group})
	acc := d.add(t)
	for _, c := range []struct {
		name string
		on   bool
	}{{"Windows disable local user (WinRM)", false}, {"Windows enable local user (WinRM)", true}, {"Windows enable local user (WinRM)", true}} {
		k.Template = named(t, c.name)
		if outcome, err := k.Once(t, acc, "unused-1"); outcome != executors.Applied {
			t.Errorf("%s: %s, %v", c.name, outcome, err)
		}
		if in, _ := d.login(acc.Name, acc.Password); in != c.on {
			t.Errorf("%s: logs in %t", c.name, in)
		}
	}
	weak := d.add(t)
	k.Manager = &weak
	if outcome, err := k.Once(t, acc, "unused-1"); outcome != executors.Rejected || executortest.ClassOf(err) != executors.ClassPolicy {
		t.Errorf("without the right: %s, %v", outcome, err)
	}
}

// TestAccountsOnDouble: local accounts of a profile are listed, more than one message of output holds, and over the template's way.
func TestAccountsOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t, false, "Negotiate")
	k := kit(d, "")
	d.mu.Lock()
	for i := range 5000 {
		d.users[fmt.Sprintf("many_%05d_%08x", i, i)] = &user{}
	}
	for _, n := range []string{"app_1", "APP_2", "apple"} {
		d.users[n] = &user{}
	}
	d.mu.Unlock()
	for prefix, want := range map[string]int{"app_": 2, "many_": 5000, `x"; calc; $(calc)`: 0} {
		names, more, err := winrm.New().Accounts(t.Context(), k.Session(*k.Manager, ""), prefix)
		if err != nil || more || len(names) != want || prefix == "app_" && fmt.Sprint(names) != "[APP_2 app_1]" {
			t.Errorf("%s: %d names, %t, %v", prefix, len(names), more, err)
		}
	}
	k.Manager.Password = "Wrong-pass-1"
	if _, _, err := winrm.New().Accounts(t.Context(), k.Session(*k.Manager, ""), "app_"); executortest.ClassOf(err) != executors.ClassAuth {
		t.Error(err)
	}
}

// TestCommandLinesOnDouble: what the command interpreter would read is refused, the rest arrives.
func TestCommandLinesOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t, false, "Negotiate")
	d.mu.Lock()
	d.users["svc"] = &user{password: "Old-pass-1"}
	d.mu.Unlock()
	acc := executortest.Account{Name: "svc", Password: "Old-pass-1"}
	k := kit(d, `net user "[#USERNAME#]" [#NEW_PASSWORD#]`)
	for fresh, want := range map[string]executors.Outcome{
		"Fresh_pass-1": executors.Applied, "açaí!@#*_-1A": executors.Applied, "short": executors.Rejected, "a&calc": executors.NotStarted, "%PATH%-1aA": executors.NotStarted,
		"with space-1": executors.NotStarted, `quo"te-1A`: executors.NotStarted, "/delete": executors.NotStarted, "a\nb-1A": executors.NotStarted, "a|b": executors.NotStarted, "a^b": executors.NotStarted,
	} {
		if outcome, err := k.Once(t, acc, fresh); outcome != want {
			t.Errorf("%q: %s, %v; want %s", fresh, outcome, err, want)
		}
	}
	for name, want := range map[string]executors.Outcome{`sv\`: executors.NotStarted, "a b": executors.Uncertain} {
		if outcome, err := k.Once(t, executortest.Account{Name: name}, "Fresh_pass-1"); outcome != want {
			t.Errorf("%q: %s, %v; want %s", name, outcome, err, want)
		}
	}
	k.Template = "net user [#USERNAME#] [#NEW_PASSWORD#]\nnet user nobody [#NEW_PASSWORD#]"
	if outcome, err := k.Once(t, acc, "Fresh_pass-2"); outcome != executors.Uncertain || !strings.Contains(err.Error(), "line 2: there is no such account") {
		t.Errorf("after a change, a refusal says nothing: %s, %v", outcome, err)
	}
}

// TestRefusalsOnDouble: words of Windows that say no are worth something from whom they are meant to come, and if the line does one thing.
func TestRefusalsOnDouble(t *testing.T) {
	t.Parallel()
	const (
		thrown = "Microsoft.PowerShell.Commands.InvalidPasswordException 80131501 too short\r\n"
		help   = "It does not meet the policy.\r\n\r\nMore help is available by typing NET HELPMSG 2245.\r\n"
		script = `powershell Set-LocalUser -Name "[#USERNAME#]" -Password ([#NEW_PASSWORD#])`
		line   = "net user [#USERNAME#] [#NEW_PASSWORD#]"
	)
	for _, c := range []struct {
		template, says string
		want           executors.Outcome
	}{
		{script, thrown, executors.Rejected},
		{script + "[nl]Write-Output x", thrown, executors.Uncertain},
		{script, help, executors.Uncertain},
		{script, "System.OutOfMemoryException 8007000E no more\r\n", executors.Uncertain},
		{line, help, executors.Rejected},
		{line + " & echo x", help, executors.Uncertain},
		{line, thrown, executors.Uncertain},
		{line, "More help is available by typing NET HELPMSG 3534.", executors.Uncertain},
	} {
		d := serve(t, false, "Negotiate")
		d.says = c.says
		k := kit(d, c.template)
		if outcome, err := k.Once(t, executortest.Account{Name: "svc", Password: "Old-pass-1"}, "Fresh_pass-1"); outcome != c.want {
			t.Errorf("%s, %q: %s, %v; want %s", c.template, c.says, outcome, err, c.want)
		}
	}
}

func TestWireOnDouble(t *testing.T) {
	t.Parallel()
	d := serve(t, false, "Negotiate")
	acc := d.add(t)
	verify := func(k executortest.Kit, password string) (bool, error) {
		return winrm.New().Verify(t.Context(), k.Session(acc, ""), secret.New([]byte(password)))
	}
	k := kit(d, "")
	k.Values = map[mask.Name]string{"DOMAIN": "WORKGROUP"}
	if in, err := verify(k, acc.Password); !in || err != nil {
		t.Errorf("with a domain: %t, %v", in, err)
	}
	k.Target.CA = ""
	if in, err := verify(k, acc.Password); in || executortest.ClassOf(err) != executors.ClassTLS {
		t.Errorf("an unknown certificate: %t, %v", in, err)
	}
	k.Target.InsecureTLS = true
	if in, err := verify(k, acc.Password); !in || err != nil {
		t.Errorf("with the opt-out: %t, %v", in, err)
	}
	k = kit(serve(t, false, "Kerberos"), "")
	if in, err := verify(k, acc.Password); in || executortest.ClassOf(err) != executors.ClassProtocol {
		t.Errorf("Kerberos alone: %t, %v", in, err)
	}

	open := serve(t, true, "Basic realm=\"WSMAN\"")
	acc = open.add(t)
	k = kit(open, "!unsecure\n!change-password")
	fresh := executortest.Fresh()
	if outcome, err := k.Once(t, acc, fresh); outcome != executors.NotStarted || executortest.ClassOf(err) != executors.ClassTLS || !strings.Contains(err.Error(), "insecure_tls") {
		t.Errorf("clear text without the opt-out: %s, %v", outcome, err)
	}
	k.Target.InsecureTLS = true
	if outcome, err := k.Once(t, acc, fresh); outcome != executors.Applied {
		t.Errorf("clear text with the opt-out: %s, %v", outcome, err)
	}
	p, err := winrm.New().Compile(k.Template)
	if err != nil {
		t.Fatal(err)
	}
	v, _ := executors.VerifierOf(winrm.New(), p)
	if in, err := v.Verify(t.Context(), k.Session(acc, ""), secret.New([]byte(fresh))); !in || err != nil {
		t.Errorf("the template's own way of logging in: %t, %v", in, err)
	}
}

var encoded = regexp.MustCompile(`^powershell\.exe .* ([A-Za-z0-9+/=]+)$`)

// TestPlaces: a value is a variable wherever it stands, and never code.
func TestPlaces(t *testing.T) {
	t.Parallel()
	d := serve(t, false, "Negotiate")
	k := kit(d, "")
	for script, want := range map[string]string{
		`A "x [#USERNAME#]" [#IP#]`:                      `A "x ${cofre1}" "${cofre2}"`,
		`A 'it''s $x "[#USERNAME#]"'`:                    "A \"it's `$x `\"${cofre1}`\"\"",
		`A [#DOMAIN#]\[#USERNAME#], (B [#IP#])`:          `A "${cofre1}\${cofre2}", (B "${cofre3}")`,
		`A WinNT://[#IP#]/[#USERNAME#]`:                  `A "WinNT://${cofre1}/${cofre2}"`,
		`A "$(B 'x)"' (")"))[#IP#]"[nl]# it's`:           "A \"$(B 'x)\"' (\")\"))${cofre1}\"\n# it's",
		"A `\" [#IP#] <# it's #> 'x'":                    "A `\" \"${cofre1}\" <# it's #> 'x'",
		"$x=[#IP#];B \"`$[#IP#]\"\"\"":                   "$x=\"${cofre1}\";B \"`$${cofre2}\"\"\"",
		`A @'[nl]it's "x"[nl]'@ "[#IP#]"`:                "A @'\nit's \"x\"\n'@ \"${cofre1}\"",
		`A @'[nl]it's $[#IP#][nl]'@`:                     "A \"it's `$${cofre1}\"",
		`if ($a -eq "[#ADD_INFO#]\[#USERNAME#]") {[nl]}`: "if ($a -eq \"${cofre1}\\${cofre2}\") {\n}",
	} {
		k.Template = "powershell " + script
		k.Values = map[mask.Name]string{"IP": `$(ip) "x`, "DOMAIN": "d'om", mask.AddInfo: "i"}
		outcome, err := k.Once(t, executortest.Account{Name: `u"; calc`, Password: "Old-pass-1"}, "unused-1")
		if outcome != executors.Uncertain || !strings.Contains(fmt.Sprint(err), "the double does not know: "+strings.ReplaceAll(want, "\n", " ")) {
			t.Errorf("%s: %s, %v\nwant %s", script, outcome, err, want)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	m := encoded.FindStringSubmatch(d.lines[0])
	if m == nil {
		t.Fatalf("%q", d.lines[0])
	}
	raw, err := base64.StdEncoding.DecodeString(m[1])
	if text := narrow(raw); err != nil || !strings.HasPrefix(text, "$ErrorActionPreference='Stop'") || len(d.lines[0]) > 8000 {
		t.Errorf("%v: %s (%d characters)", err, text, len(d.lines[0]))
	}
}

func TestCompile(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"":                                        "line 1, column 1: expected something to run at the end, such as !change-password",
		"!change-password\n!reload-password":      "line 1, column 1: expected something to run at the end, such as !change-password",
		"!change-password\n!unsecure":             "line 2, column 1: expected !unsecure alone, before everything else",
		"!sleep 61\n!change-password":             "line 1, column 1: expected !sleep with 1 to 60 seconds",
		"  !netsmb-password":                      "line 1, column 3: unknown word !netsmb-password; expected !unsecure, !change-password, !reload-password, !sleep, powershell or a command line",
		"powershell -Command x":                   "line 1, column 1: expected a script after powershell, without options",
		"net user\n\npowershell A [#NO_SUCH":      "",
		"powershell A -Name:[#USERNAME#]":         "line 1, column 20: expected the tag in double quotes",
		"powershell A [#USERNAME#](x)":            "line 1, column 14: expected the tag in double quotes",
		"powershell A [#USERNAME#][0]":            "line 1, column 14: expected the tag in double quotes",
		"powershell & [#ADD_INFO#]":               "line 1, column 14: a tag cannot name what is called",
		`powershell A "$(B [#USERNAME#])"`:        "line 1, column 19: a tag cannot stand inside $( ) in quotes",
		`powershell A "$[#USERNAME#]"`:            "line 1, column 16: expected no $ before a tag",
		"powershell A \"`[#USERNAME#]\"":          "line 1, column 16: expected no ` before a tag",
		"powershell A # [#USERNAME#]":             "line 1, column 16: a tag cannot stand in a comment",
		"powershell A <# [#USERNAME#] #>":         "line 1, column 17: a tag cannot stand in a comment",
		`powershell A "[#USERNAME#]`:              `line 1, column 1: expected a closing "`,
		`powershell A 'x`:                         `line 1, column 1: expected a closing '`,
		"powershell A @\"[nl][#USERNAME#][nl]\"@": "line 1, column 20: expected the tag in a string of one line: here-strings hold none",
		"a\x01b": "line 1, column 2: expected text in UTF-8 without control characters",
	} {
		if _, err := winrm.New().Compile(source); want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%q: %v, want %s", source, err, want)
		}
	}
	p, err := winrm.New().Compile("net user x [#NEW_PASSWORD#]\npowershell A ”[#USERNAME#]”")
	if err != nil || len(p.Notices()) != 2 {
		t.Errorf("%v, %v", p, err)
	}
}

// FuzzCompile: no template makes the compiler panic.
func FuzzCompile(f *testing.F) {
	for _, c := range winrm.Catalogue() {
		f.Add(c.Content)
	}
	f.Add("powershell A @'[nl][#IP#][nl]'@ \"$(B)\" <# #> `\n!unsecure")
	f.Fuzz(func(t *testing.T, src string) {
		if p, err := winrm.New().Compile(src); err == nil && p == nil {
			t.Fatal("no program and no error")
		}
	})
}

// TestCommandLinesSayWhatTheyCarry: the interpreter's own signs outside of quotes, fewer inside, and a backslash before the closing one;
// scripts carry all.
func TestCommandLinesSayWhatTheyCarry(t *testing.T) {
	t.Parallel()
	for source, refused := range map[string]string{
		`net user [#USERNAME#] [#NEW_PASSWORD#]`:                                   `%^&`,
		`net user [#USERNAME#] "[#NEW_PASSWORD#]"`:                                 `%\`,
		`net user [#USERNAME#] "[#NEW_PASSWORD#]x"`:                                `%`,
		`powershell Set-It '[#NEW_PASSWORD#]'`:                                     "",
		"powershell Set-It '[#NEW_PASSWORD#]'\nnet user a [#CURRENT_PASSWORD#] /x": "",
		"powershell Set-It '[#NEW_PASSWORD#]'\nnet user a [#NEW_PASSWORD#]":        `%^&`,
	} {
		p, err := winrm.New().Compile(source)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, c := range `!%@#^&*_\` {
			err := p.(executors.Carrier).Carries(secret.New([]byte("x" + string(c))))
			if err == nil {
				continue
			}
			if got += string(c); executortest.ClassOf(err) != executors.ClassTemplate {
				t.Errorf("%s: %v", source, err)
			}
		}
		if got != refused {
			t.Errorf("%s: refuses %q, want %q", source, got, refused)
		}
	}
}
