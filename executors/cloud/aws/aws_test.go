package aws_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/cloud"
	"cofre/executors/cloud/aws"
	"cofre/executors/executortest"
	"cofre/executors/executortest/cloudtest"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// engine is impatient.
var engine = aws.Executor{Patience: cloud.Patience{Whole: 2 * time.Second, Pause: 10 * time.Millisecond}}

// TestDoubleLife: a user is made with its policies, its key logs in although AWS learns of it late, and both are gone in the end.
func TestDoubleLife(t *testing.T) {
	t.Parallel()
	d := newDouble(t)
	one := kit
	one.Open = func(testing.TB) *cloudtest.Double { return &d.Double }
	one.Life(t, func(_ *cloudtest.Double, a *cloudtest.Attempt, parts map[string]string) {
		if len(parts) != 2 || strings.Contains(a.Steps, accountSecret) {
			t.Errorf("%d parts\n%s", len(parts), a.Steps)
		}
		if u := d.users["app_260101120000_0a1b2c3d"]; u == nil || u.path != "/cofre/" || len(u.policies) != len(managed) {
			t.Errorf("the user is %+v", u)
		}
		wrong := secret.New([]byte(strings.Replace(a.Kept, "secret+of", "secret-of", 1)))
		if in, err := engine.Verify(t.Context(), a.Session, wrong); in || err != nil {
			t.Errorf("a wrong secret: %v, %v", in, err)
		}
	})
}

// TestDoubleCuts breaks the connection at every request.
func TestDoubleCuts(t *testing.T) {
	t.Parallel()
	kit.Cuts(t)
}

// TestDoubleLateKey: keys that a request of an earlier attempt made late are taken away before the user gets its own.
func TestDoubleLateKey(t *testing.T) {
	t.Parallel()
	d := newDouble(t)
	p, err := engine.Compile("create-user\ncreate-access-key\n")
	if err != nil {
		t.Fatal(err)
	}
	a := d.Try(t, nil)
	a.Before = func(step string) error {
		if strings.Contains(step, "access-key") { // two, which is all that AWS gives
			d.keys["AKIALATE000000000001"] = &key{user: "app_260101120000_0a1b2c3d", secret: "s"}
			d.keys["AKIALATE000000000002"] = &key{user: "app_260101120000_0a1b2c3d", secret: "s"}
		}
		return nil
	}
	if outcome, err := p.Run(t.Context(), a.Session); outcome != executors.Applied {
		t.Fatalf("%s: %v", outcome, err)
	}
	if left := d.Left(); left != 2 {
		t.Errorf("the user has %d keys", left-1)
	}
}

// TestDoubleRefusals: what AWS refuses is told by its class.
func TestDoubleRefusals(t *testing.T) {
	t.Parallel()
	kit.Refusals(t, map[string]cloudtest.Case{
		"unknown key of the account": {Values: map[string]string{"AUTH_USER": "AKIAUNKNOWN000000001"}, Outcome: executors.NotStarted, Class: executors.ClassAuth, Says: "InvalidClientTokenId"},
		"wrong secret":               {Values: map[string]string{"AUTH_PASSWORD": "wrong-secret"}, Outcome: executors.NotStarted, Class: executors.ClassAuth, Says: "SignatureDoesNotMatch"},
		"may not create":             {Denied: "CreateUser", Outcome: executors.Rejected, Class: executors.ClassPolicy, Says: "AccessDenied"},
		"may not attach":             {Denied: "AttachUserPolicy", Outcome: executors.Uncertain, Class: executors.ClassPolicy, Says: "AccessDenied"},
		"may not make keys":          {Denied: "CreateAccessKey", Outcome: executors.Uncertain, Class: executors.ClassPolicy, Says: "AccessDenied"},
		"no such policy":             {Values: map[string]string{"ADD_INFO": "arn:aws:iam::aws:policy/Nothing"}, Outcome: executors.Uncertain, Class: executors.ClassPolicy, Says: "does not exist"},
		"no ARN":                     {Values: map[string]string{"ADD_INFO": "ReadOnlyAccess"}, Outcome: executors.NotStarted, Class: executors.ClassTemplate, Says: "expected ARNs"},
		"eleven policies":            {Values: map[string]string{"ADD_INFO": strings.Repeat(managed[0]+",", 11)}, Outcome: executors.NotStarted, Class: executors.ClassTemplate, Says: "1 to 10"},
		"no policies":                {Values: map[string]string{"ADD_INFO": ""}, Outcome: executors.NotStarted, Class: executors.ClassTemplate, Says: "ADD_INFO"},
		"an account that is none":    {Values: map[string]string{"AUTH_USER": "root"}, Outcome: executors.NotStarted, Class: executors.ClassTemplate, Says: "access key"},
		"no region":                  {Values: map[string]string{"AUTH_DOMAIN": "corp.example"}, Outcome: executors.NotStarted, Class: executors.ClassTemplate, Says: "region"},
		"a name that IAM refuses":    {Values: map[string]string{"USERNAME": "a b"}, Outcome: executors.NotStarted, Class: executors.ClassTemplate, Says: "user name"},
		"nobody commits the key":     {Keep: errors.New("no majority"), Outcome: executors.Uncertain, Class: executors.ClassRefused, Says: "no majority"},
	})
}

