package target

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/go-ldap/ldap/v3"
)

// Slapd is an OpenLDAP server of its own with LDAPS, and LDAP with StartTLS, that refuses passwords of less than eight
// characters. It writes every operation to a log.
type Slapd struct {
	AdminDN       string
	AdminPassword string

	port, plain int
	proc        *process
	ca          string
	log         string
}

// PeopleDN is the branch that holds the accounts.
const PeopleDN = "ou=people,dc=cofre,dc=test"

// OpenLDAP starts a server for a test.
func OpenLDAP(t testing.TB) *Slapd {
	t.Helper()
	dir, err := os.MkdirTemp("", "cofre-ldap-")
	if err != nil {
		t.Fatal(err)
	}
	s, err := StartSlapd(dir)
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

const slapdConfig = `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
attributetype ( 1.3.6.1.4.1.4203.666.1.1 NAME 'unicodePwd' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
objectclass ( 1.3.6.1.4.1.4203.666.2.1 NAME 'windowsAccount' SUP top AUXILIARY MAY unicodePwd )
pidfile %[1]s/pid
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
TLSCertificateFile %[1]s/cert.pem
TLSCertificateKeyFile %[1]s/key.pem
database mdb
maxsize 67108864
suffix dc=cofre,dc=test
rootdn cn=root,dc=cofre,dc=test
rootpw %[2]s
directory %[1]s/data
dbnosync
overlay ppolicy
ppolicy_default cn=policy,dc=cofre,dc=test
access to attrs=userPassword by dn=cn=admin,dc=cofre,dc=test write by self write by anonymous auth by * none
access to * by dn=cn=admin,dc=cofre,dc=test write by users read by * none
`

// StartSlapd makes a directory in an empty folder and starts a server on it.
func StartSlapd(dir string) (*Slapd, error) {
	bin, err := find("slapd", "/usr/sbin/slapd", "slapd")
	if err != nil {
		return nil, err
	}
	s := &Slapd{AdminDN: "cn=admin,dc=cofre,dc=test", AdminPassword: password(), log: filepath.Join(dir, "log")}
	for _, port := range []*int{&s.port, &s.plain} {
		if *port, err = freePort(); err != nil {
			return nil, err
		}
	}
	config, root := filepath.Join(dir, "slapd.conf"), password()
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "data"), 0o700), os.WriteFile(config, fmt.Appendf(nil, slapdConfig, dir, root), 0o600)); err != nil {
		return nil, err
	}
	if s.ca, err = selfSigned(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")); err != nil {
		return nil, err
	}
	cmd := exec.Command(bin, "-f", config, "-h", fmt.Sprintf("ldap://%s ldaps://%s", address(s.plain), address(s.port)), "-d", "256")
	cmd.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}
	if s.proc, err = start(cmd, s.log); err != nil {
		return nil, err
	}
	return s, s.proc.ready(func(context.Context) error { return s.fill(root) })
}

// fill makes the branches, the administrator and the policy.
func (s *Slapd) fill(root string) error {
	c, err := s.connect("cn=root,dc=cofre,dc=test", root)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, e := range []struct {
		dn    string
		class string
		more  map[string]string
	}{
		{"dc=cofre,dc=test", "domain", nil},
		{PeopleDN, "organizationalUnit", nil},
		{s.AdminDN, "organizationalRole", map[string]string{"userPassword": s.AdminPassword}},
		{"cn=policy,dc=cofre,dc=test", "organizationalRole", map[string]string{"pwdAttribute": "userPassword", "pwdMinLength": "8", "pwdCheckQuality": "2"}},
	} {
		req := ldap.NewAddRequest(e.dn, nil)
		classes := []string{e.class}
		switch {
		case e.more["userPassword"] != "":
			classes = append(classes, "simpleSecurityObject")
		case e.more != nil:
			classes = append(classes, "pwdPolicy")
		}
		req.Attribute("objectClass", classes)
		for k, v := range e.more {
			req.Attribute(k, []string{v})
		}
		if err := c.Add(req); err != nil && !ldap.IsErrorWithCode(err, ldap.LDAPResultEntryAlreadyExists) {
			return fmt.Errorf("add %s: %w", e.dn, err)
		}
	}
	return nil
}

// Port is the LDAPS port on loopback.
func (s *Slapd) Port() uint16 { return uint16(s.port) }

// PlainPort is the port of LDAP with StartTLS.
func (s *Slapd) PlainPort() uint16 { return uint16(s.plain) }

// CA is the PEM certificate that proves the server's identity for 127.0.0.1 and localhost.
func (s *Slapd) CA() string { return s.ca }

// Log is everything that the server wrote so far: each operation with its names and results.
func (s *Slapd) Log() (string, error) {
	b, err := os.ReadFile(s.log)
	return string(b), err
}

// AddUser creates an account for a test and returns its DN.
func (s *Slapd) AddUser(t testing.TB) (dn, password string) {
	t.Helper()
	_, dn, password, err := s.CreateUser("cofre-t" + random(5))
	if err != nil {
		t.Fatal(err)
	}
	return dn, password
}

// CreateUser creates an account with any uid.
func (s *Slapd) CreateUser(uid string) (name, dn, pass string, err error) {
	c, err := s.connect(s.AdminDN, s.AdminPassword)
	if err != nil {
		return "", "", "", err
	}
	defer c.Close()
	dn, pass = "uid="+ldap.EscapeDN(uid)+","+PeopleDN, password()
	req := ldap.NewAddRequest(dn, nil)
	for k, v := range map[string][]string{"objectClass": {"inetOrgPerson"}, "uid": {uid}, "cn": {"x"}, "sn": {"x"}} {
		req.Attribute(k, v)
	}
	if err = c.Add(req); err == nil {
		_, err = c.PasswordModify(ldap.NewPasswordModifyRequest(dn, "", pass))
	}
	return uid, dn, pass, err
}

// Stored reads attributes of an entry as the administrator.
func (s *Slapd) Stored(dn, attribute string) ([]string, error) {
	c, err := s.connect(s.AdminDN, s.AdminPassword)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	found, err := c.Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", []string{attribute}, nil))
	if err != nil {
		return nil, err
	}
	return found.Entries[0].GetAttributeValues(attribute), nil
}

// Login asks the server itself, without any code of ours, whether a password opens an entry.
func (s *Slapd) Login(dn, pass string) (bool, error) {
	c, err := s.connect(dn, pass)
	if ldap.IsErrorWithCode(err, ldap.LDAPResultInvalidCredentials) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, c.Close()
}

func (s *Slapd) connect(dn, pass string) (*ldap.Conn, error) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(s.ca))
	c, err := ldap.DialURL("ldaps://"+address(s.port), ldap.DialWithTLSConfig(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}))
	if err != nil {
		return nil, err
	}
	if err := c.Bind(dn, pass); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Close stops the server at once; its data is thrown away anyhow.
func (s *Slapd) Close() error {
	if s.proc == nil {
		return nil
	}
	return s.proc.stop(syscall.SIGKILL)
}
