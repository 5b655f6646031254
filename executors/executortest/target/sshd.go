package target

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// SSH is an OpenSSH server with PAM whose accounts are accounts of this machine, named cofre-t<random>. It needs root.
type SSH struct {
	port    int
	proc    *process
	hostKey ssh.PublicKey
	public  string // a directory that every account reaches: keys and commands

	mu      sync.Mutex // guards the fields below
	users   []string
	sudoers []string
}

// SSHD starts a server for a test, with a quick stack of PAM. Options are lines of its configuration and win over ours.
func SSHD(t testing.TB, options ...string) *SSH {
	t.Helper()
	dir := t.TempDir()
	stack, err := quickPAM(dir)
	if err != nil {
		t.Fatal(err)
	}
	return closing(t)(startSSHD(dir, stack, options))
}

// SlowSSHD starts a server for a test, with the distribution's stack of PAM: a hash takes its time, a wrong password two seconds.
func SlowSSHD(t testing.TB) *SSH {
	t.Helper()
	return closing(t)(StartSSHD(t.TempDir()))
}

// closing stops what was started when the test ends.
func closing(t testing.TB) func(*SSH, error) *SSH {
	return func(s *SSH, err error) *SSH {
		t.Helper()
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
}

// StartSSHD starts a server in a directory of its own, with the distribution's stack of PAM.
func StartSSHD(dir string, options ...string) (*SSH, error) { return startSSHD(dir, "", options) }

// startSSHD starts a server with the services of PAM that stand in a folder; "": the distribution's.
func startSSHD(dir, pam string, options []string) (*SSH, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("a real sshd with PAM and accounts needs root")
	}
	bin, err := find("openssh-server", "/usr/sbin/sshd", "sshd")
	if err != nil {
		return nil, err
	}
	keygen, err := find("openssh-client", "ssh-keygen")
	if err != nil {
		return nil, err
	}
	for _, tool := range []string{"useradd", "userdel", "chpasswd"} {
		if _, err := find("passwd", "/usr/sbin/"+tool, tool); err != nil {
			return nil, err
		}
	}
	key := filepath.Join(dir, "host_key")
	if err := run(exec.Command(keygen, "-q", "-t", "ed25519", "-N", "", "-f", key)); err != nil {
		return nil, err
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		return nil, err
	}
	s := &SSH{}
	if s.hostKey, _, _, _, err = ssh.ParseAuthorizedKey(public); err != nil {
		return nil, err
	}
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	if s.public, err = os.MkdirTemp("", "cofre-ssh-"); err != nil {
		return nil, err
	}
	if err := errors.Join(os.Chmod(s.public, 0o755), os.Mkdir(filepath.Join(s.public, "keys"), 0o755), os.Mkdir(filepath.Join(s.public, "bin"), 0o755)); err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "sshd_config")
	text := strings.Join(append(options, ""), "\n") + fmt.Sprintf("AuthorizedKeysFile %[1]s/keys/%%u\nSetEnv PATH=%[1]s/bin:/usr/local/bin:/usr/bin:/bin\n", s.public) + fmt.Sprintf("Port %d\nListenAddress 127.0.0.1\nHostKey %s\nPidFile none\nUsePAM yes\nPasswordAuthentication yes\nKbdInteractiveAuthentication no\n"+
		"StrictModes no\nMaxStartups 500\nPrintMotd no\nPrintLastLog no\nAllowUsers cofre-t*\n", s.port, key)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	// Its privilege separation directory is where the distribution put it; sshd does not start without.
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		return nil, err
	}
	if s.proc, err = start(withPAM(pam, bin, "-D", "-e", "-r", "-f", config), filepath.Join(dir, "log")); err != nil {
		return nil, err
	}
	return s, s.proc.ready(func(ctx context.Context) error {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr())
		if err == nil {
			err = c.Close()
		}
		return err
	})
}

// Addr is host:port.
func (s *SSH) Addr() string { return address(s.port) }

// Port is the port on loopback.
func (s *SSH) Port() uint16 { return uint16(s.port) }

// HostKeyLines lists the server's keys as in known_hosts, without host names.
func (s *SSH) HostKeyLines() []string {
	return []string{strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.hostKey)))}
}

// Fingerprint is that of the server's key, as OpenSSH prints it.
func (s *SSH) Fingerprint() string { return ssh.FingerprintSHA256(s.hostKey) }

// AddUser creates an account for a test.
func (s *SSH) AddUser(t testing.TB) (name, password string) {
	t.Helper()
	name, password, err := s.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	return name, password
}

// CreateUser creates an account with a password.
func (s *SSH) CreateUser() (name, pass string, err error) {
	name, pass = "cofre-t"+random(5), password()
	if err := accounts("/usr/sbin/useradd", "-M", "-d", "/", "-s", "/bin/bash", name); err != nil {
		return "", "", err
	}
	s.mu.Lock()
	s.users = append(s.users, name)
	s.mu.Unlock()
	return name, pass, s.SetPassword(name, pass)
}