// TestDoublePermission: without permission nothing is sent, and nothing more after it is taken away.
func TestDoublePermission(t *testing.T) {
	t.Parallel()
	kit.Permission(t)
}

// TestDoubleAccount: an account's own key is proven, with what it may do of what it needs.
func TestDoubleAccount(t *testing.T) {
	t.Parallel()
	d := newDouble(t)
	d.Denied["DeleteUser"] = true
	a := d.Try(t, map[string]string{"USERNAME": accountKey})
	if in, err := engine.Verify(t.Context(), a.Session, secret.New([]byte(accountSecret))); !in || err != nil {
		t.Fatalf("%v, %v", in, err)
	}
	for _, want := range []string{"the key belongs to " + accountARN, "may iam:CreateUser", "may iam:AttachUserPolicy for the policies that its own policy names", "may not iam:DeleteUser implicitDeny"} {
		if !strings.Contains(a.Steps, want) {
			t.Errorf("no %q in\n%s", want, a.Steps)
		}
	}
	d.Denied["SimulatePrincipalPolicy"] = true
	if in, err := engine.Verify(t.Context(), a.Session, secret.New([]byte(accountSecret))); !in || err != nil || !strings.Contains(a.Steps, "it may not ask") {
		t.Errorf("%v, %v\n%s", in, err, a.Steps)
	}
	if in, err := engine.Verify(t.Context(), a.Session, secret.New([]byte("wrong"))); in || err != nil {
		t.Errorf("a wrong secret: %v, %v", in, err)
	}
	a.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }
	if in, err := engine.Verify(t.Context(), a.Session, secret.New([]byte(accountSecret))); in || executortest.ClassOf(err) != executors.ClassNetwork {
		t.Errorf("without a network: %v, %v", in, err)
	}
}

// TestDoubleAccounts: users of a profile are listed, page by page; others and those elsewhere are not.
func TestDoubleAccounts(t *testing.T) {
	t.Parallel()
	d := newDouble(t)
	for n, path := range map[string]string{"app_1": "/cofre/", "app_2": "/cofre/", "other_1": "/cofre/", "app_3": "/staff/"} {
		d.users[n] = &user{path: path}
	}
	a := d.Try(t, nil)
	names, more, err := engine.Accounts(t.Context(), a.Session, "app_")
	if fmt.Sprint(names) != "[app_1 app_2]" || more || err != nil {
		t.Errorf("%v, %v, %v", names, more, err)
	}
	d.Denied["ListUsers"] = true
	if _, _, err := engine.Accounts(t.Context(), a.Session, "app_"); executortest.ClassOf(err) != executors.ClassPolicy {
		t.Error(err)
	}
}

