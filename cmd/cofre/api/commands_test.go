package api

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// times and ids differ from run to run; tables are compared without the padding that follows from them.
var (
	variable1 = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ`)
	variable2 = regexp.MustCompile(`\b[0-9a-f]{32,40}\b`)
	variable3 = regexp.MustCompile(`\bapp_\d{12}_[0-9a-f]{8}\b`)
	padding   = regexp.MustCompile(` {2,}`)
)

func steady(s string) string {
	s = variable3.ReplaceAllString(s, "USER")
	s = variable2.ReplaceAllString(variable1.ReplaceAllString(s, "TIME"), "ID")
	return padding.ReplaceAllString(s, "  ")
}

func (h *house) golden(want string, args ...string) {
	h.t.Helper()
	if d := cmp.Diff(strings.TrimLeft(want, "\n"), steady(h.run(args...))); d != "" {
		h.t.Errorf("cofre %s: -want +got\n%s", strings.Join(args, " "), d)
	}
}

const (
	hostKey  = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJJ8lSRGHTQ8VZwkWYFW9AFTPSn+zKRSqUnQn0CDmX0G"
	fakePin  = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	password = "Pr4ctice-of-the-test"
)

func TestObjects(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("application", "create", "shop", "--tag", "web,shop", "--description", "the shop")
	h.golden(`
NAME  STATE  TAGS  CREATED  DESCRIPTION
admin  enabled  -  TIME  -
shop  enabled  web,shop  TIME  the shop
`, "application", "list")
	h.run("application", "create", "My App")
	h.run("authorization", "create", "My App", "ci", "--creates", "--delegate", "My App/erp", "--delegate", "My *")
	h.golden(`
NAME  STATE  TAGS  CREATED  DESCRIPTION
My App  enabled  -  TIME  -
admin  enabled  -  TIME  -
shop  enabled  web,shop  TIME  the shop
`, "application", "list")
	h.refused("no blank at either end", "application", "create", "a/b")
	h.run("application", "delete", "My App")
	h.run("policy", "create", "weekly", "--max-age", "168h", "--length", "24", "--exclusive")
	h.golden(`
NAME  STATE  LENGTH  MAX-AGE  VIEW-EXPIRY  ON-RELEASE  EXCLUSIVE  CUSTODY  ATTEMPTS
default  enabled  20  off  off  yes  no  1h  -
weekly  enabled  24  168h  off  yes  yes  1h  -
`, "policy", "list")
	h.refused("a span is written like", "policy", "update", "weekly", "--max-age", "7 days")
	h.run("device", "create", "web1", "--ip", "192.0.2.1", "--connectivity", "ssh:2222")
	h.refused("PROTOCOL:PORT", "device", "update", "web1", "--connectivity", "ssh")
	h.refused("Device not found", "device", "show", "web9")
	h.refused("meanwhile", "device", "update", "web1", "--site", "x", "--revision", "7")
	known := h.file("known_hosts", "# comment\n[web1]:2222,other "+hostKey+"\nweb2 ssh-ed25519 AAAA\n")
	if out := h.run("device", "trust", "web1", "--known-hosts", known); !strings.Contains(out, "ssh-ed25519 (pinned") {
		t.Error(out)
	}
	h.run("device", "trust", "web1", "--fingerprint", fakePin, "--replace")
	if out := h.run("device", "show", "web1", "--json"); strings.Contains(out, "ssh-ed25519") || !strings.Contains(out, fakePin) {
		t.Error(out)
	}
	h.refused("needs a terminal", "device", "trust", "web1", "--scan")
	h.refused("as ssh-keygen -lf FILE prints it", "device", "trust", "web1", "--fingerprint", "SHA256:...")
	h.refused("at least one of the flags", "device", "trust", "web1")
	h.refused("no public key", "device", "trust", "web1", "--key-file", h.file("empty.pub", "# none\n"))

	h.run("template", "put", "Ours", h.file("t.txt", "exec \"passwd\"\nexec [#NEW_PASSWORD#]\nend\n"), "--executor", "ssh")
	h.refused("--username is empty", "credential", "create", "web1-root", "--hostname", "web1", "--username", "")
	h.refused("--secret-stdin, --generate or --no-secret", "credential", "create", "web1-root", "--hostname", "web1", "--username", "root")
	h.runWith(password+"\n", "credential", "create", "web1-root", "--hostname", "web1", "--username", "root", "--secret-stdin", "--template", "Ours", "--policy", "weekly")
	h.run("credential", "create", "made", "--hostname", "web1", "--username", "made", "--generate", "--policy", "weekly")
	h.golden(`
NUMBER  IDENTIFIER  USERNAME  HOSTNAME  SYNC  POLICY  TEMPLATE  AUTOMATIC  CHANGED  STATE
1  web1-root  root  web1  unknown  weekly  Ours  no  -  enabled
2  made  made  web1  unknown  weekly  -  no  -  enabled
`, "credential", "list")
	if got := h.run("credential", "read", "made", "--raw"); len(got) != 24 {
		t.Errorf("a generated secret has %d characters", len(got))
	}
	h.refused("no terminal", "credential", "read", "web1-root")
	h.refused("no terminal", "credential", "read", "web1-root", "--json")
	if got := h.run("credential", "read", "web1-root", "--raw"); got != password {
		t.Errorf("read %q", got)
	}
	if out := h.run("credential", "release", "web1-root"); out != "Released.\n" {
		t.Error(out)
	}
	h.run("credential", "disable", "made")
	h.golden("NUMBER  IDENTIFIER  USERNAME  HOSTNAME  SYNC  POLICY  TEMPLATE  AUTOMATIC  CHANGED  STATE\n2  made  made  web1  unknown  weekly  -  no  -  disabled\n", "credential", "list", "--disabled", "--search", "made")

	var k keys
	if err := json.Unmarshal([]byte(h.run("authorization", "create", "shop", "prod", "--tag", "x", "--ip", "10.0.0.0/8", "--expires", "24h", "--json")), &k); err != nil || k.ClientSecret == "" {
		t.Fatal(err, k)
	}
	h.golden(`
APPLICATION  NAME  STATE  WRITE  RIGHTS  ADDRESSES  EXPIRES  CLIENT
shop  prod  enabled  no  secret.read  10.0.0.0/8  TIME  ID
`, "authorization", "list", "shop")
	h.run("authorization", "update", "shop", "prod", "--ip", "", "--expires", "never")
	if out := h.run("authorization", "rekey", "shop", "prod"); !strings.Contains(out, k.ClientID) || strings.Contains(out, k.ClientSecret) {
		t.Error(out)
	}
	h.run("authorization", "revoke", "shop", "prod")
	h.refused("--expires", "authorization", "update", "shop", "prod", "--expires", "soon")
	if out := h.run("whoami"); !strings.Contains(out, "every credential") {
		t.Error(out)
	}
}

// A person is asked for the secret twice, and sees secrets on the terminal.
func TestTerminal(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("device", "create", "web1")
	h.tty, h.typ = true, []byte(password)
	h.run("credential", "create", "a", "--hostname", "web1", "--username", "a")
	if out, notes, err := h.try("", "credential", "read", "a"); err != nil || out != password+"\n" || !strings.Contains(notes, "in your custody until") {
		t.Error(out, notes, err)
	}
}

func TestOperations(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("device", "create", "web1")
	content := h.file("t.txt", "exec \"passwd\"\nexec [#NEW_PASSWORD#]\nend\n")
	h.run("template", "put", "Ours", content, "--executor", "ssh")
	h.golden("NAME  EXECUTOR  KIND  STATE  IN-FORCE  NEWEST  REVIEW  CHANGED  ORIGIN\nOurs  ssh  Change password  active  1  1  approved  TIME  own\n", "template", "list", "--executor", "ssh")
	h.run("template", "put", "Ours", h.file("t2.txt", "exec \"passwd\"\nexpect \"*:\"\nexec [#NEW_PASSWORD#]\nexpect $\nend\n"), "--executor", "ssh")
	h.golden("version 1 -> 2\n  exec \"passwd\"\n+ expect \"*:\"\n  exec [#NEW_PASSWORD#]\n+ expect $\n  end\n", "template", "diff", "Ours")
	if out := h.run("template", "review", "Ours"); !strings.Contains(out, "NEW_PASSWORD") || !strings.Contains(out, "0 of 1") || !strings.Contains(out, "0 credentials") {
		t.Error(out)
	}
	h.run("template", "clone", "Ours", "Theirs too", "--version", "1")
	if out := h.run("template", "list", "--search", "THEIRS", "--json"); !strings.Contains(out, `"source": "`) || strings.Contains(out, `"Ours"`) {
		t.Error(out)
	}
	if out := h.run("template", "show", "Ours"); strings.Count(out, " admin/admin") != 3 {
		t.Error(out)
	}
	if out := h.run("template", "review", "Ours", "--version", "1"); !strings.Contains(out, "author       admin/admin\n") {
		t.Error(out)
	}
	h.refused("already", "template", "clone", "Ours", "Theirs too")
	h.refused("is approved", "template", "disapprove", "Ours", "--version", "1")
	h.golden("approvals needed  1\n", "template", "levels")
	h.refused("may approve templates: 2 approvals need 3", "template", "levels", "2")
	h.run("template", "disable", "Theirs too")
	h.refused("its newest is 2", "template", "show", "Ours", "--version", "3")
	h.refused("no such template", "template", "show", "Ours", "--executor", "postgres")
	if out := h.run("template", "lint", content, "--executor", "ssh"); !strings.Contains(out, "NEW_PASSWORD") {
		t.Error(out)
	}
	h.refused("line 2, column 1", "template", "lint", h.file("bad.txt", "exec \"x\"\nbogus\n"), "--executor", "ssh")
	h.refused("line 2, column 3: expected text in UTF-8", "template", "lint", h.file("latin1.txt", "SELECT 1;\n--\xe9"), "--executor", "postgres")
	h.refusedWith("a template has at most 65536 bytes", strings.Repeat("x", 1<<20), "template", "put", "Long", "-", "--executor", "ssh")
	h.refused("a template has at most 65536 bytes", "template", "put", "Long", h.file("long.txt", strings.Repeat("x", 1<<20)), "--executor", "ssh")
	h.refused("at least one byte", "template", "lint", h.file("empty.txt", ""), "--executor", "ssh")
	if out := h.run("template", "lint", h.file("same.txt", "exec \"passwd\"\n"), "--executor", "ssh"); !strings.Contains(out, "a change by this template changes nothing") {
		t.Error(out)
	}
	h.refused("postgres, mysql", "template", "lint", content, "--executor", "smtp")
	h.refused("Cofre does not offer the executor \"Cassandra\"", "template", "put", "Theirs", content, "--executor", "Cassandra")
	h.runWith("old", "credential", "create", "a", "--hostname", "web1", "--username", "a", "--secret-stdin", "--template", "Ours")
	h.run("operation", "request", "a")
	h.run("operation", "cancel", "1")
	out, notes, err := h.try("", "operation", "wait", "1")
	if err == nil || !strings.Contains(out, "operation 1: cancelled") || !strings.Contains(notes, "created by request -> ready") {
		t.Error(out, notes, err)
	}
	h.run("operation", "request", "a", "--verify", "--not-before", "2026-12-24T02:00:00Z")
	h.golden(`
NUMBER  KIND  CREDENTIAL  HOSTNAME  STATE  ATTEMPT  TRIGGER  NODE  CREATED  FINISHED  MESSAGE  WAITS_FOR
2  verify  a  web1  uncertain  0  request  -  TIME  -  -  its time, 2026-12-24T02:00:00.000Z
`, "operation", "list", "--limit", "1")
	h.refused("no such operation", "operation", "show", "99")
	later := time.Now().Add(400 * time.Hour).UTC()
	h.run("operation", "request", "a", "--not-before", later.Format(time.RFC3339))
	if out, notes, err := h.try("", "operation", "request", "a"); err != nil || strings.Contains(notes, "does this already") || !strings.Contains(out, "4") {
		t.Error(out, notes, err) // what was scheduled stays, and stands for nothing that happens before
	}
	if out := h.run("credential", "explain", "a"); !strings.Contains(out, "operation 3 is ready and waits for its time, "+later.Format("2006-01-02")) || !strings.Contains(out, "operation 4 is ready and waits for a node that runs the executor ssh: none is there") {
		t.Error(out)
	}
}

