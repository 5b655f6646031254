package api

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"cofre/cmd/cofre/daemon"
	"cofre/executors"
	"cofre/executors/all"
	"cofre/fsm"
	"cofre/fsm/command"
	"cofre/fsm/fsmtest"
	fsmkeyring "cofre/fsm/keyring"
	"cofre/fsm/model"
	"cofre/httpapi/edge"
	"cofre/httpapi/health"
	"cofre/scheduler/ops"
	"cofre/vault/access"
	"cofre/vault/keyring"
	"cofre/vault/seal/shamir"
)

// house is one node: the real API, services, keyring and state machine over TLS. Only the log is replaced: a command is
// applied at once.
type house struct {
	*fsmtest.Proposer
	t   *testing.T
	fsm *fsm.FSM
	env map[string]string
	dir string

	shares []string // recovery shares, two of which open a backup

	tty bool   // whether the streams of commands are a terminal
	typ []byte // what is typed without echo
}

func open(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, fsm: fsmtest.Open(t), dir: t.TempDir()}
	h.Proposer = fsmtest.NewProposer(h.fsm, "n1")
	at, holder := model.TimeOf(time.Now()), keyring.NewHolder()
	row, ring, err := keyring.Create("cluster1", true, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ring.Close)
	if err := access.AddKeys(ring, &row, at); err != nil {
		t.Fatal(err)
	}
	recovery, shares, err := shamir.Generate(shamir.Recovery, 3, 2)
	if err == nil {
		row, err = ring.SetRecovery(row, recovery)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range shares {
		_ = s.Reveal(func(b []byte) error { h.shares = append(h.shares, string(b)); return nil })
	}
	holder.Install(ring)
	k, stored, err := access.NewClientKeys(func(m []byte) (id uint32, sum []byte, err error) {
		key, err := ring.Key(row, access.KeyPepper)
		if err != nil {
			return 0, nil, err
		}
		err = key.Private.Reveal(func(b []byte) error {
			mac := hmac.New(sha256.New, b)
			mac.Write(m)
			sum = mac.Sum(nil)
			return nil
		})
		return key.ID, sum, err
	}, at)
	if err != nil {
		t.Fatal(err)
	}
	admin := model.Authorization{ID: "auth0", Application: "app0", Name: "admin", ClientID: k.ClientID, Secrets: []model.ClientSecret{stored}, Modules: model.Modules, Write: true,
		Rights: model.Rights, Filter: model.Filter{All: true}, Enabled: true, Epoch: 1}
	if _, err = command.Propose(context.Background(), h, fsmkeyring.Create, model.Actor{Kind: model.ActorOperator, Name: "root"}, fsmkeyring.CreateArgs{
		Keyring: row, Node: model.Node{ID: "n1"}, Leases: model.DefaultLeases, Level: 1, Application: model.Application{ID: "app0", Name: "admin", Enabled: true}, Authorization: admin,
	}); err != nil {
		t.Fatal(err)
	}
	named, fresh, logger := access.NewNamedKeys(h.fsm, holder), func(context.Context) error { return nil }, logrus.New()
	logger.SetOutput(io.Discard)
	compile := func(e model.ExecutorName, kind model.TemplateKind, content string) (model.Compiled, error) {
		if x := all.Find(e); x != nil {
			return executors.Inspect(x, kind, content)
		}
		return model.Compiled{}, errors.New("no such executor")
	}
	backups := &daemon.Backups{Proposer: h, FSM: h.fsm, Keys: holder, Node: "n1", Version: "test"}
	handler, err := edge.Build(edge.Deps{
		Backup: backups.Take, Executor: all.Named,
		Access: access.New(h, h.fsm, holder, named, fresh, compile), Ops: ops.New(h, h.fsm, fresh, func(model.NodeID) bool { return true }), Tokens: named, Cluster: func() model.ClusterID { return "cluster1" },
		Status: func() health.Status { return health.Status{Node: "n1", Initialized: true, Fresh: true, Dev: true} }, Applied: h.fsm.Applied, Logger: logger, Version: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	ca := h.file("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	var key string
	_ = k.Secret.Reveal(func(b []byte) error { key = string(b); return nil })
	h.env = map[string]string{"COFRE_URL": server.URL, "COFRE_CLIENT_ID": k.ClientID, "COFRE_CLIENT_SECRET": key, "COFRE_CA_FILE": ca}
	return h
}

func (h *house) file(name, content string) string {
	h.t.Helper()
	name = filepath.Join(h.dir, name)
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return name
}

// try runs a command line as main does.
func (h *house) try(stdin string, args ...string) (out, notes string, err error) {
	h.t.Helper()
	return h.tryIn(h.t.Context(), stdin, args...)
}

func (h *house) tryIn(ctx context.Context, stdin string, args ...string) (out, notes string, err error) {
	h.t.Helper()
	return h.tryFrom(ctx, strings.NewReader(stdin), args...)
}

func (h *house) tryFrom(ctx context.Context, in io.Reader, args ...string) (out, notes string, err error) {
	s := &session{
		lookup: func(k string) (string, bool) { v, ok := h.env[k]; return v, ok }, home: func() (string, error) { return h.dir, nil },
		terminal: func(any) bool { return h.tty }, unechoed: func(context.Context) ([]byte, error) { return bytes.Clone(h.typ), nil },
	}
	root := &cobra.Command{Use: "cofre", SilenceUsage: true, SilenceErrors: true}
	root.AddCommand(commands(s)...)
	var o, e bytes.Buffer
	root.SetIn(in)
	root.SetOut(&o)
	root.SetErr(&e)
	root.SetArgs(args)
	err = root.ExecuteContext(ctx)
	return o.String(), e.String(), err
}

// run requires success and gives standard output.
func (h *house) run(args ...string) string {
	h.t.Helper()
	return h.runWith("", args...)
}

func (h *house) runWith(stdin string, args ...string) string {
	h.t.Helper()
	out, notes, err := h.try(stdin, args...)
	if err != nil {
		h.t.Fatalf("cofre %s: %v\n%s%s", strings.Join(args, " "), err, out, notes)
	}
	return out
}

// refused requires an error that holds a text.
func (h *house) refused(want string, args ...string) {
	h.t.Helper()
	h.refusedWith(want, "", args...)
}

func (h *house) refusedWith(want, stdin string, args ...string) {
	h.t.Helper()
	out, _, err := h.try(stdin, args...)
	if err == nil || !strings.Contains(err.Error(), want) {
		h.t.Errorf("cofre %s: %v, want an error with %q\n%s", strings.Join(args, " "), err, want, out)
	}
}
