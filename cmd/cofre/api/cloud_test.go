package api

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"

	"cofre/executors/all"
	"cofre/fsm/command"
	"cofre/fsm/model"
	fsmnode "cofre/fsm/node"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	fsmtemplate "cofre/fsm/template"
)

// TestCloud: accounts and profiles of clouds; who verifies an account is played here.
func TestCloud(t *testing.T) {
	t.Parallel()
	h := open(t)
	key := "AKIAACCOUNT000000001"
	h.refused("there is no provider", "cloud", "account", "create", "prod", "--provider", "ibm", "--id", key, "--secret-stdin")
	h.refused("the id of an access key", "cloud", "account", "create", "prod", "--provider", "aws", "--id", "root", "--secret-stdin")
	h.refused("say --secret-stdin", "cloud", "account", "create", "prod", "--provider", "aws", "--id", key)
	if _, _, err := h.try("s3cret", "cloud", "account", "create", "lab", "--provider", "aws", "--id", key, "--endpoint", "iam.lab.example", "--secret-stdin"); err == nil || !strings.Contains(err.Error(), "register the endpoint first") {
		t.Error(err)
	}
	out := h.runWith("s3cret", "cloud", "account", "create", "prod", "--provider", "aws", "--id", key, "--region", "eu-west-1", "--secret-stdin", "--tag", "cloud", "--description", "keys of the shop")
	if strings.Contains(out, "s3cret") || !strings.Contains(out, key) || !strings.Contains(out, "iam.amazonaws.com") || !strings.Contains(out, "keys of the shop") {
		t.Error(out)
	}
	h.golden(`
NAME  PROVIDER  ID  PLACE  SYNC  VERIFIED  STATE  TAGS
prod  aws  AKIAACCOUNT000000001  eu-west-1  unknown  -  enabled  cloud
`, "cloud", "account", "list")
	h.refused("both", "cloud", "account", "update", "prod", "--id", "AKIAACCOUNT000000002")
	if out := h.runWith("other", "cloud", "account", "update", "prod", "--id", "AKIAACCOUNT000000002", "--secret-stdin"); !strings.Contains(out, "AKIAACCOUNT000000002") {
		t.Error(out)
	}
	var doc struct{ Statement []any }
	if out := h.run("cloud", "account", "policy", "--provider", "aws", "--attach", "arn:aws:iam::aws:policy/ReadOnlyAccess"); json.Unmarshal([]byte(out), &doc) != nil || len(doc.Statement) != 3 {
		t.Error(out)
	}
	h.refused("ARN of a managed policy", "cloud", "account", "policy", "--provider", "aws", "--attach", "*")
	h.seed()
	h.run("cloud", "profile", "create", "shop", "--account", "prod", "--policy", "arn:aws:iam::aws:policy/ReadOnlyAccess", "--policy", "arn:aws:iam::aws:policy/AmazonSQSFullAccess", "--ttl", "1h")
	if out := h.run("dynamic", "profile", "show", "shop"); !strings.Contains(out, "arn:aws:iam::aws:policy/ReadOnlyAccess,arn:aws:iam::aws:policy/AmazonSQSFullAccess") || !strings.Contains(out, "AWS create user with access key") {
		t.Error(out)
	}
	for _, c := range []struct {
		outcome model.Outcome
		steps   []model.Step
		want    string
	}{
		{model.OutcomeApplied, []model.Step{{Text: "the key belongs to arn:aws:iam::123456789012:user/cofre"}, {Text: "may iam:CreateUser"}}, ""},
		{model.OutcomeApplied, []model.Step{{Text: "may not iam:DeleteUser", Error: "implicitDeny"}}, "1 of what Cofre needs is missing"},
		{model.OutcomeUncertain, nil, "does not log in"},
	} {
		go h.verify(c.outcome, c.steps)
		out, notes, err := h.try("", "cloud", "account", "test", "prod")
		if !strings.Contains(notes, "granted -> settling") {
			t.Errorf("nothing is told while it waits: %q", notes)
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q: %v", c.want, err)
		}
		for _, s := range c.steps {
			if !strings.Contains(out, s.Text) {
				t.Errorf("no %q in %s", s.Text, out)
			}
		}
	}
	client := "aaaaaaaa-0000-0000-0000-000000000001"
	h.refused("--tenant is for azure", "cloud", "account", "create", "entra", "--provider", "azure", "--id", client, "--secret-stdin")
	if out := h.runWith("s3cret", "cloud", "account", "create", "entra", "--provider", "azure", "--id", client, "--tenant", "contoso.example", "--secret-stdin"); !strings.Contains(out, "graph.microsoft.com") || !strings.Contains(out, "contoso.example") {
		t.Error(out)
	}
	h.refused("--application", "cloud", "profile", "create", "web", "--account", "entra")
	h.run("cloud", "profile", "create", "web", "--account", "entra", "--application", "bbbbbbbb-0000-0000-0000-000000000002", "--ttl", "8h")
	if out := h.run("cloud", "account", "policy", "--provider", "azure"); !strings.Contains(out, "00000003-0000-0000-c000-000000000000") {
		t.Error(out)
	}
	h.refused("--attach is for aws and gcp", "cloud", "account", "policy", "--provider", "azure", "--attach", "x")
	h.google()
	h.run("cloud", "account", "disable", "prod")
	h.run("cloud", "account", "disable", "entra")
	h.run("cloud", "account", "disable", "google")
	if out := h.run("cloud", "account", "list", "--csv"); strings.Count(out, "\n") != 1 {
		t.Error(out)
	}
}