// SetPassword sets the password of an account as root does.
func (s *SSH) SetPassword(name, pass string) error {
	cmd := exec.Command("/usr/sbin/chpasswd", "-c", "SHA512", "-s", "1000")
	cmd.Stdin = strings.NewReader(name + ":" + pass + "\n")
	return run(cmd)
}

// AllowChpasswd lets an account set passwords, create, lock and remove accounts as root by sudo, without a password.
func (s *SSH) AllowChpasswd(name string) error {
	return s.allow(name, "root", "NOPASSWD: /usr/sbin/chpasswd, /usr/sbin/useradd, /usr/sbin/userdel, /usr/bin/pkill, /usr/sbin/usermod")
}

// AllowPasswd lets an account run passwd as root by sudo, which asks for the account's own password.
func (s *SSH) AllowPasswd(name string) error { return s.allow(name, "root", "/usr/bin/passwd") }

// AllowShellAs lets an account run a shell as any other one but root by sudo, without a password.
func (s *SSH) AllowShellAs(name string) error {
	return s.allow(name, "ALL,!root", "NOPASSWD: /bin/sh, /usr/bin/sh")
}

func (s *SSH) allow(name, as, commands string) error {
	if _, err := find("sudo", "sudo"); err != nil {
		return err
	}
	file := filepath.Join("/etc/sudoers.d", name)
	s.mu.Lock()
	s.sudoers = append(s.sudoers, file)
	s.mu.Unlock()
	return os.WriteFile(file, []byte(name+" ALL=("+as+") "+commands+"\n"), 0o440)
}

// Authorize lets an account log in by a key.
func (s *SSH) Authorize(name string, key ssh.PublicKey) error {
	return os.WriteFile(filepath.Join(s.public, "keys", name), ssh.MarshalAuthorizedKey(key), 0o644)
}

// AddCommand puts a shell script where every account finds it, a login shell by its path alone.
func (s *SSH) AddCommand(name, script string) (string, error) {
	file := filepath.Join(s.public, "bin", name)
	return file, os.WriteFile(file, []byte(script), 0o755)
}

// Login asks the server itself, without any code of ours, whether a password opens an account.
func (s *SSH) Login(name, pass string) (bool, error) {
	return sshLogin(s.Addr(), s.hostKey, name, pass)
}

// LoginKey asks the server whether a private key, in PEM, opens an account.
func (s *SSH) LoginKey(name, private string) (bool, error) {
	signer, err := ssh.ParsePrivateKey([]byte(private))
	if err != nil {
		return false, errors.New("this is no private key")
	}
	return sshAuth(s.Addr(), s.hostKey, name, ssh.PublicKeys(signer))
}

func sshLogin(addr string, key ssh.PublicKey, name, pass string) (bool, error) {
	return sshAuth(addr, key, name, ssh.Password(pass))
}

func sshAuth(addr string, key ssh.PublicKey, name string, auth ssh.AuthMethod) (bool, error) {
	c, err := ssh.Dial("tcp", addr, &ssh.ClientConfig{
		User: name, Auth: []ssh.AuthMethod{auth}, HostKeyCallback: ssh.FixedHostKey(key), Timeout: startLimit,
	})
	if err == nil {
		return true, c.Close()
	}
	if strings.Contains(err.Error(), "unable to authenticate") {
		return false, nil
	}
	return false, err
}

// Stop ends the server and leaves its accounts.
func (s *SSH) Stop() error { return s.proc.stop(syscall.SIGTERM) }

// Close stops the server and removes its accounts.
func (s *SSH) Close() error {
	err := errors.Join(s.proc.stop(syscall.SIGTERM), os.RemoveAll(s.public))
	s.mu.Lock()
	users, sudoers := s.users, s.sudoers
	s.users, s.sudoers = nil, nil
	s.mu.Unlock()
	for _, file := range sudoers {
		err = errors.Join(err, os.Remove(file))
	}
	for _, name := range users {
		// -f: a shell that is just ending must not keep the account.
		err = errors.Join(err, accounts("/usr/sbin/userdel", "-f", name))
	}
	return err
}

// files is held by the tool that writes the account files: tools give up at once when another one holds their lock.
var files sync.Mutex

// accounts runs such a tool, and again while another program holds the lock.
func accounts(tool string, args ...string) error {
	files.Lock()
	defer files.Unlock()
	for end := time.Now().Add(startLimit); ; time.Sleep(20 * time.Millisecond) {
		if err := run(exec.Command(tool, args...)); err == nil || time.Now().After(end) || !strings.Contains(err.Error(), "lock") {
			return err
		}
	}
}

// PortOf reads the port of host:port; 0 if there is none.
func PortOf(addr string) uint16 {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return 0
	}
	return uint16(n)
}
