package api

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"cofre/cmd/cofre/input"
)

// library writes files into a folder of a library, by their path.
func (h *house) library(files map[string]string) string {
	h.t.Helper()
	root := h.t.TempDir()
	for name, content := range files {
		name = filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			h.t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
	return root
}

// TestReview: who approves sees what the version would reach, whoever names the template, and what became of one that was refused.
func TestReview(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("device", "create", "web1")
	ours := h.file("t.txt", "exec \"passwd\"\nexec [#NEW_PASSWORD#]\nend\n")
	for name, kind := range map[string]string{"Ours": "Change password", "Open": "Enable credential", "Close": "Disable credential", "Push": "Secret Management Automation"} {
		h.run("template", "put", name, ours, "--executor", "ssh", "--kind", kind)
	}
	h.runWith(password, "credential", "create", "m", "--hostname", "web1", "--username", "m", "--secret-stdin")
	h.runWith(password, "credential", "create", "a", "--hostname", "web1", "--username", "a", "--secret-stdin", "--reconcile-template", "Ours", "--reconcile-with", "m", "--activate", "Open", "--deactivate", "Close", "--jit-with", "m")
	h.run("execution-profile", "create", "linux", "--priority", "10", "--for", "device_types=Linux", "--template", "Ours")
	h.run("application", "create", "shop")
	h.run("secret", "automation", "create", "push", "--trigger", "secret.updated", "--application", "shop", "--executor", "ssh", "--template", "Push", "--credential", "m")
	for name, want := range map[string]string{"Ours": "1 credentials, 0 profiles of dynamic users, 1 execution profiles\n", "Open": "1 credentials,", "Close": "1 credentials,", "Push": "0 credentials, 0 profiles of dynamic users, 1 automations of secrets\n"} {
		if out := h.run("template", "review", name); !strings.Contains(out, "used by      "+want) {
			t.Errorf("%s:\n%s", name, out)
		}
	}
	h.run("authorization", "create", "shop", "second", "--right", "template.approve", "--all", "--write")
	h.run("template", "put", "Ours", h.file("t2.txt", "exec \"passwd\"\nexec [#NEW_PASSWORD#]\n"), "--executor", "ssh")
	h.run("template", "disapprove", "Ours", "--version", "2", "--note", "it never ends")
	if out := h.run("template", "review", "Ours"); !strings.Contains(out, "closed by    admin/admin\n") || !strings.Contains(out, "note         it never ends\n") {
		t.Error(out)
	}
	if out := h.run("template", "show", "Ours"); !strings.Contains(out, "by admin/admin  canceled by admin/admin: it never ends\n") {
		t.Error(out)
	}
}

// TestInterrupt: a signal ends a command that waits for its input, from a pipe or from a file that is one.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	h := open(t)
	pipe := filepath.Join(h.dir, "pipe")
	silent, hold, err := os.Pipe()
	if err == nil {
		err = syscall.Mkfifo(pipe, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = hold.Close(), silent.Close() }()
	for _, args := range [][]string{{"template", "put", "Ours", "-", "--executor", "ssh"}, {"template", "lint", pipe, "--executor", "ssh"}, {"template", "put", "Ours", pipe, "--executor", "ssh"}} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		_, _, err := h.tryFrom(ctx, input.Of(ctx, silent), args...)
		if err == nil || !strings.Contains(err.Error(), input.ErrInterrupted.Error()) {
			t.Errorf("%s: %v", args, err)
		}
	}
}

// status runs a command and gives its exit status.
func (h *house) status(args ...string) (out string, status int) {
	h.t.Helper()
	out, _, err := h.try("", args...)
	if err != nil {
		status = Status(err)
	}
	return out, status
}

const (
	passwd = "# as published\nexpect \"*$\"\nexec \"passwd\"\nexpect \"*:\"\nexec [#NEW_PASSWORD#]\nexpect \"*$\"\nend"
	inject = "expect \"*$\"\nexec \"gcloud config set project [#Google_Project#]\"\nexpect \"*$\"\nend"
)

// TestNoLibrary: a folder that holds no template is a mistake, not a library without one; what is no file is told, and not read; what has
// no end is not read to it.
func TestNoLibrary(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, files := range []map[string]string{{}, {"README.md": "no template", "SSH/notes": passwd}} {
		out, stderr, err := h.try("", "template", "lint", h.library(files))
		if err == nil || Status(err) != 1 || !strings.Contains(err.Error(), "holds no template: below a library's root they stand as EXECUTOR/EXECUTION TYPE/NAME") {
			t.Errorf("%v: %v\n%s%s", files, err, out, stderr)
		}
	}
	root := h.library(map[string]string{"SSH/Change password/Ours": passwd, "elsewhere": passwd})
	if err := os.Symlink(filepath.Join(root, "elsewhere"), filepath.Join(root, "SSH", "Change password", "Theirs")); err != nil {
		t.Fatal(err)
	}
	if out, status := h.status("template", "lint", root); status != 1 || !strings.Contains(out, "Theirs: it is no file but a link") || !strings.Contains(out, "1 compile, 1 refused") {
		t.Errorf("status %d\n%s", status, out)
	}
	root = h.library(map[string]string{"SSH/Change password/Ours": passwd, "ssh/Password change/Ours": passwd + "\n", "Telnet/Change password/Ours": passwd})
	if out, status := h.status("template", "import", root); status != 1 || !strings.Contains(out, "it is the same template as "+filepath.Join(root, "SSH/Change password/Ours")) || !strings.Contains(out, "2 imported, 0 unchanged, 1 refused") {
		t.Errorf("two files of one template: status %d\n%s", status, out)
	}
	if _, _, err := h.try("", "template", "lint", "--executor", "ssh", "/dev/zero"); err == nil || !strings.Contains(err.Error(), "a template has at most 65536 bytes") {
		t.Errorf("what has no end: %v", err)
	}
}

