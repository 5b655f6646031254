package target

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// Maria is a MariaDB server of its own, with TLS offered and not demanded, that writes every statement to a log.
type Maria struct {
	AdminUser     string
	AdminPassword string

	port int
	proc *process
	ca   string
	log  string
	db   *sql.DB // as the administrator
}

// MariaDB starts a server for a test. Further arguments are options of the server.
func MariaDB(t testing.TB, options ...string) *Maria {
	t.Helper()
	dir, err := os.MkdirTemp("", "cofre-my-")
	if err != nil {
		t.Fatal(err)
	}
	m, err := StartMariaDB(dir, options...)
	t.Cleanup(func() {
		if m != nil {
			if err := m.Close(); err != nil {
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
	return m
}

// StartMariaDB makes a data directory in an empty directory and starts a server on it, as user mysql if we are root.
func StartMariaDB(dir string, options ...string) (*Maria, error) {
	install, err := find("mariadb-server", "mariadb-install-db")
	if err != nil {
		return nil, err
	}
	server, err := find("mariadb-server", "/usr/sbin/mariadbd", "mariadbd")
	if err != nil {
		return nil, err
	}
	home := filepath.Join(dir, "my")
	data, setup, cert, key := filepath.Join(home, "data"), filepath.Join(home, "init"), filepath.Join(home, "cert.pem"), filepath.Join(home, "key.pem")
	m := &Maria{AdminUser: "cofre_admin", AdminPassword: password(), log: filepath.Join(home, "log")}
	if m.port, err = freePort(); err != nil {
		return nil, err
	}
	// One statement on each line: the server reads the file so.
	first := fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED BY '%s';\nGRANT ALL ON *.* TO '%s'@'%%' WITH GRANT OPTION;\n", m.AdminUser, m.AdminPassword, m.AdminUser)
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(home, 0o700), os.WriteFile(setup, []byte(first), 0o600)); err != nil {
		return nil, err
	}
	if m.ca, err = selfSigned(cert, key); err != nil {
		return nil, err
	}
	as, err := serviceUser("mysql", "mariadb-server")
	if err != nil {
		return nil, err
	}
	if err := give(as, home, setup, cert, key); err != nil {
		return nil, err
	}
	// Servers that share a temporary directory remove each other's tables.
	command := func(bin string, args ...string) *exec.Cmd {
		cmd := exec.Command(bin, append([]string{"--no-defaults", "--datadir=" + data}, args...)...)
		cmd.Dir, cmd.Env, cmd.SysProcAttr = home, []string{"LC_ALL=C", "TMPDIR=" + home, "PATH=" + os.Getenv("PATH")}, &syscall.SysProcAttr{Credential: as}
		return cmd
	}
	if err := run(command(install, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")); err != nil {
		return nil, err
	}
	// The many connections that tests cut must not make the server shut us out.
	if m.proc, err = start(command(server, append([]string{"--bind-address=127.0.0.1", "--port=" + strconv.Itoa(m.port), "--socket=" + filepath.Join(home, "s"),
		"--pid-file=" + filepath.Join(home, "pid"), "--init-file=" + setup, "--skip-name-resolve", "--max-connect-errors=1000000", "--innodb-flush-log-at-trx-commit=0",
		"--ssl-cert=" + cert, "--ssl-key=" + key, "--general-log=1", "--general-log-file=" + m.log}, options...)...), filepath.Join(dir, "log")); err != nil {
		return nil, err
	}
	if m.db, err = m.open(m.AdminUser, m.AdminPassword); err != nil {
		return m, err
	}
	return m, m.proc.ready(m.db.PingContext)
}

// Addr is host:port.
func (m *Maria) Addr() string { return address(m.port) }

// Port is the port on loopback.
func (m *Maria) Port() uint16 { return uint16(m.port) }

// CA is the PEM certificate that proves the server's identity for 127.0.0.1 and localhost.
func (m *Maria) CA() string { return m.ca }

// Log is everything that the server wrote to its general log so far, with every statement.
func (m *Maria) Log() (string, error) {
	b, err := os.ReadFile(m.log)
	return string(b), err
}

// DB is a pool of connections as the administrator.
func (m *Maria) DB() *sql.DB { return m.db }

// AddUser creates an account for a test.
func (m *Maria) AddUser(t testing.TB) (name, password string) {
	t.Helper()
	name, password, err := m.CreateUser("cofre_t"+random(5), "%")
	if err != nil {
		t.Fatal(err)
	}
	return name, password
}

// CreateUser creates an account of any name.
func (m *Maria) CreateUser(name, host string) (string, string, error) {
	pass := password()
	quote := strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace
	_, err := m.db.Exec(fmt.Sprintf("CREATE USER '%s'@'%s' IDENTIFIED BY '%s'", quote(name), quote(host), pass))
	return name, pass, err
}

// Login asks the server itself, without any code of ours, whether a password opens an account.
func (m *Maria) Login(name, pass string) (bool, error) {
	db, err := m.open(name, pass)
	if err != nil {
		return false, err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	var no *mysql.MySQLError
	if err = db.PingContext(ctx); errors.As(err, &no) && no.Number == 1045 {
		return false, nil
	}
	return err == nil, err
}

func (m *Maria) open(name, pass string) (*sql.DB, error) {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.Logger = name, pass, "tcp", m.Addr(), &mysql.NopLogger{}
	c, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(c), nil
}

// Close stops the server at once; its data is thrown away anyhow.
func (m *Maria) Close() error {
	var err error
	if m.db != nil {
		err = m.db.Close()
	}
	if m.proc == nil {
		return err
	}
	return errors.Join(err, m.proc.stop(syscall.SIGKILL))
}
