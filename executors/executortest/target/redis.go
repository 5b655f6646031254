package target

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// RedisServer is a Redis of its own with users from an ACL file, on one port with TLS and on one without.
type RedisServer struct {
	AdminUser     string
	AdminPassword string

	port, plain int
	proc        *process
	ca          string
	home, cli   string
}

// Redis starts a server for a test.
func Redis(t testing.TB) *RedisServer {
	t.Helper()
	s, err := StartRedis(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// StartRedis starts a server in a directory of its own.
func StartRedis(dir string) (*RedisServer, error) {
	bin, err := find("redis-server", "redis-server")
	if err != nil {
		return nil, err
	}
	s := &RedisServer{AdminUser: "cofre_admin", AdminPassword: password(), home: dir}
	if s.cli, err = find("redis-tools", "redis-cli"); err != nil {
		return nil, err
	}
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	if s.plain, err = freePort(); err != nil {
		return nil, err
	}
	acl, cert, key := filepath.Join(dir, "users.acl"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	users := fmt.Sprintf("user default off\nuser %s on >%s ~* &* +@all\n", s.AdminUser, s.AdminPassword)
	if err := os.WriteFile(acl, []byte(users), 0o600); err != nil {
		return nil, err
	}
	if s.ca, err = selfSigned(cert, key); err != nil {
		return nil, err
	}
	cmd := exec.Command(bin, "--bind", "127.0.0.1", "--port", strconv.Itoa(s.plain), "--tls-port", strconv.Itoa(s.port), "--tls-cert-file", cert, "--tls-key-file", key,
		"--tls-ca-cert-file", cert, "--tls-auth-clients", "no", "--dir", dir, "--aclfile", acl, "--save", "")
	if s.proc, err = start(cmd, filepath.Join(dir, "log")); err != nil {
		return nil, err
	}
	return s, s.proc.ready(func(context.Context) error {
		ok, err := s.Login(s.AdminUser, s.AdminPassword)
		if err == nil && !ok {
			err = errors.New("the administrator cannot log in")
		}
		return err
	})
}

// Port is the port with TLS, on loopback.
func (s *RedisServer) Port() uint16 { return uint16(s.port) }

// PlainPort is the port without TLS.
func (s *RedisServer) PlainPort() uint16 { return uint16(s.plain) }

// CA is the PEM certificate that proves the server's identity for 127.0.0.1 and localhost.
func (s *RedisServer) CA() string { return s.ca }

// Saved is the ACL file as it is on disk.
func (s *RedisServer) Saved() (string, error) {
	b, err := os.ReadFile(filepath.Join(s.home, "users.acl"))
	return string(b), err
}

// ask runs the server's own client. Secrets go by its environment.
func (s *RedisServer) ask(user, pass string, args ...string) (string, error) {
	cmd := exec.Command(s.cli, append([]string{"-h", "127.0.0.1", "-p", strconv.Itoa(s.plain), "--user", user, "--no-auth-warning"}, args...)...)
	cmd.Env = []string{"REDISCLI_AUTH=" + pass, "PATH=" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// AddUser creates a user for a test.
func (s *RedisServer) AddUser(t testing.TB) (name, pass string) {
	t.Helper()
	name, pass, err := s.CreateUser("cofre_t" + random(5))
	if err != nil {
		t.Fatal(err)
	}
	return name, pass
}

// CreateUser creates a user with a new password.
func (s *RedisServer) CreateUser(name string) (same, pass string, err error) {
	pass = password()
	if out, err := s.ask(s.AdminUser, s.AdminPassword, "acl", "setuser", name, "on", ">"+pass, "~app:*", "+@read"); err != nil || !strings.HasPrefix(out, "OK") {
		return "", "", fmt.Errorf("redis-cli: %w: %s", err, out)
	}
	return name, pass, nil
}

// Login asks the server itself, by its own client, whether a password opens an account. Both go by its standard input, byte by byte,
// since no environment holds a NUL.
func (s *RedisServer) Login(name, pass string) (bool, error) {
	cmd := exec.Command(s.cli, "-h", "127.0.0.1", "-p", strconv.Itoa(s.plain))
	cmd.Stdin = strings.NewReader("auth " + quotedBytes(name) + " " + quotedBytes(pass) + "\n")
	out, err := cmd.CombinedOutput()
	switch answer := string(out); {
	case err == nil && strings.HasPrefix(answer, "OK"):
		return true, nil
	case strings.HasPrefix(answer, "WRONGPASS"):
		return false, nil
	}
	return false, fmt.Errorf("redis-cli: %w: %s", err, out)
}

// quotedBytes writes a text as redis-cli reads it.
func quotedBytes(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, `\x%02x`, s[i])
	}
	return `"` + b.String() + `"`
}

// Close stops the server.
func (s *RedisServer) Close() error { return s.proc.stop(syscall.SIGTERM) }
