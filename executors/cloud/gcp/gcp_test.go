package gcp_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/cloud"
	"cofre/executors/cloud/gcp"
	"cofre/executors/executortest"
	"cofre/executors/executortest/cloudtest"
	"cofre/vault/secret"
)

// engine is impatient.
var engine = gcp.Executor{Patience: cloud.Patience{Whole: 2 * time.Second, Pause: 10 * time.Millisecond}}

// untouched tells whether what others have on the double's resources is as it was.
func (d *double) untouched() (err error) {
	d.Do(func() {
		for name, p := range d.policies {
			got, _ := json.Marshal(p.doc)
			want, _ := json.Marshal(theirs())
			if !strings.Contains(string(got), string(want)) || fmt.Sprint(p.doc["auditConfigs"]) != "[theirs]" {
				err = fmt.Errorf("%s: %s", name, got)
			}
		}
	})
	return err
}

// TestDoubleLife: a service account is made with its roles, its key gets a token although Google learns of it late, and all is gone in the
// end; what others have stays.
func TestDoubleLife(t *testing.T) {
	t.Parallel()
	d := newDouble(t)
	one := kit
	one.Open = func(testing.TB) *cloudtest.Double { return &d.Double }
	one.Life(t, func(_ *cloudtest.Double, a *cloudtest.Attempt, parts map[string]string) {
		var k struct {
			Email   string `json:"client_email"`
			Private string `json:"private_key"`
		}
		if json.Unmarshal([]byte(parts["secret_access_key"]), &k) != nil || k.Email != name+"@shop-prod.iam.gserviceaccount.com" || len(parts) != 2 {
			t.Errorf("the key file is of %q", k.Email)
		}
		if !strings.Contains(a.Steps, "gave 2 roles on projects/shop-prod") || !strings.Contains(a.Steps, "gave 1 roles on organizations/1234") || strings.Contains(a.Steps, k.Private[60:90]) {
			t.Error(a.Steps)
		}
		got, _ := json.Marshal(d.policies)
		for _, want := range []string{`"role":"projects/shop-prod/roles/queue"`, `"members":["serviceAccount:` + k.Email + `"],"role":"roles/browser"`} {
			if doc, _ := json.Marshal([]any{d.policies["projects/shop-prod"].doc, d.policies["organizations/1234"].doc}); !strings.Contains(string(doc), want) {
				t.Errorf("no %s in %s %s", want, doc, got)
			}
		}
	})
	if err := d.untouched(); err != nil {
		t.Error(err)
	}
}

// TestDoubleCuts breaks the connection at every request.
func TestDoubleCuts(t *testing.T) {
	t.Parallel()
	kit.Cuts(t)
}

// TestDoublePermission takes permission away at every question.
func TestDoublePermission(t *testing.T) {
	t.Parallel()
	kit.Permission(t)
}

// TestDoubleEtag: somebody else changes the policies between every reading and writing; neither change is lost.
func TestDoubleEtag(t *testing.T) {
	t.Parallel()
	d := newDouble(t)
	d.meddle = 3
	a := d.Try(t, nil)
	kit.Made(t, a)
	d.Do(func() { d.meddle = 2 })
	if outcome, err := kit.Template(t, gcp.RemoveTemplate).Run(t.Context(), a.Session); outcome != executors.Applied || d.Left() != 0 {
		t.Fatalf("%s: %v, %d left", outcome, err, d.Left())
	}
	doc, _ := json.Marshal(d.policies["projects/shop-prod"].doc)
	if n := strings.Count(string(doc), "roles/meddled"); n != 5 || d.untouched() != nil {
		t.Errorf("%d changes of somebody else are left: %v\n%s", n, d.untouched(), doc)
	}
	d.Do(func() { d.meddle = 1 << 20 })
	if outcome, err := kit.Template(t, gcp.CreateTemplate).Run(t.Context(), d.Try(t, nil).Session); outcome != executors.Uncertain || !strings.Contains(err.Error(), "ABORTED") {
		t.Errorf("without end: %s, %v", outcome, err)
	}
}

