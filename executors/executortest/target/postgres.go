package target

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// Postgres is a PostgreSQL cluster of its own, with SCRAM passwords and with TLS offered and not demanded.
type Postgres struct {
	AdminUser     string
	AdminPassword string

	port  int
	proc  *process
	serve func() *exec.Cmd
	ca    string
	log   string
}

// PostgreSQL starts a server for a test.
func PostgreSQL(t testing.TB) *Postgres {
	t.Helper()
	dir, err := os.MkdirTemp("", "cofre-pg-")
	if err != nil {
		t.Fatal(err)
	}
	p, err := StartPostgres(dir)
	t.Cleanup(func() {
		if p != nil {
			if err := p.Close(); err != nil {
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
	return p
}

// StartPostgres makes a cluster in an empty directory and starts it, as user postgres if we are root. Every statement
// is written to its log, so that tests can search it for secrets.
func StartPostgres(dir string) (*Postgres, error) {
	initdb, err := find("postgresql", "/usr/lib/postgresql/*/bin/initdb", "initdb")
	if err != nil {
		return nil, err
	}
	server, err := find("postgresql", "/usr/lib/postgresql/*/bin/postgres", "postgres")
	if err != nil {
		return nil, err
	}
	p := &Postgres{AdminUser: "postgres", AdminPassword: password(), log: filepath.Join(dir, "log")}
	if p.port, err = freePort(); err != nil {
		return nil, err
	}
	home, data, pass := filepath.Join(dir, "pg"), filepath.Join(dir, "pg", "data"), filepath.Join(dir, "pg", "pass")
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(home, 0o700), os.WriteFile(pass, []byte(p.AdminPassword), 0o600)); err != nil {
		return nil, err
	}
	as, err := serviceUser("postgres", "postgresql")
	if err != nil {
		return nil, err
	}
	cert, key := filepath.Join(home, "cert.pem"), filepath.Join(home, "key.pem")
	if p.ca, err = selfSigned(cert, key); err != nil {
		return nil, err
	}
	if err := give(as, home, pass, cert, key); err != nil {
		return nil, err
	}
	command := func(bin string, args ...string) *exec.Cmd {
		cmd := exec.Command(bin, args...)
		cmd.Dir, cmd.Env, cmd.SysProcAttr = home, []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}, &syscall.SysProcAttr{Credential: as}
		return cmd
	}
	if err := run(command(initdb, "-D", data, "-A", "scram-sha-256", "-U", p.AdminUser, "--pwfile="+pass, "--encoding=UTF8", "--locale=C", "--no-sync")); err != nil {
		return nil, err
	}
	p.serve = func() *exec.Cmd {
		return command(server, "-D", data, "-c", "listen_addresses=127.0.0.1", "-c", "port="+strconv.Itoa(p.port), "-c", "unix_socket_directories="+home,
			"-c", "fsync=off", "-c", "log_statement=all", "-c", "ssl=on", "-c", "ssl_cert_file="+cert, "-c", "ssl_key_file="+key)
	}
	return p, p.Start()
}

// Stop takes the server away, with what it knows kept for Start.
func (p *Postgres) Stop() error { return p.proc.stop(syscall.SIGINT) }

// Start brings the server up.
func (p *Postgres) Start() (err error) {
	if p.proc, err = start(p.serve(), p.log); err != nil {
		return err
	}
	return p.proc.ready(func(ctx context.Context) error {
		c, err := p.connect(ctx, p.AdminUser, p.AdminPassword)
		if err == nil {
			err = c.Close(ctx)
		}
		return err
	})
}

// Addr is host:port.
func (p *Postgres) Addr() string { return address(p.port) }

// Port is the port on loopback.
func (p *Postgres) Port() uint16 { return uint16(p.port) }

// CA is the PEM certificate that proves the server's identity for 127.0.0.1 and localhost.
func (p *Postgres) CA() string { return p.ca }

// Log is everything that the server wrote to its log so far, with every statement.
func (p *Postgres) Log() (string, error) {
	b, err := os.ReadFile(p.log)
	return string(b), err
}

// AddRole creates a login role for a test.
func (p *Postgres) AddRole(t testing.TB) (name, password string) {
	t.Helper()
	name, password, err := p.CreateRole("cofre_t" + random(5))
	if err != nil {
		t.Fatal(err)
	}
	return name, password
}

// CreateRole creates a login role of any name.
func (p *Postgres) CreateRole(name string) (string, string, error) {
	pass := password()
	return name, pass, p.Exec(fmt.Sprintf(`CREATE ROLE %s LOGIN PASSWORD '%s'`, `"`+strings.ReplaceAll(name, `"`, `""`)+`"`, pass))
}

// Exec runs SQL as the administrator.
func (p *Postgres) Exec(sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	c, err := p.connect(ctx, p.AdminUser, p.AdminPassword)
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, sql).ReadAll()
	return errors.Join(err, c.Close(ctx))
}

// Roles lists the roles whose names begin so.
func (p *Postgres) Roles(prefix string) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	c, err := p.connect(ctx, p.AdminUser, p.AdminPassword)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close(ctx) }()
	r := c.ExecParams(ctx, "SELECT rolname FROM pg_roles WHERE starts_with(rolname, $1)", [][]byte{[]byte(prefix)}, nil, nil, nil).Read()
	var names []string
	for _, row := range r.Rows {
		names = append(names, string(row[0]))
	}
	return names, r.Err
}

// Login asks the server itself, without any code of ours, whether a password opens a role.
func (p *Postgres) Login(name, pass string) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	c, err := p.connect(ctx, name, pass)
	if err == nil {
		return true, c.Close(ctx)
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "28P01" {
		return false, nil
	}
	return false, err
}

func (p *Postgres) connect(ctx context.Context, name, pass string) (*pgconn.PgConn, error) {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(name, pass), Host: p.Addr(), Path: "/postgres", RawQuery: "sslmode=disable"}
	return pgconn.Connect(ctx, u.String())
}

// Close stops the server at once; its data is thrown away anyhow.
func (p *Postgres) Close() error {
	if p.proc == nil {
		return nil
	}
	return p.proc.stop(syscall.SIGQUIT)
}
