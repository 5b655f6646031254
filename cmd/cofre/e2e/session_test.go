package e2e

import (
	"net/http"
	"syscall"
	"testing"
	"time"

	"cofre/executors/executortest/target"
)

// session is what the API says of one.
type session struct {
	Number uint64 `json:"number"`
	ID     string `json:"id"`
	State  string `json:"state"`
	Ended  string `json:"ended"`
}

// eventually waits for what a target says of a login.
func eventually(t *testing.T, what string, want bool, login func() (bool, error)) {
	t.Helper()
	var in bool
	var err error
	for end := time.Now().Add(40 * time.Second); time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		if in, err = login(); in == want {
			return
		}
	}
	t.Fatalf("%s: logs in: %t (%v)", what, in, err)
}

// TestSessionsOfRealServers: a real Linux account and a real PostgreSQL role are locked, opened when a session begins, and locked
// again when it ends, is dropped, or nobody ends it in its time.
func TestSessionsOfRealServers(t *testing.T) {
	t.Parallel()
	c := Start(t)
	sshd, pg := target.SSHD(t), target.PostgreSQL(t)
	user, password := sshd.AddUser(t)
	manager, mpassword := sshd.AddUser(t)
	if err := sshd.AllowChpasswd(manager); err != nil {
		t.Fatal(err)
	}
	role, rpassword := pg.AddRole(t)
	sshDevice(c, "linux", sshd)
	credential(c, "manager", "linux", manager, mpassword, "", nil)
	credential(c, "user", "linux", user, password, "", map[string]any{"jit": map[string]any{"activate": "Linux unlock account (sudo)", "deactivate": "Linux lock account (sudo)", "authentication": "manager"}})
	c.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": "localhost", "ip": "127.0.0.1", "ca": pg.CA(), "connectivities": []map[string]any{{"protocol": "POSTGRESQL", "port": pg.Port()}}}, nil)
	credential(c, "admin", "localhost", pg.AdminUser, pg.AdminPassword, "", nil)
	credential(c, "role", "localhost", role, rpassword, "", map[string]any{"jit": map[string]any{"activate": "PostgreSQL unlock role", "deactivate": "PostgreSQL lock role", "authentication": "admin"}})
	for _, one := range []struct {
		name  string
		login func() (bool, error)
	}{
		{"user", func() (bool, error) { return sshd.Login(user, password) }},
		{"role", func() (bool, error) { return pg.Login(role, rpassword) }},
	} {
		begin := func(ttl string) session {
			t.Helper()
			var s session
			c.Must(http.MethodPost, "/api/v1/sessions", map[string]any{"credential": one.name, "user": "ana", "ttl": ttl, "wait": "30s"}, &s)
			if s.State != "active" {
				t.Fatalf("%s: the session is %s: %s", one.name, s.State, s.Ended)
			}
			eventually(t, one.name+" in a session", true, one.login)
			return s
		}
		s := begin("1h")
		c.Must(http.MethodDelete, "/api/v1/sessions/"+s.ID, nil, nil)
		eventually(t, one.name+" after its session", false, one.login)
		s = begin("1h")
		c.Must(http.MethodDelete, "/iso/session/drop/"+s.ID, nil, nil)
		eventually(t, one.name+" after its session was dropped", false, one.login)
	}
	// The leader dies while the account is being locked, or just before: it is locked all the same.
	var s session
	c.Must(http.MethodPost, "/api/v1/sessions", map[string]any{"credential": "user", "user": "ana", "wait": "30s"}, &s)
	if s.State != "active" {
		t.Fatalf("the session is %s: %s", s.State, s.Ended)
	}
	c.Must(http.MethodDelete, "/api/v1/sessions/"+s.ID, nil, nil)
	leader := c.Leader()
	c.Signal(leader, syscall.SIGKILL)
	eventually(t, "user after its session, the leader dead", false, func() (bool, error) { return sshd.Login(user, password) })
}
