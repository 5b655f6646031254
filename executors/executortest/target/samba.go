package target

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"golang.org/x/sys/unix"
)

// Samba is an Active Directory domain controller of its own: a real Samba in namespaces of its own,
// because the ports of a directory cannot be chosen. Its ports are reached through relays on loopback. It takes a replaced
// password for another hour over NTLM and simple binds, as its documents say, and refuses short and simple ones.
type Samba struct {
	AdminUser     string // with the right to everything in the domain
	AdminPassword string

	proc             *process
	ca               string
	ldaps, ldap, smb *relay
}

// The domain that every Samba serves.
const (
	Realm   = "cofre.test"
	NetBIOS = "COFRE"
	UsersDN = "CN=Users,DC=cofre,DC=test"
)

// sambaAdmin is the password of Administrator; the servers hear nobody from outside this machine.
const sambaAdmin = "Aa1-samba-admin-Zz9"

// ActiveDirectory starts a domain controller for a test.
func ActiveDirectory(t testing.TB) *Samba {
	t.Helper()
	dir, err := os.MkdirTemp("", "cofre-ad-")
	if err != nil {
		t.Fatal(err)
	}
	s, err := StartSamba(dir)
	t.Cleanup(func() {
		if s != nil {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const sambaConfig = `[global]
netbios name = DC
workgroup = COFRE
realm = COFRE.TEST
server role = active directory domain controller
server services = s3fs, rpc, ldap, winbindd
private dir = %[1]s/ad/private
state directory = %[1]s/ad/state
cache directory = %[1]s/ad/cache
lock directory = %[1]s/ad
pid directory = %[1]s/run
ncalrpc dir = %[1]s/run/ncalrpc
log file = %[1]s/log.%%m
interfaces = lo
bind interfaces only = yes
tls certfile = %[1]s/cert.pem
tls keyfile = %[1]s/key.pem
tls cafile = %[1]s/cert.pem
load printers = no
printing = bsd
dns update command = /bin/true
spn update command = /bin/true
`

// StartSamba starts a domain controller on an empty folder. It needs root, for the namespaces.
func StartSamba(dir string) (*Samba, error) {
	bin, err := find("samba-ad-dc", "/usr/sbin/samba", "samba")
	if err != nil {
		return nil, err
	}
	domain, err := provisioned(bin)
	if err != nil {
		return nil, err
	}
	s := &Samba{AdminUser: "Administrator", AdminPassword: sambaAdmin}
	config := filepath.Join(dir, "smb.conf")
	if s.ca, err = selfSigned(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")); err != nil {
		return nil, err
	}
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "run"), 0o755), os.WriteFile(config, fmt.Appendf(nil, sambaConfig, dir), 0o600),
		run(exec.Command("cp", "-a", domain, filepath.Join(dir, "ad")))); err != nil {
		return nil, err
	}
	cmd := exec.Command("sh", "-c", `mount -t tmpfs tmpfs /run && mkdir /run/samba && ip link set lo up && exec "$0" --foreground --no-process-group --debug-stdout -s "$1"`, bin, config)
	cmd.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}
	// Its processes end with it, and a /run of its own holds the one socket whose place cannot be chosen.
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWPID, Unshareflags: unix.CLONE_NEWNS}
	if s.proc, err = start(cmd, filepath.Join(dir, "log")); err != nil {
		return nil, err
	}
	for port, r := range map[int]**relay{636: &s.ldaps, 389: &s.ldap, 445: &s.smb} {
		if *r, err = openRelay(cmd.Process.Pid, port); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, s.proc.ready(func(context.Context) error {
		c, err := dialIn(cmd.Process.Pid, "127.0.0.1:445")
		if err != nil {
			return err
		}
		ok, err := s.Login(s.AdminUser, s.AdminPassword)
		if err == nil && !ok {
			err = errors.New("the administrator cannot log in")
		}
		return errors.Join(err, c.Close())
	})
}

