package ssh_test

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/mask"
	"cofre/executors/ssh"
	"cofre/vault/secret"
)

// TestSparedLogins: a server that drops connections before it asks for a password (MaxStartups, PerSourceMaxStartups) has refused none; one that refused a
// password has.
func TestSparedLogins(t *testing.T) {
	t.Parallel()
	s := target.SSHD(t, "PerSourceMaxStartups 1")
	name, password := s.AddUser(t)
	session := executortest.Kit{Target: endpoint(s)}.Session(executortest.Account{Name: name, Password: password}, "")
	session.Entered = func() { t.Error("entered") }
	p, err := ssh.New().Compile("exec \"true\"\nexpect done\nend")
	if err != nil {
		t.Fatal(err)
	}
	session.ReadTimeout = time.Second
	wrong := executortest.Kit{Target: endpoint(s)}.Session(executortest.Account{Name: name, Password: "Wrong-Pass-1"}, "")
	if _, err := p.Run(t.Context(), wrong); executortest.ClassOf(err) != executors.ClassAuth || executors.IsSpared(err) {
		t.Errorf("a wrong password: %v", err)
	}
	idle := occupy(t, s.Addr())
	if outcome, err := p.Run(t.Context(), session); outcome != executors.NotStarted || executortest.ClassOf(err) != executors.ClassNetwork || !executors.IsSpared(err) {
		t.Errorf("MaxStartups: %s, spared %v: %v", outcome, executors.IsSpared(err), err)
	}
	if in, err := ssh.New().Verify(t.Context(), session, secret.New([]byte(password))); in || !executors.IsSpared(err) {
		t.Errorf("MaxStartups, as a proof: %v, %v", in, err)
	}
	_ = idle.Close()
	entered := false
	session.Entered = func() { entered = true }
	for range 50 { // the server notices it in its own time
		if _, err = p.Run(t.Context(), session); entered {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if !entered {
		t.Errorf("a login that succeeded was not told: %v", err)
	}
}

// TestSecondFactorSSHD: a server that takes the secret and demands another one besides has not said that it is wrong: it proves nothing, and
// no login has failed. A wrong one is wrong there too.
func TestSecondFactorSSHD(t *testing.T) {
	t.Parallel()
	for _, methods := range []string{"password,keyboard-interactive", "keyboard-interactive,password", "publickey,password"} {
		s := target.SSHD(t, "KbdInteractiveAuthentication yes", "AuthenticationMethods "+methods)
		name, right := s.AddUser(t)
		wrong := "Wrong-Pass-1"
		if strings.HasPrefix(methods, "publickey") {
			private, public := keyPair(t)
			if err := s.Authorize(name, public); err != nil {
				t.Fatal(err)
			}
			right = private
			wrong, _ = keyPair(t)
		}
		session := executortest.Kit{Target: endpoint(s)}.Session(executortest.Account{Name: name}, "")
		if in, err := ssh.New().Verify(t.Context(), session, secret.New([]byte(right))); in || executortest.ClassOf(err) != executors.ClassAuth || !executors.IsSpared(err) || !strings.Contains(err.Error(), "second") {
			t.Errorf("%s: %v, %v", methods, in, err)
		}
		if in, err := ssh.New().Verify(t.Context(), session, secret.New([]byte(wrong))); in || err != nil {
			t.Errorf("%s, a wrong one: %v, %v", methods, in, err)
		}
	}
}

// occupy takes the one place for connections that have not logged in. The server counts a connection that ended until it has noticed
// that, and drops others meanwhile, with a line that is no greeting.
func occupy(t *testing.T, addr string) net.Conn {
	t.Helper()
	for range 50 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		greeting := make([]byte, 64)
		if n, err := c.Read(greeting); err == nil && strings.HasPrefix(string(greeting[:n]), "SSH-") {
			t.Cleanup(func() { _ = c.Close() })
			return c
		}
		_ = c.Close()
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("the server lets nobody in")
	return nil
}

// TestSuRefusesSSHD: a password that the target refuses within the session is told as such, with the tag whose budget of failing logins
// it costs; a prompt that does not come for another reason is not.
func TestSuRefusesSSHD(t *testing.T) {
	t.Parallel()
	s := target.SSHD(t)
	manager, door := s.AddUser(t)
	account, password := s.AddUser(t)
	k := executortest.Kit{Executor: ssh.New(), Target: endpoint(s), Manager: &executortest.Account{Name: manager, Password: door}}
	const su, late = "set-read-timeout 8\nexpect-regex \"/[$#>%]\\s*$/\"\nexec \"LC_ALL=C su [#USERNAME#] -c true; echo RC=$?.\"\nexpect-regex \"/(?i)password[^\\n]*:\\s*$/\"\nexec [#CURRENT_PASSWORD#]\nexpect \"RC=0.\"\n", "exec \"sleep 9; echo [#NEW_PASSWORD#]\"\nexpect never\nend"
	for _, c := range []struct {
		then     string
		password string
		outcome  executors.Outcome
		class    executors.Class
		denied   mask.Name
	}{
		{late, "Wrong-Pass-1", executors.NotStarted, executors.ClassPolicy, mask.CurrentPassword},
		{"exec \"echo Permission denied\"\nexpect never\n" + late, password, executors.NotStarted, executors.ClassTimeout, ""}, // of something else
		{late, password, executors.Uncertain, executors.ClassTimeout, ""},
	} {
		k.Template = su + c.then
		outcome, err := k.Once(t, executortest.Account{Name: account, Password: c.password}, executortest.Fresh())
		var f *executors.Failure
		if !errors.As(err, &f) || outcome != c.outcome || f.Class != c.class || f.Denied != c.denied || c.denied != "" && !strings.Contains(f.Msg, "refused [#CURRENT_PASSWORD#]") {
			t.Errorf("%s: %v", outcome, err)
		}
	}
}
