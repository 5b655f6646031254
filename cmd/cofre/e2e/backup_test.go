package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cofre/executors/executortest/target"
	"cofre/vault/seal/shamir"
	"cofre/vault/secret"
)

// command is a command line of the administrator, with the shares on its standard input.
func (c *Nodes) command(shares []string, args ...string) *exec.Cmd {
	c.t.Helper()
	ca := filepath.Join(c.dir, "ca.pem")
	if err := os.WriteFile(ca, []byte(c.ca), 0o600); err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.CommandContext(c.t.Context(), c.setup.Binary, args...)
	cmd.Env = append(cleanEnv(), "COFRE_URL="+c.Running().url(), "COFRE_CLIENT_ID="+c.api.admin.ID, "COFRE_CLIENT_SECRET="+c.api.admin.Secret, "COFRE_CA_FILE="+ca)
	cmd.Stdin = strings.NewReader(strings.Join(shares, "\n"))
	return cmd
}

func (c *Nodes) cofre(shares []string, args ...string) (string, error) {
	c.t.Helper()
	out, err := c.command(shares, args...).CombinedOutput()
	return string(out), err
}

func (c *Nodes) secret(name string) string {
	c.t.Helper()
	var a struct{ Secret string }
	c.Must(http.MethodGet, "/api/v1/credentials/"+name+"/secret", nil, &a)
	return a.Secret
}

// operation waits for the end of one that was just asked for.
func (c *Nodes) operation(credential, kind string) (o Operation) {
	c.t.Helper()
	c.Must(http.MethodPost, "/api/v1/operations", map[string]string{"credential": credential, "kind": kind}, &o)
	Eventually(c.t, 60*time.Second, kind+" of "+credential+" ends", func() error {
		if c.Must(http.MethodGet, fmt.Sprintf("/api/v1/operations/%d", o.Number), nil, &o); !o.Final {
			return errors.New(o.State)
		}
		return nil
	})
	return o
}

// byExpiry counts the changes that fell due and were started.
func (c *Nodes) byExpiry() int {
	c.t.Helper()
	var all struct{ Items []struct{} }
	c.Must(http.MethodGet, "/api/v1/operations?limit=500&trigger=expiry", nil, &all)
	return len(all.Items)
}