// google tries what is different there: the account is named by its key file, and profiles give roles.
func (h *house) google() {
	h.t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		h.t.Fatal(err)
	}
	der, _ := x509.MarshalPKCS8PrivateKey(private)
	email := "cofre@shop-prod.iam.gserviceaccount.com"
	file, _ := json.MarshalIndent(map[string]string{"type": "service_account", "project_id": "shop-prod", "private_key_id": "aa00", "client_email": email,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))}, "", "  ")
	h.refused("say --secret-stdin", "cloud", "account", "create", "google", "--provider", "gcp")
	for want, key := range map[string]string{"expected the key file": `{"type":"authorized_user"}`, "the key file is of " + email: string(file)} {
		if _, _, err := h.try(key, "cloud", "account", "create", "google", "--provider", "gcp", "--id", "x@shop-prod.iam.gserviceaccount.com", "--secret-stdin"); err == nil || !strings.Contains(err.Error(), want) {
			h.t.Error(err)
		}
	}
	if out := h.runWith(string(file), "cloud", "account", "create", "google", "--provider", "gcp", "--secret-stdin"); !strings.Contains(out, "iam.googleapis.com") || !strings.Contains(out, email) || strings.Contains(out, "PRIVATE") {
		h.t.Error(out)
	}
	if out := h.runWith(string(file), "cloud", "account", "update", "google", "--secret-stdin"); !strings.Contains(out, email) {
		h.t.Error(out)
	}
	h.refused("--project and --role", "cloud", "profile", "create", "queue", "--account", "google", "--role", "roles/viewer")
	h.refused("project=ID,role=ROLE", "cloud", "profile", "create", "queue", "--account", "google", "--project", "shop-prod", "--role", "owner")
	h.refused("at most 14", "cloud", "profile", "create", "queue_of_the_shop", "--account", "google", "--project", "shop-prod", "--role", "roles/viewer")
	h.run("cloud", "profile", "create", "queue", "--account", "google", "--project", "shop-prod", "--role", "roles/viewer", "--role", "projects/shop-prod/roles/q", "--organization", "12", "--organization-role", "roles/browser", "--ttl", "1h")
	if out := h.run("dynamic", "profile", "show", "queue"); !strings.Contains(out, "project=shop-prod,role=roles/viewer,role=projects/shop-prod/roles/q,organization=12,organization-role=roles/browser") {
		h.t.Error(out)
	}
	if out := h.run("cloud", "account", "policy", "--provider", "gcp"); !strings.Contains(out, "resourcemanager.projects.setIamPolicy") {
		h.t.Error(out)
	}
	if out := h.run("cloud", "account", "policy", "--provider", "gcp", "--attach", "roles/viewer"); !strings.Contains(out, "hasOnly(['roles/viewer'])") {
		h.t.Error(out)
	}
}

// seed stores the catalogue's templates of clouds, as a node does when it starts.
func (h *house) seed() {
	h.t.Helper()
	var list []fsmtemplate.PutArgs
	for _, e := range all.Catalogue() {
		if model.IsCloud(e.Executor) {
			list = append(list, fsmtemplate.PutArgs{Name: e.Name, Executor: e.Executor, Kind: e.Kind, Content: e.Content})
		}
	}
	play(h, fsmtemplate.Seed, fsmtemplate.SeedArgs{Templates: list})
	play(h, fsmnode.Announce, fsmnode.AnnounceArgs{Announced: model.Announcement{Slots: 1, Version: "test", Level: 1}})
}

func play[A, R any](h *house, d command.Def[A, R], args A) R {
	h.t.Helper()
	r, err := command.Propose(context.Background(), h, d, model.Actor{Kind: model.ActorSystem, Name: "test"}, args)
	if err != nil {
		h.t.Error(err)
	}
	return r
}

// verify plays the slot that verifies the account.
func (h *house) verify(outcome model.Outcome, steps []model.Step) {
	for {
		again := h.fsm.Changed()
		v := h.fsm.View()
		var id model.OperationID
		for o := range state.Operations.All(v, "") {
			if o.State == model.OpUncertain {
				id = o.ID
			}
		}
		v.Close()
		if id == "" {
			select {
			case <-again:
				continue
			case <-h.t.Context().Done():
				return
			}
		}
		token := play(h, operation.Grant, operation.GrantArgs{Operation: id, Node: "n1"}).Token
		play(h, operation.Begin, operation.BeginArgs{Operation: id, Token: token})
		report := operation.FinishArgs{Operation: id, Token: token, Outcome: outcome, Proven: 1, Attempt: model.Attempt{Steps: steps}}
		if outcome != model.OutcomeApplied {
			report.Proven, report.Refused = 0, []uint64{1, 2}
		}
		play(h, operation.Finish, report)
		return
	}
}