// A secret of an application: its values are no arguments, and are printed only when they are meant to be.
func TestSecrets(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.runWith(`{"URL":"db://1","PASS":"`+password+`"}`, "secret", "create", "db", "--stdin", "--tag", "t", "--expires", "2999-01-31T12:00:00Z")
	h.refused("identity already", "secret", "create", "db")
	for in, want := range map[string]string{"": "is not one JSON object", "null": "is not one JSON object", `{"A":"1"} {"B":"2"}`: "is not one JSON object", `{"A":"` + strings.Repeat("x", maxValues) + `"}`: "is too long"} {
		h.refusedWith(want, in, "secret", "update", "db", "--stdin")
	}
	h.refused("is not set", "secret", "update", "db", "--env", "NOT_THERE_AT_ALL")
	h.golden(`
NUMBER  IDENTITY  OWNER  ENGINE  VERSION  CHANGED  EXPIRES  STATE
1  db  admin/admin  Generic  1  TIME  TIME  enabled
`, "secret", "list")
	h.refused("is no terminal", "secret", "read", "db")
	if out := h.run("secret", "read", "db", "--raw"); out != "PASS="+password+"\nURL=db://1\n" {
		t.Error(out)
	}
	if out := h.run("secret", "read", "db", "--raw", "--field", "PASS"); out != password {
		t.Error(out)
	}
	h.refused("has no value", "secret", "read", "db", "--raw", "--field", "NONE")
	h.runWith(`{"URL":"db://2","PASS":"`+password+`"}`, "secret", "update", "db", "--stdin")
	if out := h.run("secret", "show", "db"); !strings.Contains(out, "changed: URL\n") || strings.Contains(out, password) {
		t.Error(out)
	}
	h.run("secret", "rollback", "db", "1")
	if out := h.run("secret", "read", "db", "--raw", "--field", "URL"); out != "db://1" {
		t.Error(out)
	}
	h.refused("not the number", "secret", "rollback", "db", "one")
	h.run("secret", "disable", "db")
	h.refused("inactive", "secret", "read", "db", "--raw")
	h.run("secret", "enable", "db")
}