// TestRestore: a cluster is lost with all its nodes, with passwords on a real server that it changed. An empty node takes it up from
// a file and three shares: every password of the backup comes back and logs in, what was changed later is found, a change that was at
// work is settled and not repeated, nothing that is due starts before people let it, and another node joins. A living cluster, other shares, a damaged file and a used directory are refused.
func TestRestore(t *testing.T) {
	t.Parallel()
	c := StartNodes(t, 2, Setup{})
	pg := target.PostgreSQL(t)
	c.Secrets()
	c.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": "localhost", "ip": "127.0.0.1", "ca": pg.CA(), "connectivities": []map[string]any{{"protocol": "POSTGRESQL", "port": pg.Port()}}}, nil)
	const due = 4
	logins, passwords := map[string]string{}, map[string]string{}
	for i := range due + 1 {
		name, tag := fmt.Sprintf("role-%d", i), "due"
		if i == due {
			name, tag = "changed-later", "quiet"
		}
		role, password := pg.AddRole(t)
		logins[name] = role
		c.Credential(name, password, map[string]any{"hostname": "localhost", "username": role, "tags": []string{tag}, "execution": map[string]any{"template": "PostgreSQL ALTER ROLE", "automatic": true}})
		if o := c.operation(name, "change"); o.State != "succeeded" {
			t.Fatalf("%s ended as %s: %s", name, o.State, o.Message)
		}
		passwords[name] = c.secret(name)
	}
	c.Credential("by-hand", "kept as it is", nil)
	passwords["by-hand"] = "kept as it is"
	c.Must(http.MethodPost, "/api/v1/automation/freezes", map[string]any{"name": "until-all-are-due", "until": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}, nil)
	c.Must(http.MethodPost, "/api/v1/policies", map[string]any{"name": "old", "max_age": "1s", "criteria": map[string]any{"tags": []string{"due"}}}, nil)
	var a automation
	Eventually(t, 30*time.Second, "all are due", func() error {
		if c.Must(http.MethodGet, "/api/v1/automation", nil, &a); a.Due < due {
			return fmt.Errorf("%d are", a.Due)
		}
		return nil
	})

	role, password := pg.AddRole(t)
	c.Must(http.MethodPost, "/api/v1/templates", map[string]any{"name": "slow", "executor": "postgres", "kind": "Change password", "content": "SELECT pg_sleep(6);\nALTER USER [#USERNAME#] WITH PASSWORD '[#NEW_PASSWORD#]'"}, nil)
	c.Credential("at-work", password, map[string]any{"hostname": "localhost", "username": role, "execution": map[string]any{"template": "slow"}})
	var atWork Operation
	c.Must(http.MethodPost, "/api/v1/operations", map[string]string{"credential": "at-work", "kind": "change"}, &atWork)
	Eventually(t, 30*time.Second, "the slow change is at work", func() error { return c.is(&atWork, "running") })

	file := filepath.Join(c.dir, "cofre.backup")
	if out, err := c.cofre(nil, "backup", "create", file); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := c.cofre(c.recovery[:3], "backup", "verify", "--shares", file); err != nil || !strings.Contains(out, "every row read") {
		t.Fatalf("%v: %s", err, out)
	}
	if o := c.operation("changed-later", "change"); o.State != "succeeded" {
		t.Fatalf("ended as %s: %s", o.State, o.Message)
	}

	Eventually(t, 60*time.Second, "the slow change ends, in the life that will be lost", func() error { return c.is(&atWork, "succeeded") })
	changed := c.secret("at-work")

	n := c.Add()
	n.Start()
	restore := func(shares []string, name string) (string, error) {
		return c.cofre(shares, "backup", "restore", "--old-nodes-are-off", "--socket", n.socket(), name)
	}
	refused := func(what, want string, shares []string, name string) {
		t.Helper()
		if out, err := restore(shares, name); err == nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v, want %q: %s", what, err, want, out)
		}
		if s, err := n.Status(); err != nil || s.Initialized {
			t.Errorf("%s: the node belongs to a cluster now (%v)", what, err)
		}
	}
	refused("while the cluster lives", "the cluster is alive: n", c.recovery[2:], file)
	for _, old := range c.list[:2] {
		old.Kill()
		if err := os.RemoveAll(old.Data); err != nil {
			t.Fatal(err)
		}
	}
	_, foreign, err := shamir.Generate(shamir.Recovery, 3, 3)
	if err != nil {
		t.Fatal(err)
	}
	refused("with the shares of another cluster", "do not open this backup", texts(foreign), file)
	refused("with too few", "enough shares", c.recovery[:2], file)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{len(good) / 8, len(good) / 2, len(good) - 40, len(good) - 1} {
		bad := bytes.Clone(good)
		bad[at] ^= 4
		damaged := filepath.Join(c.dir, "damaged")
		if err := os.WriteFile(damaged, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		refused(fmt.Sprintf("damaged at byte %d of %d", at, len(good)), "damaged", c.recovery, damaged)
	}
	stray := filepath.Join(n.Data, "stray")
	if err := os.WriteFile(stray, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused("into a used directory", "is not empty: it holds stray", c.recovery, file)
	if err := os.Remove(stray); err != nil {
		t.Fatal(err)
	}
	if out, err := c.cofre(c.recovery, "backup", "restore", "--socket", n.socket(), file); err == nil || !strings.Contains(out, "--old-nodes-are-off") {
		t.Errorf("without saying that the old nodes are off: %v, %s", err, out)
	}

	out, err := restore(c.recovery[2:], file)
	if err != nil || !strings.Contains(out, fmt.Sprintf("HELD until people let it go on: %d changes and 0 verifications that are due, 0 operations that waited, 1 that were at work", due)) {
		t.Fatalf("%v: %s", err, out)
	}
	t.Log(out)
	for name, want := range passwords {
		got := c.secret(name)
		if got != want {
			t.Errorf("the password of %s did not come back", name)
		}
		if role := logins[name]; role != "" && name != "changed-later" {
			if in, err := pg.Login(role, got); !in {
				t.Errorf("that of %s does not log in (%v)", name, err)
			}
		}
	}
	Eventually(t, 30*time.Second, "the lease of the lost node runs out", func() error { return c.is(&atWork, "uncertain") })
	c.heldUntilLet(n, due, &atWork, logins, pg)
	c.settled(&atWork)
	if got := c.secret("at-work"); got != changed {
		t.Error("the password of the change that was at work is not the one that it set")
	}
	if o := c.operation("changed-later", "verify"); o.State != "out_of_sync" {
		t.Errorf("what was changed after the backup: its verification ended as %s: %s", o.State, o.Message)
	}

	c.followed(n)
	n.Stop()
	n.Start()
	more := c.Add()
	more.Start()
	c.Join(more)
	c.Healthy(2)
	n.Kill() // of two no majority is left, but the other one has everything
	n.Start()
	c.Healthy(2)
	if got := c.secret("by-hand"); got != passwords["by-hand"] {
		t.Error("the password did not come back after the restart")
	}
}

// is tells whether an operation has come to a state.
func (c *Nodes) is(o *Operation, state string) error {
	c.t.Helper()
	if c.Must(http.MethodGet, fmt.Sprintf("/api/v1/operations/%d", o.Number), nil, o); o.State != state {
		return fmt.Errorf("it is %s: %s", o.State, o.Message)
	}
	return nil
}

// settled follows an operation that was at work when the backup was taken, and goes on when people let it. Its new password was committed
// before it was sent, so it stands in the backup: a login finds it in force, and nothing is changed again.
func (c *Nodes) settled(o *Operation) {
	c.t.Helper()
	Eventually(c.t, 60*time.Second, "it is settled", func() error { return c.is(o, "succeeded") })
	var events []string
	for _, h := range o.History {
		events = append(events, h.Event)
	}
	if got := strings.Join(events, ", "); !strings.HasSuffix(got, "lease expired, granted, found the candidate in force") {
		c.t.Errorf("its history: %s", got)
	}
}

// heldUntilLet watches that what is due waits, that people are told how much that is, and that it runs when they let it.
func (c *Nodes) heldUntilLet(n *Node, due int, atWork *Operation, logins map[string]string, pg *target.Postgres) {
	c.t.Helper()
	c.Must(http.MethodDelete, "/api/v1/automation/freezes/until-all-are-due", nil, nil)
	said := func() string {
		c.t.Helper()
		out, err := c.cofre(nil, "status", "--socket", n.socket())
		if err != nil {
			c.t.Fatalf("%v: %s", err, out)
		}
		return out
	}
	if s := said(); !strings.Contains(s, "automation stopped (the cluster was restored from a backup of") || !strings.Contains(s, fmt.Sprintf("%d changes due", due)) || !strings.Contains(s, "cofre cluster confirm-time") {
		c.t.Errorf("the status does not say what is held: %s", s)
	}
	var events struct {
		Items []struct {
			Fields map[string]string
		}
	}
	if c.Must(http.MethodGet, "/api/v1/audit?kind=cluster.restored", nil, &events); len(events.Items) != 1 || events.Items[0].Fields["changes"] != fmt.Sprint(due) || events.Items[0].Fields["removed"] != "2" {
		c.t.Errorf("the trail says %+v", events.Items)
	}
	time.Sleep(3 * time.Second) // the scheduler goes many rounds
	if started := c.byExpiry(); started != 0 {
		c.t.Errorf("%d changes were started by themselves", started)
	}
	if err := c.is(atWork, "uncertain"); err != nil {
		c.t.Errorf("what was at work did not wait: %v", err)
	}
	c.Must(http.MethodPost, "/api/v1/automation/resume", nil, nil)
	if err := n.Operate("/confirm-time", struct{}{}, nil); err != nil {
		c.t.Fatal(err)
	}
	Eventually(c.t, 60*time.Second, "what was due is changed when people let it", func() error {
		if started := c.byExpiry(); started < due {
			return fmt.Errorf("%d of %d were started", started, due)
		}
		return nil
	})
	c.Must(http.MethodPost, "/api/v1/automation/stop", nil, nil) // their policy lets them fall due again at once
	for i := range due {
		name := fmt.Sprintf("role-%d", i)
		Eventually(c.t, 60*time.Second, "the new password of "+name+" logs in", func() error {
			in, err := pg.Login(logins[name], c.secret(name))
			if err == nil && !in {
				err = errors.New("refused")
			}
			return err
		})
	}
}

// followed checks that the trail goes on as one chain, from the first event of the lost cluster to the newest.
func (c *Nodes) followed(n *Node) {
	c.t.Helper()
	trail := filepath.Join(c.dir, "trail.jsonl")
	if out, err := c.cofre(nil, "audit", "export", trail); err != nil {
		c.t.Errorf("%v: %s", err, out)
	}
	if out, err := c.cofre(nil, "audit", "verify", trail); err != nil || !strings.Contains(out, "from 1 to") {
		c.t.Errorf("%v: %s", err, out)
	}
	s, err := n.Status()
	if err != nil || len(s.Members) != 1 || s.Members[0].ID != n.ID {
		c.t.Errorf("members: %+v (%v)", s.Members, err)
	}
}

func texts(shares []secret.Value) (out []string) {
	for _, s := range shares {
		_ = s.Reveal(func(b []byte) error { out = append(out, string(b)); return nil })
	}
	return out
}
