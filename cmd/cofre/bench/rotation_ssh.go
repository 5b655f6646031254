package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"golang.org/x/crypto/ssh"

	"cofre/executors/executortest/target"
)

// linux is a real sshd with Linux users, who change their passwords in the dialogue of passwd.
type linux struct{ *target.SSH }

func startLinux(ctx context.Context, s *server, dir string) (*linux, error) {
	home, err := os.MkdirTemp(dir, "sshd")
	if err == nil {
		err = os.Chmod(home, 0o755)
	}
	if err != nil {
		return nil, err
	}
	sshd, err := target.StartSSHD(home)
	if err != nil {
		return nil, err
	}
	l := &linux{sshd}
	device := map[string]any{"hostname": "linux", "ip": "127.0.0.1", "connectivities": []map[string]any{{"protocol": "SSH", "port": sshd.Port()}}}
	var keys []map[string]string
	for _, k := range sshd.HostKeyLines() {
		keys = append(keys, map[string]string{"key": k})
	}
	return l, errors.Join(s.admin.Do(ctx, http.MethodPost, "/api/v1/devices", device, nil),
		s.admin.Do(ctx, http.MethodPost, "/api/v1/devices/linux/trust", map[string]any{"keys": keys}, nil))
}

func (l *linux) create() (string, string, error) { return l.CreateUser() }
func (l *linux) execution() (string, map[string]any) {
	return "linux", map[string]any{"template": "Linux passwd"}
}

// change is what a client without a memory does: log in, passwd, log in anew.
func (l *linux) change(_ context.Context, r *role) error {
	c, err := l.dial(r.name, r.password)
	if err != nil {
		return err
	}
	fresh := freshLine()
	if err := errors.Join(passwd(c, r.password, fresh), c.Close()); err != nil {
		return err
	}
	r.password = fresh
	return l.comesIn(r)
}

// freshLine is a new password that passes PAM.
func freshLine() string { return fmt.Sprintf("Nq%d-Zx", time.Now().UnixNano()) }

// comesIn proves a password by a login of its own.
func (l *linux) comesIn(r *role) error {
	c, err := l.dial(r.name, r.password)
	if err != nil {
		return err
	}
	return c.Close()
}

func (l *linux) dial(user, password string) (*ssh.Client, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(l.HostKeyLines()[0]))
	if err != nil {
		return nil, err
	}
	return ssh.Dial("tcp", l.Addr(), &ssh.ClientConfig{User: user, Auth: []ssh.AuthMethod{ssh.Password(password)},
		HostKeyCallback: ssh.FixedHostKey(key), HostKeyAlgorithms: []string{key.Type()}, Timeout: 20 * time.Second})
}

func passwd(c *ssh.Client, old, fresh string) error {
	s, err := c.NewSession()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	in, err := s.StdinPipe()
	if err != nil {
		return err
	}
	out, err := s.StdoutPipe()
	if err != nil {
		return err
	}
	if err := errors.Join(s.RequestPty("xterm", 40, 80, ssh.TerminalModes{ssh.ECHO: 0}), s.Start("passwd")); err != nil {
		return err
	}
	for _, step := range []struct{ prompt, answer string }{{"urrent password:", old}, {"ew password:", fresh}, {"etype new password:", fresh}} {
		if err := until(out, step.prompt); err != nil {
			return err
		}
		if _, err := io.WriteString(in, step.answer+"\n"); err != nil {
			return err
		}
	}
	return errors.Join(until(out, "successfully"), s.Wait())
}

// until reads up to a text.
func until(r io.Reader, text string) error {
	var seen []byte
	for one := make([]byte, 1); !bytes.HasSuffix(seen, []byte(text)); {
		if _, err := r.Read(one); err != nil {
			return fmt.Errorf("before %q: %w", text, err)
		}
		seen = append(seen, one[0])
	}
	return nil
}