// Dynamic users: a profile, a pair for an application, a user that is asked for and given back before it exists.
func TestDynamic(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("device", "create", "db1")
	h.runWith("old", "credential", "create", "db1-root", "--hostname", "db1", "--username", "postgres", "--secret-stdin")
	for name, content := range map[string]string{"add": "CREATE USER [#USERNAME#] PASSWORD '[#NEW_PASSWORD#]'", "drop": "DROP USER [#USERNAME#]"} {
		h.run("template", "put", name, h.file(name+".sql", content), "--executor", "postgres", "--kind", "Secret Management Automation")
	}
	h.refused("a kind is one of", "template", "put", "x", h.file("x.sql", "DROP USER [#USERNAME#]"), "--executor", "postgres", "--kind", "Anything")
	h.run("dynamic", "profile", "create", "app", "--executor", "postgres", "--create", "add", "--remove", "drop", "--authentication", "db1-root", "--ttl", "30m", "--life", "2h")
	h.refused("either the credential", "dynamic", "profile", "create", "app2", "--executor", "postgres", "--create", "add", "--remove", "drop")
	h.refused("a span is written like", "dynamic", "profile", "update", "app", "--ttl", "soon")
	h.golden(`
IDENTIFIER  STATE  EXECUTOR  LOGS-IN  DEVICES  TTL  LIFE  CREATE  REMOVE
app  enabled  postgres  db1-root  -  30m  2h  add  drop
`, "dynamic", "profile", "list", "--executor", "postgres")
	h.run("dynamic", "profile", "update", "app", "--auth-user", "postgres", "--device", "db1", "--holder", "admin/admin")
	if out := h.run("dynamic", "profile", "show", "app"); !strings.Contains(out, "postgres@each") || !strings.Contains(out, "admin/admin") {
		t.Error(out)
	}
	h.refused("DEVICE:PROFILE", "dynamic", "application", "admin", "--pair", "db1")
	h.golden("application  admin\nautomatic  no\npairs  db1:app\nusers  0 of 1000\nrevision  1\n", "dynamic", "application", "admin", "--pair", "db1:app")
	if out := h.run("dynamic", "lease", "request", "app", "--no-wait", "--ttl", "5m"); !strings.Contains(out, "requested") {
		t.Error(out)
	}
	h.golden("NUMBER  USERNAME  HOSTNAME  PROFILE  OWNER  STATE  EXPIRES  FAILURES  REASON\n1  USER  db1  app  admin/admin  requested  -  0  -\n", "dynamic", "lease", "list", "--device", "db1")
	h.refused("is no terminal", "dynamic", "lease", "read", "1")
	h.refused("is requested", "dynamic", "lease", "read", "1", "--raw")
	h.refused("is requested", "dynamic", "lease", "renew", "1", "--ttl", "5m")
	h.refused("there is no such profile of dynamic users", "dynamic", "lease", "request", "nothing")
	revoked := make(chan error)
	go func() {
		for out, err := "", error(nil); !strings.Contains(out, "\n2 "); {
			if out, _, err = h.try("", "dynamic", "lease", "list"); err != nil {
				revoked <- err
				return
			}
		}
		_, _, err := h.try("", "dynamic", "lease", "revoke", "2")
		revoked <- err
	}()
	h.refused("the user is not there, but removed: cofre dynamic lease show 2", "dynamic", "lease", "request", "app") // who waits is not told that all is well
	if err := <-revoked; err != nil {
		t.Error(err)
	}
	h.refused("or --application", "dynamic", "lease", "revoke")
	h.run("dynamic", "profile", "disable", "app")
	h.refused("it is disabled", "dynamic", "lease", "request", "app", "--no-wait")
	h.run("dynamic", "lease", "revoke", "--application", "admin")
	if out := h.run("dynamic", "lease", "revoke", "1"); !strings.Contains(out, "removed") || !strings.Contains(out, "revoked") {
		t.Error(out)
	}
	h.run("dynamic", "application", "admin", "--pair", "")
	h.run("application", "create", "shop")
	h.run("authorization", "create", "shop", "prod")
	h.run("authorization", "create", "shop", "second")
	h.golden("authorization  second\nstate  gone\nusers to be removed  0\n", "authorization", "delete", "shop", "second")
	h.golden("application  shop\nstate  gone\nusers to be removed  0\n", "application", "delete", "shop")
	h.refused("no such application", "authorization", "list", "shop")
	h.refused("nobody locks himself out", "application", "delete", "admin")
	h.run("dynamic", "profile", "delete", "app")
	h.refused("no such profile", "dynamic", "profile", "show", "app")
	h.golden("", "dynamic", "lease", "debt")
}