// provisioned returns a folder with a new domain. Making one takes seven seconds of CPU, so it is made once for each version of Samba and
// kept in the user's cache; every server works on a copy.
func provisioned(bin string) (string, error) {
	tool, err := find("samba samba-ad-provision", "samba-tool")
	if err != nil {
		return "", err
	}
	args := []string{"domain", "provision", "--server-role=dc", "--use-rfc2307", "--dns-backend=NONE", "--realm=" + Realm, "--domain=" + NetBIOS, "--host-name=dc", "--host-ip=127.0.0.1"}
	version, err := exec.Command(bin, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", bin, err)
	}
	sum := sha256.Sum256(fmt.Append(version, args, sambaAdmin))
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	home := filepath.Join(cache, "cofre-test-samba-"+strconv.Itoa(os.Getuid())+"-"+hex.EncodeToString(sum[:6]))
	if err := os.MkdirAll(home, 0o700); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(home, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil { // other tests may want the same at this moment
		return "", err
	}
	done, raw := filepath.Join(home, "ad"), filepath.Join(home, "raw")
	if _, err := os.Stat(done); err == nil {
		return done, nil
	}
	if err := os.RemoveAll(raw); err != nil { // of a run that was ended
		return "", err
	}
	if err := run(exec.Command(tool, append(args, "--adminpass="+sambaAdmin, "--targetdir="+raw)...)); err != nil {
		return "", err
	}
	// Users may change their password at once and again.
	if err := run(exec.Command(tool, "domain", "passwordsettings", "set", "--min-pwd-age=0", "--history-length=0",
		"-H", filepath.Join(raw, "private", "sam.ldb"), "-s", filepath.Join(raw, "etc", "smb.conf"))); err != nil {
		return "", err
	}
	return done, os.Rename(raw, done)
}

// Port is the LDAPS port on loopback.
func (s *Samba) Port() uint16 { return s.ldaps.port() }

// PlainPort is the port of LDAP with StartTLS.
func (s *Samba) PlainPort() uint16 { return s.ldap.port() }

// SMBPort is the port of the named pipes.
func (s *Samba) SMBPort() uint16 { return s.smb.port() }

// CA is the PEM certificate that proves the server's identity for 127.0.0.1 and localhost.
func (s *Samba) CA() string { return s.ca }

// AddUser creates a user for a test.
func (s *Samba) AddUser(t testing.TB) (name, pass string) {
	t.Helper()
	name, pass = "cofre-t"+random(5), password()
	if err := s.CreateUser(name, pass); err != nil {
		t.Fatal(err)
	}
	return name, pass
}

// CreateUser creates a user of a name that needs no escaping.
func (s *Samba) CreateUser(name, pass string) error {
	c, err := s.connect(s.AdminUser, s.AdminPassword)
	if err != nil {
		return err
	}
	defer c.Close()
	req := ldap.NewAddRequest(DN(name), nil)
	for k, v := range map[string]string{"objectClass": "user", "sAMAccountName": name, "userAccountControl": "512", "unicodePwd": utf16le(`"` + pass + `"`)} {
		req.Attribute(k, []string{v})
	}
	return c.Add(req)
}

// DN is where a user stands in the directory.
func DN(name string) string { return "CN=" + ldap.EscapeDN(name) + "," + UsersDN }

// Stored reads an attribute of a user; nil for a user that does not exist.
func (s *Samba) Stored(name, attribute string) ([]string, error) {
	c, err := s.connect(s.AdminUser, s.AdminPassword)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	found, err := c.Search(ldap.NewSearchRequest(UsersDN, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false,
		"(sAMAccountName="+ldap.EscapeFilter(name)+")", []string{attribute}, nil))
	if err != nil || len(found.Entries) == 0 {
		return nil, err
	}
	return found.Entries[0].GetAttributeValues(attribute), nil
}

// Login asks the server itself, without any code of ours, whether a password opens an account.
func (s *Samba) Login(name, pass string) (bool, error) {
	c, err := s.connect(name, pass)
	if ldap.IsErrorWithCode(err, ldap.LDAPResultInvalidCredentials) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, c.Close()
}

func (s *Samba) connect(name, pass string) (*ldap.Conn, error) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(s.ca))
	c, err := ldap.DialURL("ldaps://"+address(int(s.Port())), ldap.DialWithTLSConfig(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}))
	if err != nil {
		return nil, err
	}
	if err := c.Bind(name+"@"+Realm, pass); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Close stops the server at once, with all of its processes; its data is thrown away anyhow.
func (s *Samba) Close() error {
	err := s.proc.stop(syscall.SIGKILL)
	return errors.Join(err, closeRelays(s.ldaps, s.ldap, s.smb))
}
