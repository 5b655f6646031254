package edge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"cofre/fsm"
	"cofre/fsm/command"
	"cofre/fsm/fsmtest"
	fsmkeyring "cofre/fsm/keyring"
	"cofre/fsm/model"
	"cofre/httpapi/backup"
	"cofre/httpapi/compat"
	"cofre/httpapi/edge"
	"cofre/httpapi/health"
	"cofre/scheduler/ops"
	"cofre/vault/access"
	"cofre/vault/keyring"
	"cofre/vault/secret"
)

// house is one node with the real state machine, keyring and services behind the real edge, over TLS. Only the log is
// replaced: a command is applied at once.
type house struct {
	*fsmtest.Proposer
	t      testing.TB
	server *httptest.Server
	fsm    *fsm.FSM
	holder *keyring.Holder
	admin  keys
	logs   *lockedBuffer

	mu      sync.Mutex // guards the fields below
	status  health.Status
	notes   []string
	counted int
}

type keys struct{ id, secret string }

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (h *house) note(reason, _ string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notes = append(h.notes, reason)
}

func (h *house) set(change func(*health.Status)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(&h.status)
}

func (h *house) now() health.Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.status
}

func reveal(v secret.Value) (s string) {
	_ = v.Reveal(func(b []byte) error { s = string(b); return nil })
	return s
}