// TestPlaces: which hosts are spoken to, and which belong to a device.
func TestPlaces(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ device, region, hosts string }{
		{"iam.amazonaws.com", "", "sts.amazonaws.com"}, {"iam.amazonaws.com", "eu-west-1", "sts.eu-west-1.amazonaws.com"},
		{"iam.us-gov.amazonaws.com", "", "sts.us-gov-west-1.amazonaws.com"}, {"iam.cn-north-1.amazonaws.com.cn", "cn-northwest-1", "sts.cn-northwest-1.amazonaws.com.cn"},
		{"iam.amazonaws.com", "cn-north-1", "the region is not of the part"}, {"iam.lab.example", "eu-west-1", "iam.lab.example"},
	} {
		d := newDouble(t)
		a := d.Try(t, map[string]string{"USERNAME": accountKey, "AUTH_DOMAIN": c.region})
		a.Target = model.Endpoint{Hostname: c.device, Address: c.device}
		to := ""
		a.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
			to, _, _ = net.SplitHostPort(address)
			return nil, net.ErrClosed
		}
		_, err := engine.Verify(t.Context(), a.Session, secret.New([]byte("x")))
		if to != c.hosts && !strings.Contains(err.Error(), c.hosts) {
			t.Errorf("%s in %q: %s, %v", c.device, c.region, to, err)
		}
		if to != "" && to != c.device && !engine.Belongs(c.device, to) {
			t.Errorf("%s does not belong to %s", to, c.device)
		}
	}
	for _, host := range []string{"sts.evil.example", "sts.eu-west-1.amazonaws.com.evil.example", "s3.amazonaws.com", "xsts.amazonaws.com"} {
		if engine.Belongs("iam.amazonaws.com", host) || engine.Belongs("iam.lab.example", "sts.amazonaws.com") {
			t.Errorf("%s belongs to IAM", host)
		}
	}
}

// TestCompile: what a template may say, with the place of what it may not.
func TestCompile(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"":                             "expected create-user up to",
		"create-user":                  "expected create-user up to",
		"create-access-key":            "line 1, column 1: expected create-user or delete-user",
		"delete-user\ncreate-user":     "line 2, column 1: expected nothing after delete-user",
		"create-user [#USERNAME#]":     "a path",
		"create-user \"cofre\"":        "a path",
		"create-user\nattach-policies": "expects one list",
		"create-user\nattach-policies [#PASSWORD#]\ncreate-access-key": "no secret",
		"create-user\ncreate-access-key x":                             "expects nothing after it",
	} {
		if _, err := engine.Compile(source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", source, err)
		}
	}
	p, err := engine.Compile("create-user\nattach-policies \"[#ADD_INFO#]\"\ncreate-access-key")
	if err != nil || fmt.Sprint(p.Masks()) != "[[#AUTH_USER#] [#AUTH_PASSWORD#] [#USERNAME#] [#ADD_INFO#]]" {
		t.Errorf("%v, %v", p, err)
	}
	if x, ok := p.(executors.Explainer); !ok || len(x.Explain()) != 4 {
		t.Error("the template does not say what it does")
	}
}

// TestPolicy: the document names nothing but users below the path.
func TestPolicy(t *testing.T) {
	t.Parallel()
	doc, err := aws.Policy("aws", managed[1:])
	var policy struct {
		Statement []struct{ Sid, Resource string }
	}
	if err != nil || json.Unmarshal([]byte(doc), &policy) != nil || len(policy.Statement) != 3 || policy.Statement[0].Resource != "arn:aws:iam::*:user/cofre/*" || !strings.Contains(doc, `"iam:PolicyARN"`) {
		t.Errorf("%v\n%s", err, doc)
	}
	if _, err := aws.Policy("aws", []string{"*"}); err == nil {
		t.Error("a policy that is none")
	}
}

func TestDoubleSilent(t *testing.T) {
	t.Parallel()
	kit.Silent(t)
}