// TestDoubleLate: keys that a request of an earlier attempt made late are deleted before the account gets its own, and roles of an account
// that somebody deleted are found under the name that Google gives them.
func TestDoubleLate(t *testing.T) {
	t.Parallel()
	d := newDouble(t)
	a := d.Try(t, nil)
	a.Before = func(string) error {
		d.Do(func() {
			for i := range 10 {
				if d.accounts[name+"@shop-prod.iam.gserviceaccount.com"] != (time.Time{}) {
					d.keys[fmt.Sprintf("cc%02d", i)] = &issued{account: name + "@shop-prod.iam.gserviceaccount.com", key: pool()[1]}
				}
			}
		})
		return nil
	}
	kit.Made(t, a)
	if d.Left() != 1+1+3 {
		t.Errorf("%d are there", d.Left())
	}
	d.Do(func() {
		delete(d.accounts, name+"@shop-prod.iam.gserviceaccount.com")
		for id, k := range d.keys {
			if k.account != account {
				delete(d.keys, id)
			}
		}
		text, _ := json.Marshal(d.policies["projects/shop-prod"].doc)
		_ = json.Unmarshal([]byte(strings.ReplaceAll(string(text), `"serviceAccount:`+name, `"deleted:serviceAccount:`+name)), &d.policies["projects/shop-prod"].doc)
		text, _ = json.Marshal(d.policies["projects/shop-prod"].doc)
		_ = json.Unmarshal([]byte(strings.ReplaceAll(string(text), name+"@shop-prod.iam.gserviceaccount.com", name+"@shop-prod.iam.gserviceaccount.com?uid=7")), &d.policies["projects/shop-prod"].doc)
	})
	remove := kit.Template(t, gcp.RemoveTemplate)
	if there, err := remove.(executors.Verifier).Verify(t.Context(), a.Session, secret.New([]byte(a.Kept))); !there || err != nil {
		t.Errorf("roles are left: %v, %v", there, err)
	}
	if outcome, err := remove.Run(t.Context(), a.Session); outcome != executors.Applied || d.Left() != 0 {
		t.Errorf("%s: %v, %d left", outcome, err, d.Left())
	}
}

// TestDoubleRefusals: what Google refuses is told by its class.
func TestDoubleRefusals(t *testing.T) {
	t.Parallel()
	with := func(n, v string) map[string]string { return map[string]string{n: v} }
	kit.Refusals(t, map[string]cloudtest.Case{
		"wrong key":              {Values: with("AUTH_PASSWORD", file("aa00", account, pool()[1])), Outcome: executors.NotStarted, Class: executors.ClassAuth, Says: "Invalid JWT Signature"},
		"unknown account":        {Values: map[string]string{"AUTH_USER": "x@shop-prod.iam.gserviceaccount.com", "AUTH_PASSWORD": file("aa00", "x@shop-prod.iam.gserviceaccount.com", pool()[0])}, Outcome: executors.NotStarted, Class: executors.ClassAuth, Says: "account not found"},
		"may not create":         {Denied: "serviceAccounts.create", Outcome: executors.Rejected, Class: executors.ClassPolicy, Says: "PERMISSION_DENIED"},
		"may not read policies":  {Denied: "getIamPolicy", Outcome: executors.Uncertain, Class: executors.ClassPolicy, Says: "PERMISSION_DENIED"},
		"may not give roles":     {Denied: "setIamPolicy", Outcome: executors.Uncertain, Class: executors.ClassPolicy, Says: "PERMISSION_DENIED"},
		"may not make keys":      {Denied: "serviceAccountKeys.create", Outcome: executors.Uncertain, Class: executors.ClassPolicy, Says: "PERMISSION_DENIED"},
		"another organization":   {Values: with("ADD_INFO", "project=shop-prod,organization=9,organization-role=roles/browser"), Outcome: executors.Uncertain, Class: executors.ClassPolicy, Says: "PERMISSION_DENIED"},
		"nobody commits it":      {Keep: errors.New("no majority"), Outcome: executors.Uncertain, Class: executors.ClassRefused, Says: "no majority"},
		"no key file":            {Values: with("AUTH_PASSWORD", `{"type":"authorized_user"}`), Outcome: executors.NotStarted, Class: executors.ClassTemplate, Says: "whole JSON file"},
		"somebody else's key":    {Values: with("AUTH_USER", "x@shop-prod.iam.gserviceaccount.com"), Outcome: executors.NotStarted, Class: executors.ClassTemplate, Says: "client_email"},
		"no roles":               {Values: with("ADD_INFO", "project=shop-prod"), Outcome: executors.NotStarted, Class: executors.ClassTemplate, Says: "project=ID,role=ROLE"},
		"no role":                {Values: with("ADD_INFO", "project=shop-prod,role=owner"), Outcome: executors.NotStarted, Class: executors.ClassTemplate, Says: "project=ID,role=ROLE"},
		"no project":             {Values: with("ADD_INFO", "project=../x,role=roles/viewer"), Outcome: executors.NotStarted, Class: executors.ClassTemplate, Says: "project=ID,role=ROLE"},
		"no organization":        {Values: with("ADD_INFO", "project=shop-prod,organization-role=roles/viewer"), Outcome: executors.NotStarted, Class: executors.ClassTemplate, Says: "project=ID,role=ROLE"},
		"a name that is refused": {Values: with("USERNAME", "app_1"), Outcome: executors.NotStarted, Class: executors.ClassTemplate, Says: "user name"},
	})
}

