package main

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5"
	"golang.org/x/crypto/ssh"

	"cofre/fsm/model"
)

// managed is a PostgreSQL whose roles are changed by another one, as rotations usually are.
type managed struct {
	*database
	boss role
	kept chan *pgx.Conn // sessions of the bare loop's lanes; nil: it logs in for each change
}

func (s *server) manage(ctx context.Context, d *database) (m *managed, err error) {
	m = &managed{database: d}
	if m.boss.name, m.boss.password, err = d.CreateRole(dynamicManager); err != nil {
		return nil, err
	}
	return m, errors.Join(d.Exec("ALTER ROLE "+dynamicManager+" SUPERUSER"), s.store(ctx, "localhost", m.boss))
}

// keep lets the lanes of the bare loop keep their sessions.
func (m *managed) keep() {
	m.kept = make(chan *pgx.Conn, model.DefaultAutomation().Lanes)
	for range cap(m.kept) {
		m.kept <- nil
	}
}

// store takes the password of somebody who changes others.
func (s *server) store(ctx context.Context, host string, boss role) error {
	return s.admin.Do(ctx, http.MethodPost, "/api/v1/credentials", map[string]any{"identifier": boss.name, "hostname": host, "username": boss.name, "secret": boss.password}, nil)
}

func (m *managed) execution() (string, map[string]any) {
	host, settings := m.database.execution()
	settings["authentication"] = m.boss.name
	return host, settings
}

func (m *managed) change(ctx context.Context, r *role) error {
	fresh := freshOf(r)
	if err := m.alter(ctx, alter(r, fresh)); err != nil {
		return err
	}
	r.password = fresh
	return m.as(ctx, *r, "SELECT 1")
}

func (m *managed) alter(ctx context.Context, sql string) (err error) {
	if m.kept == nil {
		return m.as(ctx, m.boss, sql)
	}
	c := <-m.kept
	defer func() { m.kept <- c }()
	if c == nil {
		if c, err = m.logIn(ctx, m.boss); err != nil {
			return err
		}
	}
	_, err = c.Exec(ctx, sql)
	return err
}

// chpasswd is a real sshd where a manager with sudo sets the passwords of Linux users.
type chpasswd struct {
	*linux
	boss role
}

func (s *server) sudo(ctx context.Context, l *linux) (c *chpasswd, err error) {
	c = &chpasswd{linux: l}
	if c.boss.name, c.boss.password, err = l.CreateUser(); err != nil {
		return nil, err
	}
	return c, errors.Join(l.AllowChpasswd(c.boss.name), s.store(ctx, "linux", c.boss))
}

func (c *chpasswd) execution() (string, map[string]any) {
	return "linux", map[string]any{"template": "Linux chpasswd (sudo)", "authentication": c.boss.name}
}

// change is what a client without a memory does: log in as the manager, chpasswd, log in anew as the user.
func (c *chpasswd) change(_ context.Context, r *role) error {
	boss, err := c.dial(c.boss.name, c.boss.password)
	if err != nil {
		return err
	}
	fresh := freshLine()
	if err := errors.Join(set(boss, r.name, fresh), boss.Close()); err != nil {
		return err
	}
	r.password = fresh
	return c.comesIn(r)
}

func set(boss *ssh.Client, name, fresh string) error {
	s, err := boss.NewSession()
	if err != nil {
		return err
	}
	s.Stdin = strings.NewReader(name + ":" + fresh + "\n")
	return s.Run("sudo -n /usr/sbin/chpasswd")
}