func open(t testing.TB, change func(*edge.Deps)) *house {
	t.Helper()
	h := &house{t: t, fsm: fsmtest.Open(t), holder: keyring.NewHolder(), logs: &lockedBuffer{}, status: health.Status{Node: "n1", Initialized: true, Fresh: true, Version: "test", Dev: true}}
	h.Proposer = fsmtest.NewProposer(h.fsm, "n1")
	at := model.TimeOf(time.Now())
	row, ring, err := keyring.Create("cluster1", true, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ring.Close)
	if err := access.AddKeys(ring, &row, at); err != nil {
		t.Fatal(err)
	}
	h.holder.Install(ring)
	named := access.NewNamedKeys(h.fsm, h.holder)
	pepper := func(m []byte) (uint32, []byte, error) {
		k, err := ring.Key(row, access.KeyPepper)
		if err != nil {
			return 0, nil, err
		}
		return k.ID, hmacSum(k.Private, m), nil
	}
	k, stored, err := access.NewClientKeys(pepper, at)
	if err != nil {
		t.Fatal(err)
	}
	h.admin = keys{k.ClientID, reveal(k.Secret)}
	_, err = command.Propose(context.Background(), h, fsmkeyring.Create, model.Actor{Kind: model.ActorOperator, Name: "root"}, fsmkeyring.CreateArgs{
		Keyring: row, Node: model.Node{ID: "n1"}, Leases: model.DefaultLeases, Level: 1,
		Application: model.Application{ID: "app0", Name: "admin", Enabled: true},
		Authorization: model.Authorization{ID: "auth0", Application: "app0", Name: "admin", ClientID: k.ClientID, Secrets: []model.ClientSecret{stored},
			Modules: model.Modules, Write: true, Rights: model.Rights, Filter: model.Filter{All: true}, Enabled: true, Epoch: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	fresh := func(context.Context) error { return nil }
	compile := func(e model.ExecutorName, _ model.TemplateKind, content string) (model.Compiled, error) {
		if !slices.Contains([]model.ExecutorName{"ssh", "ssh-key", "aws"}, e) || strings.Contains(content, "bogus") {
			return model.Compiled{}, model.Errorf(model.Invalid, "line 1: unknown command").WithField("content")
		}
		return model.Compiled{Steps: []model.CompiledStep{{Line: 1, Does: "sends", Text: content, Tags: []string{"NEW_PASSWORD"}}}, Tags: []model.CompiledTag{{Name: "NEW_PASSWORD", Secret: true}}}, nil
	}
	logger := logrus.New()
	logger.SetOutput(h.logs)
	logger.SetLevel(logrus.DebugLevel)
	d := edge.Deps{
		Access: access.New(h, h.fsm, h.holder, named, fresh, compile), Ops: ops.New(h, h.fsm, fresh, func(model.NodeID) bool { return true }),
		Tokens: named, Cluster: func() model.ClusterID { return "cluster1" }, Status: h.now, Applied: h.fsm.Applied, Note: h.note,
		CountToken:   func(model.AuthorizationID, string) { h.mu.Lock(); h.counted++; h.mu.Unlock() },
		SecretsInURL: true, Logger: logger, Version: "test", Backup: h.backup,
	}
	if change != nil {
		change(&d)
	}
	handler, err := edge.Build(d)
	if err != nil {
		t.Fatal(err)
	}
	h.server = httptest.NewTLSServer(handler)
	t.Cleanup(h.server.Close)
	return h
}

// backup stands for cmd/cofre/daemon, which commits the same and makes the file.
func (h *house) backup(ctx context.Context, actor model.Actor) (*compat.File, error) {
	if _, err := command.Propose(ctx, h, fsmkeyring.Backup, actor, fsmkeyring.BackupArgs{}); err != nil {
		return nil, err
	}
	const file = "cofre-backup 2\n"
	return &compat.File{Type: backup.Type, Drop: func() {}, Write: func(w io.Writer) error { _, err := io.WriteString(w, file); return err }}, nil
}

// answer is what a client gets.
type answer struct {
	status int
	header http.Header
	raw    string
	body   map[string]any
}

// at walks down the body: "response.credential.id"; numbers index lists.
func (a answer) at(path string) any {
	var v any = a.body
	for _, k := range strings.Split(path, ".") {
		switch now := v.(type) {
		case map[string]any:
			v = now[k]
		case []any:
			var i int
			if _, err := fmt.Sscan(k, &i); err != nil || i >= len(now) {
				return nil
			}
			v = now[i]
		default:
			return nil
		}
	}
	return v
}

func (a answer) text(path string) string { s, _ := a.at(path).(string); return s }

func (h *house) send(r *http.Request) answer {
	h.t.Helper()
	res, err := h.server.Client().Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, raw: string(raw)}
	if res.Header.Get("Content-Type") == backup.Type {
		return a
	}
	if err := json.Unmarshal(raw, &a.body); err != nil {
		h.t.Fatalf("%s %s answered no JSON object (%d): %s", r.Method, r.URL, res.StatusCode, raw)
	}
	return a
}

func (h *house) request(method, path, token, contentType, body string) *http.Request {
	h.t.Helper()
	r, err := http.NewRequest(method, h.server.URL+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

const formType = "application/x-www-form-urlencoded"

func (h *house) token(k keys) string {
	h.t.Helper()
	a := h.send(h.request("POST", "/iso/oauth2/token", "", formType, url.Values{"grant_type": {"client_credentials"}, "client_id": {k.id}, "client_secret": {k.secret}}.Encode()))
	if a.status != 200 {
		h.t.Fatalf("no token: %s", a.raw)
	}
	return a.text("access_token")
}

// form sends a vendor call as form and requires a status.
func (h *house) form(token, method, path string, status int, pairs ...string) answer {
	h.t.Helper()
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return h.want(h.send(h.request(method, path, token, formType, v.Encode())), status)
}

// json sends a call with a JSON body and requires a status.
func (h *house) json(token, method, path string, status int, body string) answer {
	h.t.Helper()
	return h.want(h.send(h.request(method, path, token, "application/json", body)), status)
}

func (h *house) want(a answer, status int) answer {
	h.t.Helper()
	if a.status != status {
		h.t.Fatalf("status %d instead of %d: %s\n%s", a.status, status, a.raw, h.failures())
	}
	return a
}

// authorize makes an application with one authorization and gives its keys.
func (h *house) authorize(token, name, body string) keys {
	h.t.Helper()
	h.json(token, "POST", "/api/v1/applications", 201, `{"name":"`+name+`"}`)
	a := h.json(token, "POST", "/api/v1/applications/"+name+"/authorizations", 201, body)
	return keys{a.text("client_id"), a.text("client_secret")}
}

// stock registers a device and a credential with the password "s3cret".
func (h *house) stock(token string) {
	h.t.Helper()
	h.form(token, "POST", "/iso/pam/device", 201, "hostname", "web1", "ip", "192.0.2.1", "type", "Server", "vendor", "Debian", "model", "12", "site", "main", "connectivities", "SSH:22,HTTPS:443")
	h.form(token, "POST", "/iso/pam/credential", 201, "hostname", "web1", "ip", "192.0.2.1", "username", "root", "identifier", "web1-root", "content", "s3cret", "tags", "prod, linux")
}

// failures are the lines of the log about internal errors.
func (h *house) failures() string {
	var out []string
	for _, l := range strings.Split(h.logs.String(), "\n") {
		if strings.Contains(l, "level=error") {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}