// TestDoubleAccount: an account's own key is proven, with what it may do of what it needs.
func TestDoubleAccount(t *testing.T) {
	t.Parallel()
	d := newDouble(t)
	d.Denied["iam.serviceAccounts.delete"] = true
	a := d.Try(t, map[string]string{"USERNAME": account})
	own := secret.New([]byte(d.Values["AUTH_PASSWORD"]))
	if in, err := engine.Verify(t.Context(), a.Session, own); !in || err != nil || !strings.Contains(a.Steps, "may iam.serviceAccountKeys.create") || !strings.Contains(a.Steps, "may not iam.serviceAccounts.delete not granted on project shop-prod") {
		t.Errorf("%v, %v\n%s", in, err, a.Steps)
	}
	if in, err := engine.Verify(t.Context(), a.Session, secret.New([]byte(file("aa00", account, pool()[2])))); in || err != nil {
		t.Errorf("a wrong key: %v, %v", in, err)
	}
	if in, err := engine.Verify(t.Context(), a.Session, secret.New([]byte("no file"))); in || executortest.ClassOf(err) != executors.ClassTemplate {
		t.Errorf("no key: %v, %v", in, err)
	}
	d.BreakAt(1, false)
	if in, err := engine.Verify(t.Context(), a.Session, own); in || executortest.ClassOf(err) != executors.ClassNetwork {
		t.Errorf("without a network: %v, %v", in, err)
	}
}

// TestDoubleAccounts: service accounts of a profile are listed, page by page.
func TestDoubleAccounts(t *testing.T) {
	t.Parallel()
	d := newDouble(t)
	for _, n := range []string{"app-1", "app-2", "other-1"} {
		d.accounts[n+"@shop-prod.iam.gserviceaccount.com"] = time.Time{}
	}
	a := d.Try(t, nil)
	names, more, err := engine.Accounts(t.Context(), a.Session, "app-")
	if fmt.Sprint(names) != "[app-1 app-2]" || more || err != nil {
		t.Errorf("%v, %v, %v", names, more, err)
	}
	d.Denied["serviceAccounts.list"] = true
	if _, _, err := engine.Accounts(t.Context(), a.Session, "app-"); executortest.ClassOf(err) != executors.ClassPolicy {
		t.Error(err)
	}
}

// TestCompile: what a template may say, and which hosts belong to Google.
func TestCompile(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"", "create-service-account", "create-service-account a\ndelete-service-account a", "remove x", `create-service-account "[#PASSWORD#]"`} {
		if _, err := engine.Compile(source); err == nil {
			t.Errorf("%q compiles", source)
		}
	}
	for host, want := range map[string]bool{"oauth2.googleapis.com": true, "cloudresourcemanager.googleapis.com": true, "storage.googleapis.com": false, "oauth2.googleapis.com.evil.example": false} {
		if engine.Belongs("iam.googleapis.com", host) != want || engine.Belongs("iam.lab.example", host) {
			t.Errorf("%s belongs to Google: %v", host, !want)
		}
	}
}

// TestPolicy: the smallest role, and the condition that it is given on.
func TestPolicy(t *testing.T) {
	t.Parallel()
	var r struct{ IncludedPermissions []string }
	if doc, err := gcp.Role(); err != nil || json.Unmarshal([]byte(doc), &r) != nil || len(r.IncludedPermissions) != 9 {
		t.Errorf("%v: %v", r, err)
	}
	doc, err := gcp.Condition([]string{"roles/pubsub.publisher", "roles/browser"})
	if err != nil || !strings.Contains(doc, "hasOnly(['roles/pubsub.publisher', 'roles/browser'])") {
		t.Errorf("%s: %v", doc, err)
	}
	if _, err := gcp.Condition([]string{"x'] || true"}); err == nil {
		t.Error("a role that is none")
	}
}

func TestDoubleSilent(t *testing.T) {
	t.Parallel()
	kit.Silent(t)
}
