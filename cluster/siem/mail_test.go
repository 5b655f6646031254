package siem

import (
	"net"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"cofre/fsm/audit"
	"cofre/fsm/model"
)

// mailServer runs a real mail server (testdata/smtpd.py) until the test ends, and returns its address and its Maildir.
func mailServer(t *testing.T, a *authority, mode, password string) (address, dir string) {
	t.Helper()
	const python = "/usr/bin/python3" // Debian's, which has Debian's aiosmtpd
	if out, err := exec.Command(python, "-c", "import aiosmtpd").CombinedOutput(); err != nil {
		t.Fatalf("aiosmtpd is missing: apt-get install -y --no-install-recommends python3-aiosmtpd\n%s", out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address, dir = l.Addr().String(), filepath.Join(t.TempDir(), "mail")
	_ = l.Close()
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.Command(python, "testdata/smtpd.py", dir, port, a.path("server"), a.path("server-key"), mode, "cofre", password)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() })
	wait(t, "the mail server to listen", func() bool {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	})
	return address, dir
}

func mailsIn(dir string) (texts []string) {
	files, _ := filepath.Glob(dir + "/new/*")
	for _, f := range files {
		b, _ := os.ReadFile(f)
		texts = append(texts, string(b))
	}
	return texts
}

func TestRealMail(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"starttls", "tls"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t)
			a.issue(t, "server", false)
			address, dir := mailServer(t, a, mode, "right horse")
			good := MailConfig{
				Name: "ops", Address: address, Transport: mode, CA: a.path("ca"), From: "cofre@example.org", To: []string{"ops@example.org", "Night <night@example.org>"},
				User: "cofre", PasswordFile: secretIn(t, "right horse"), Every: 5 * time.Second,
			}
			trail := newMemory()
			f, _ := tell(t, Config{Mails: []MailConfig{good}}, trail, t.TempDir())
			trail.finish("n1", model.OpSucceeded)
			wait(t, "the first mail", func() bool {
				if s := f.Status()[0]; s.Error != "" {
					t.Fatal(s.Error)
				}
				return len(mailsIn(dir)) == 2 // one for each address
			})
			trail.finish("n1", model.OpDead, model.OpSucceeded) // within the interval: one mail for both
			trail.finish("n1", model.OpDead)
			wait(t, "the second mail", func() bool { return f.Status()[0].Sent == 4 })
			texts := mailsIn(dir)
			subjects := ""
			for _, s := range texts {
				m, err := mail.ReadMessage(strings.NewReader(s))
				if err != nil || !strings.HasPrefix(m.Header.Get("Message-Id"), "<evt_") || m.Header.Get("Auto-Submitted") != "auto-generated" {
					t.Fatalf("%v: %s", err, s)
				}
				subjects += m.Header.Get("Subject") + ";"
			}
			if len(texts) != 4 || !strings.Contains(subjects, "[cofre] operation.finished succeeded;") || !strings.Contains(subjects, "[cofre] 3 events, 2 failed;") {
				t.Errorf("%d mails: %s", len(texts), subjects)
			}
			for want, change := range map[string]func(*MailConfig){
				"535":                   func(c *MailConfig) { c.PasswordFile = secretIn(t, "wrong") },
				"unknown authority":     func(c *MailConfig) { c.CA = "" },
				"leads to this machine": func(c *MailConfig) { c.Address = strings.Replace(c.Address, "127.0.0.1", "localhost", 1) },
				"to match mail.example": func(c *MailConfig) { c.ServerName = "mail.example.org" },
			} {
				c := good
				change(&c)
				m, err := newMailer(c, Options{}, 2*time.Second)
				if err == nil {
					err = m.Send(t.Context(), []audit.Event{finished(1, "n1", model.OpDead)})
				}
				if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "wrong") {
					t.Errorf("want %q, got %v", want, err)
				}
			}
		})
	}
}

// TestOneAddressIsRefused: the others get their mail, once, and the status says who does not. An address that cannot take mail just now gets
// it later, and nobody else gets it again.
func TestOneAddressIsRefused(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	a.issue(t, "server", false)
	address, dir := mailServer(t, a, "starttls", "right horse")
	cfg := MailConfig{Name: "ops", Address: address, Transport: "starttls", CA: a.path("ca"), From: "cofre@example.org", User: "cofre", PasswordFile: secretIn(t, "right horse"), Every: time.Second,
		To: []string{"gone@example.org", "ops@example.org", "full@example.org"}}
	trail := newMemory()
	f, _ := tell(t, Config{Mails: []MailConfig{cfg}}, trail, t.TempDir())
	trail.finish("n1", model.OpDead)
	wait(t, "the full mailbox to be told of", func() bool { return strings.Contains(f.Status()[0].Error, "full@example.org") })
	if n := len(mailsIn(dir)); n != 1 {
		t.Errorf("%d mails", n)
	}
	if err := os.WriteFile(dir+".room", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wait(t, "the others to have it", func() bool { return f.Status()[0].Sent == 1 })
	if n, s := len(mailsIn(dir)), f.Status()[0]; n != 2 || s.Error != "" || !strings.Contains(s.Note, "gone@example.org") {
		t.Errorf("%d mails, %+v", n, s)
	}
	// Nobody is left: that is a receiver that refuses.
	cfg.To = cfg.To[:1]
	m, err := newMailer(cfg, Options{}, 2*time.Second)
	if err == nil {
		err = m.Send(t.Context(), []audit.Event{finished(1, "n1", model.OpDead)})
	}
	if !refused(err) {
		t.Errorf("%v", err)
	}
}

// TestMailHoldsNoMoreThanAllowed: names and addresses only where the configuration says so, and no value makes a header.
func TestMailHoldsNoMoreThanAllowed(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		m := &mailer{cfg: MailConfig{From: "cofre@example.org", To: []string{"ops@example.org"}, Plaintext: plain}}
		msg, err := m.message([]audit.Event{read(1, "n1", "x\r\nBcc: evil@example.org\r\n\r\n.\r\n")}, "ops@example.org")
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if _, err := msg.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "192.0.2.7") != plain || strings.Contains(b.String(), "\nBcc:") {
			t.Error(b.String())
		}
	}
}