// The trail is listed from its end, and an export verifies offline until somebody touches it.
func TestAudit(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, n := range []string{"a", "b", "c", "d", "e"} {
		h.run("device", "create", n)
	}
	out := h.run("audit", "list", "--limit", "2")
	if !strings.Contains(out, "hostname=e") || !strings.Contains(out, "hostname=d") || strings.Contains(out, "hostname=c") {
		t.Error(out)
	}
	if out := h.run("audit", "list", "--kind", "device.put", "--limit", "1"); !strings.Contains(out, "hostname=e") {
		t.Error(out)
	}
	// Filters narrow the events, by what stands in them whole and by their time; who did it is named.
	if out := h.run("audit", "list", "--about", "d"); strings.Count(out, "\n") != 2 || !strings.Contains(out, "hostname=d") || !strings.Contains(out, "admin/admin") {
		t.Error(out)
	}
	if out := h.run("audit", "list", "--about", "d", "--after", "0", "--kind", "device.put", "--since", "2000-01-01T00:00:00Z", "--until", "2999-01-01T00:00:00Z"); strings.Count(out, "\n") != 2 {
		t.Error(out)
	}
	for _, none := range [][]string{{"--about", "d", "--until", "2000-01-01T00:00:00Z"}, {"--since", "2999-01-01T00:00:00Z"}, {"--about", "nobody"}, {"--about", "d", "--kind", "credential.read"}} {
		if out := h.run(append([]string{"audit", "list"}, none...)...); out != "" {
			t.Errorf("%v: %s", none, out)
		}
	}
	h.refused("since", "audit", "list", "--since", "yesterday")
	file := h.dir + "/trail.jsonl"
	_, notes, err := h.try("", "audit", "export", file)
	if err != nil {
		t.Fatal(err)
	}
	h.refused("is there already", "audit", "export", file) // which may hold events that were pruned since
	h.run("audit", "export", "--force", file)
	pin := regexp.MustCompile(`SHA256:\S+`).FindString(notes)
	h.run("audit", "verify", file, "--key", pin)
	h.refused("does not prove", "audit", "verify", file, "--key", fakePin)
	h.refused("as cofre audit export prints it", "audit", "verify", file, "--key", "SHA256:...")
	whole := h.run("audit", "export")
	lines := strings.SplitAfter(whole, "\n")
	for name, bad := range map[string]string{
		"changed":   strings.Replace(whole, `"v":"c"`, `"v":"x"`, 1),
		"cut":       strings.Join(lines[:len(lines)-2], ""),
		"shortened": strings.Join(slices.Delete(slices.Clone(lines), 3, 4), ""),
	} {
		if bad == whole {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, _, err := h.try(bad, "audit", "verify", "-"); err == nil {
			t.Errorf("%s: verified", name)
		}
	}
	part := h.run("audit", "export", "--from", "2", "--last", "4")
	if n := strings.Count(part, "\n"); n != 5 {
		t.Errorf("3 events make %d lines", n)
	}
	h.refused("before the first", "audit", "export", "--from", "4", "--last", "2")
	h.refused("no event", "audit", "export", "--from", "1000")
}

// A program gets its secrets, not our keys, and custody ends with it.
func TestRun(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("device", "create", "web1")
	h.runWith(password, "credential", "create", "a", "--hostname", "web1", "--username", "a", "--secret-stdin")
	if out := h.run("run", "--secret", "PW=a", "--", "sh", "-c", `printf %s "$PW"`); out != password {
		t.Errorf("the program saw %q", out)
	}
	_, _, err := h.try("", "run", "--secret", "PW=a", "--", "sh", "-c", "exit 7")
	if Status(err) != 7 {
		t.Errorf("exit status %d", Status(err))
	}
	if _, _, err = h.try("", "run", "--secret", "PW=a", "--", "sh", "-c", "kill -9 $$"); Status(err) != 137 {
		t.Errorf("exit status %d", Status(err))
	}
	if Own(err) {
		t.Error("that the program was killed is told as an error of this command")
	}
	for status, program := range map[int]string{127: "no-such-program", 126: h.file("not-executable", "x")} {
		if _, _, err := h.try("", "run", "--secret", "PW=a", "--", program); Status(err) != status || !Own(err) {
			t.Errorf("%s: %v, exit status %d", program, err, Status(err))
		}
	}
	if n := strings.Count(h.run("audit", "list", "--kind", "credential.released"), "reason=released"); n != 5 {
		t.Errorf("custody was released %d times", n)
	}
	h.refused("NAME=CREDENTIAL", "run", "--secret", "PW", "--", "true")
	h.refused("twice", "run", "--secret", "PW=a", "--secret", "PW=b", "--", "true")
	h.refused("read nobody", "run", "--secret", "PW=nobody", "--", "true")
	env, err := cleanEnvironment([]string{"PATH=/bin", "COFRE_CLIENT_SECRET=x", "PW=old"}, []string{"PW=a"})
	if d := cmp.Diff([]string{"PATH=/bin"}, env); err != nil || d != "" {
		t.Error(err, d)
	}
}