// TestLibrary: a library is checked, imported, imported again, exported, and what was exported is what was imported.
func TestLibrary(t *testing.T) {
	t.Parallel()
	h := open(t)
	root := h.library(map[string]string{
		"README.md": "no template", ".git/HEAD": "no template", "SSH/notes": "no template",
		"SSH/Change password/Linux - Ours": passwd,
		"SSH/Password change/Typographic ": strings.ReplaceAll(passwd, `"`, "”"),
		"SSH/New user/Add":                 "expect \"*$\"\nexec \"useradd -u [#UID#] [#USERNAME#]\"\nexpect \"*$\"",
		"SSH/Secret Management Automation/Google Secret Manager/Inject secret": inject,
		"MySQL/Change password/MySQL 5.x":                                      "SET PASSWORD = PASSWORD('[#NEW_PASSWORD#]');",
		"Windows RPC/Credential disabling/Domain User - Deactivate":            "# Inactivate the user\nnet user [#USERNAME#] /active:no /domain",
		"LDAP/Disable credential/AD":                                           "bind \"cn=[#AUTH_USER#],dc=x\"\nfind \"dc=x\" (sAMAccountName=[#USERNAME#])\nmod-replace userAccountControl 514\n",
		"IBM 3270 Terminal/Change password/RACF":                               "wait(1)",
		"SSH/Change password/Broken":                                           "expect \"*$\"\nbogus",
		"SSH/Change password/Secret's key":                                     inject,
		"Carrier pigeon/Change password/Coo":                                   "coo",
		"SSH/Sing a song/Aria":                                                 passwd,
	})
	out, status := h.status("template", "lint", root)
	for _, want := range []string{
		"Broken: line 2, column 1: unknown command \"bogus\"; expected exec", "Secret's key: line 2, column 33: unknown tag [#GOOGLE_PROJECT#]", "Coo: there is no executor \"Carrier pigeon\"",
		"Aria: its folder is no execution type: expected one of 'Change password'", "not offered: ", "RACF: Cofre does not offer the executor \"IBM 3270 Terminal\": it needs",
		"notice: typographic quotes were replaced", "7 compile, 4 refused, 1 not offered\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("lint does not say %q:\n%s", want, out)
		}
	}
	if status != 1 {
		t.Errorf("lint with mistakes: status %d", status)
	}

	out, status = h.status("template", "import", root)
	if !strings.Contains(out, "7 imported, 0 unchanged, 4 refused, 1 not offered\n") || status != 1 {
		t.Errorf("status %d\n%s", status, out)
	}
	for _, bad := range []string{"SSH/Change password/Broken", "SSH/Change password/Secret's key", "SSH/Sing a song", "Carrier pigeon"} {
		if err := os.RemoveAll(filepath.Join(root, bad)); err != nil {
			t.Fatal(err)
		}
	}
	if out, status = h.status("template", "import", root); !strings.Contains(out, "0 imported, 7 unchanged, 0 refused, 1 not offered\n") || status != 3 {
		t.Errorf("again: status %d\n%s", status, out)
	}
	if _, status = h.status("template", "lint", filepath.Join(root, "IBM 3270 Terminal/Change password/RACF")); status != 3 {
		t.Errorf("one file that is not offered: status %d", status)
	}
	if out, status = h.status("template", "lint", filepath.Join(root, "LDAP/Disable credential/AD"), filepath.Join(root, "MySQL")); status != 0 {
		t.Errorf("status %d\n%s", status, out)
	}

	to := filepath.Join(t.TempDir(), "out")
	if out := h.run("template", "export", to); !strings.Contains(out, "7 templates") {
		t.Error(out)
	}
	for file, want := range map[string]string{
		"SSH/Change password/Linux - Ours": passwd, "SSH/Change password/Typographic": passwd,
		"SSH/Secret Management Automation/Google Secret Manager/Inject secret": inject,
	} {
		if got, err := os.ReadFile(filepath.Join(to, filepath.FromSlash(file))); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", file, got, err)
		}
	}
	h.run("template", "export", to) // the same again is no conflict
	mine := filepath.Join(to, "MySQL/Change password/MySQL 5.x")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.refused("--force overwrites it", "template", "export", to)
	h.run("template", "export", to, "--force")
	if out, status = h.status("template", "import", to, "--json"); status != 0 {
		t.Errorf("status %d\n%s", status, out)
	}
	var told tally
	if err := json.Unmarshal([]byte(out), &told); err != nil || told.Unchanged != 7 || len(told.Files) != 7 || told.Files[0].Result != unchanged {
		t.Errorf("%v: %+v", err, told)
	}
}

// A name that leads out of the folder is refused.
func TestExportStaysInside(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.run("template", "put", "../../../../evil", h.file("t.txt", passwd), "--executor", "ssh")
	h.refused("its name cannot be the name of a file", "template", "export", filepath.Join(t.TempDir(), "out"))
}

func TestStatus(t *testing.T) {
	t.Parallel()
	if s := Status(&statusError{errors.New("x"), 3}); s != 3 {
		t.Error(s)
	}
	if s := Status(errors.New("x")); s != 1 {
		t.Error(s)
	}
}
