package aws_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/cloud"
	"cofre/executors/cloud/aws"
	"cofre/executors/executortest"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

var quiet = log.New(io.Discard, "", 0)

// engine is impatient.
var engine = aws.Executor{Patience: cloud.Patience{Whole: 2 * time.Second, Pause: 10 * time.Millisecond}}

// attempt is a session with what became of it.
type attempt struct {
	executors.Session
	steps  []model.Step
	kept   string
	refuse error // of Keep
}

func (a *attempt) Step(s model.Step) { a.steps = append(a.steps, s) }

func (a *attempt) text() (out string) {
	for _, s := range a.steps {
		out += s.Text + " " + s.Error + "\n"
	}
	return out
}

// try makes a session on the double; values may replace what the tags give.
func (d *double) try(t *testing.T, values map[string]string) *attempt {
	t.Helper()
	at, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	to := netip.MustParseAddrPort(at.Host)
	all := map[string]string{"USERNAME": "app_260101120000_0a1b2c3d", "AUTH_USER": accountKey, "AUTH_PASSWORD": accountSecret, "ADD_INFO": strings.Join(managed, ", ")}
	for n, v := range values {
		all[n] = v
	}
	a := &attempt{}
	a.Session = executors.Session{
		Target: model.Endpoint{Hostname: "example.com", Address: to.Addr().String(), Port: to.Port(), CA: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.Certificate().Raw}))},
		Resolve: func(n mask.Name) (secret.Value, error) {
			if v := all[string(n)]; v != "" {
				return secret.New([]byte(v)), nil
			}
			return secret.Value{}, mask.ErrNoValue
		},
		Dial:  new(net.Dialer).DialContext,
		Trace: a,
		Keep: func(_ context.Context, v secret.Value) error {
			if a.refuse == nil {
				a.kept = reveal(v)
			}
			return a.refuse
		},
	}
	return a
}

func reveal(v secret.Value) (out string) {
	_ = v.Reveal(func(b []byte) error { out = string(b); return nil })
	return out
}

func template(t *testing.T, name string) executors.Program {
	t.Helper()
	for _, e := range aws.Catalogue() {
		if e.Name == name {
			p, err := executors.Compile(engine, e.Kind, e.Content)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
	}
	t.Fatalf("the catalogue has no %s", name)
	return nil
}

// TestDoubleLife: a user is made with its policies, its key logs in although AWS learns of it late, and both are gone in the end.
func TestDoubleLife(t *testing.T) {
	t.Parallel()
	d := newDouble(t)
	d.lag = 300 * time.Millisecond
	create, remove := template(t, aws.CreateTemplate), template(t, aws.RemoveTemplate)
	a := d.try(t, nil)
	if outcome, err := create.Run(t.Context(), a.Session); outcome != executors.Applied {
		t.Fatalf("%s: %v", outcome, err)
	}
	var pair map[string]string
	if json.Unmarshal([]byte(a.kept), &pair) != nil || len(pair) != 2 || pair["access_key_id"] == "" || pair["secret_access_key"] == "" {
		t.Fatalf("kept %d bytes that are no pair", len(a.kept))
	}
	if strings.Contains(a.text(), pair["secret_access_key"]) || strings.Contains(a.text(), accountSecret) {
		t.Error("the transcript shows a secret")
	}
	if u := d.users["app_260101120000_0a1b2c3d"]; u == nil || u.path != "/cofre/" || len(u.policies) != len(managed) {
		t.Fatalf("the user is %+v", u)
	}
	key := secret.New([]byte(a.kept))
	if in, err := engine.Verify(t.Context(), a.Session, key); !in || err != nil {
		t.Fatalf("the new key: %v, %v", in, err)
	}
	wrong := secret.New([]byte(strings.Replace(a.kept, "secret+of", "secret-of", 1)))
	if in, err := engine.Verify(t.Context(), a.Session, wrong); in || err != nil {
		t.Errorf("a wrong secret: %v, %v", in, err)
	}
	gone, ok := remove.(executors.Verifier)
	if !ok {
		t.Fatal("a removal cannot tell whether the user is there")
	}
	if there, err := gone.Verify(t.Context(), a.Session, key); !there || err != nil {
		t.Errorf("before the removal: %v, %v", there, err)
	}
	for range 2 { // the second finds nothing
		if outcome, err := remove.Run(t.Context(), a.Session); outcome != executors.Applied {
			t.Fatalf("%s: %v", outcome, err)
		}
	}
	for _, v := range []secret.Value{key, secret.New([]byte("a-stand-in"))} {
		if there, err := gone.Verify(t.Context(), a.Session, v); there || err != nil {
			t.Errorf("after the removal: %v, %v", there, err)
		}
	}
	if users, keys := d.left(); users+keys != 0 {
		t.Errorf("%d users and %d keys are left", users, keys)
	}
}

// TestDoubleCuts breaks the connection at every request, before and after its effect: what is claimed is true, the next attempt
// removes what it finds and succeeds, and a removal that is cut succeeds when it is repeated. No key is lost, and none is left.
func TestDoubleCuts(t *testing.T) {
	t.Parallel()
	create, remove := template(t, aws.CreateTemplate), template(t, aws.RemoveTemplate)
	seen := map[executors.Outcome]int{}
	for n, whole := 1, false; !whole; n++ {
		for _, after := range []bool{false, true} {
			d := newDouble(t)
			d.breakAt(n, after)
			a := d.try(t, nil)
			outcome, err := create.Run(t.Context(), a.Session)
			seen[outcome]++
			users, keys := d.left()
			switch {
			case outcome == executors.Applied:
				whole = true
			case outcome != executors.Uncertain:
				t.Errorf("request %d, after %v: %s, although a request had left: %v", n, after, outcome, err)
			case executortest.ClassOf(err) != executors.ClassNetwork:
				t.Errorf("request %d, after %v: %v", n, after, err)
			}
			if (a.kept != "") != (outcome == executors.Applied) {
				t.Errorf("request %d, after %v: %s, and a key was kept: %v", n, after, outcome, a.kept != "")
			}
			stand := secret.New([]byte("a-stand-in"))
			if in, err := engine.Verify(t.Context(), a.Session, stand); in || err != nil { // what settling does
				t.Errorf("the stand-in: %v, %v", in, err)
			}
			d.breakAt(0, false)
			if outcome, err := remove.Run(t.Context(), a.Session); outcome != executors.Applied {
				t.Fatalf("request %d, after %v: the removal of %d users and %d keys: %s, %v", n, after, users, keys, outcome, err)
			}
			again := d.try(t, nil)
			if outcome, err := create.Run(t.Context(), again.Session); outcome != executors.Applied {
				t.Fatalf("request %d, after %v: the next attempt: %s, %v", n, after, outcome, err)
			}
			if in, err := engine.Verify(t.Context(), again.Session, secret.New([]byte(again.kept))); !in || err != nil {
				t.Errorf("the next attempt's key: %v, %v", in, err)
			}
		}
	}
	if seen[executors.Uncertain] < 8 {
		t.Errorf("the cuts did not reach all requests: %v", seen)
	}
	for n, whole := 1, false; !whole; n++ {
		for _, after := range []bool{false, true} {
			d := newDouble(t)
			a := d.try(t, nil)
			if outcome, err := create.Run(t.Context(), a.Session); outcome != executors.Applied {
				t.Fatalf("%s: %v", outcome, err)
			}
			d.breakAt(n, after)
			outcome, _ := remove.Run(t.Context(), a.Session)
			whole = outcome == executors.Applied
			if users, _ := d.left(); whole && users != 0 {
				t.Errorf("removal cut at %d, after %v: applied, and the user is there", n, after)
			}
			d.breakAt(0, false)
			if outcome, err := remove.Run(t.Context(), a.Session); outcome != executors.Applied {
				t.Errorf("removal cut at %d, after %v, then repeated: %s, %v", n, after, outcome, err)
			}
			if users, keys := d.left(); users+keys != 0 {
				t.Errorf("removal cut at %d, after %v: %d users and %d keys are left", n, after, users, keys)
			}
		}
	}
}

// TestDoubleLateKey: keys that a request of an earlier attempt made late are taken away before the user gets its own.
func TestDoubleLateKey(t *testing.T) {
	t.Parallel()
	d := newDouble(t)
	p, err := engine.Compile("create-user\ncreate-access-key\n")
	if err != nil {
		t.Fatal(err)
	}
	a := d.try(t, nil)
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
	if _, keys := d.left(); keys != 1 {
		t.Errorf("the user has %d keys", keys)
	}
}

// TestDoubleRefusals: what AWS refuses is told by its class, and never claimed to be something else.
func TestDoubleRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		values  map[string]string
		denied  string
		keep    error
		outcome executors.Outcome
		class   executors.Class
		says    string
	}{
		"unknown key of the account": {values: map[string]string{"AUTH_USER": "AKIAUNKNOWN000000001"}, outcome: executors.NotStarted, class: executors.ClassAuth, says: "InvalidClientTokenId"},
		"wrong secret":               {values: map[string]string{"AUTH_PASSWORD": "wrong-secret"}, outcome: executors.NotStarted, class: executors.ClassAuth, says: "SignatureDoesNotMatch"},
		"may not create":             {denied: "CreateUser", outcome: executors.Rejected, class: executors.ClassPolicy, says: "AccessDenied"},
		"may not attach":             {denied: "AttachUserPolicy", outcome: executors.Uncertain, class: executors.ClassPolicy, says: "AccessDenied"},
		"may not make keys":          {denied: "CreateAccessKey", outcome: executors.Uncertain, class: executors.ClassPolicy, says: "AccessDenied"},
		"no such policy":             {values: map[string]string{"ADD_INFO": "arn:aws:iam::aws:policy/Nothing"}, outcome: executors.Uncertain, class: executors.ClassPolicy, says: "does not exist"},
		"no ARN":                     {values: map[string]string{"ADD_INFO": "ReadOnlyAccess"}, outcome: executors.NotStarted, class: executors.ClassTemplate, says: "expected ARNs"},
		"eleven policies":            {values: map[string]string{"ADD_INFO": strings.Repeat(managed[0]+",", 11)}, outcome: executors.NotStarted, class: executors.ClassTemplate, says: "1 to 10"},
		"no policies":                {values: map[string]string{"ADD_INFO": ""}, outcome: executors.NotStarted, class: executors.ClassTemplate, says: "ADD_INFO"},
		"an account that is none":    {values: map[string]string{"AUTH_USER": "root"}, outcome: executors.NotStarted, class: executors.ClassTemplate, says: "access key"},
		"no region":                  {values: map[string]string{"AUTH_DOMAIN": "corp.example"}, outcome: executors.NotStarted, class: executors.ClassTemplate, says: "region"},
		"a name that IAM refuses":    {values: map[string]string{"USERNAME": "a b"}, outcome: executors.NotStarted, class: executors.ClassTemplate, says: "user name"},
		"nobody commits the key":     {keep: errors.New("no majority"), outcome: executors.Uncertain, class: executors.ClassRefused, says: "no majority"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDouble(t)
			d.denied[c.denied] = true
			a := d.try(t, c.values)
			a.refuse = c.keep
			outcome, err := template(t, aws.CreateTemplate).Run(t.Context(), a.Session)
			if outcome != c.outcome || executortest.ClassOf(err) != c.class || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s, %v", outcome, err)
			}
			if users, keys := d.left(); (outcome == executors.NotStarted || outcome == executors.Rejected) && users+keys != 0 {
				t.Errorf("%s, but %d users and %d keys are there", outcome, users, keys)
			}
			if c.class == executors.ClassTemplate && d.requests != 0 {
				t.Error("something was sent")
			}
		})
	}
}

// TestDoublePermission: without permission nothing is sent, and nothing more after it is taken away.
func TestDoublePermission(t *testing.T) {
	t.Parallel()
	for n := 0; ; n++ {
		d := newDouble(t)
		a := d.try(t, nil)
		asked, then := 0, 0
		a.Before = func(string) error {
			if asked++; asked > n {
				then = d.requests
				return errors.New("the lease is lost")
			}
			return nil
		}
		outcome, err := template(t, aws.CreateTemplate).Run(t.Context(), a.Session)
		if asked <= n {
			if n < 4 || outcome != executors.Applied {
				t.Errorf("asked %d times, then %s: %v", asked, outcome, err)
			}
			return
		}
		if executortest.ClassOf(err) != executors.ClassRefused || asked != n+1 || d.requests != then || n < 2 && (outcome != executors.NotStarted || d.requests != 0) {
			t.Errorf("refused at question %d: %s, %v, %d requests", n+1, outcome, err, d.requests)
		}
	}
}

// TestDoubleAccount: an account's own key is proven, with what it may do of what it needs.
func TestDoubleAccount(t *testing.T) {
	t.Parallel()
	d := newDouble(t)
	d.denied["DeleteUser"] = true
	a := d.try(t, map[string]string{"USERNAME": accountKey})
	if in, err := engine.Verify(t.Context(), a.Session, secret.New([]byte(accountSecret))); !in || err != nil {
		t.Fatalf("%v, %v", in, err)
	}
	for _, want := range []string{"the key belongs to " + accountARN, "may iam:CreateUser", "may iam:AttachUserPolicy for the policies that its own policy names", "may not iam:DeleteUser implicitDeny"} {
		if !strings.Contains(a.text(), want) {
			t.Errorf("no %q in\n%s", want, a.text())
		}
	}
	d.denied["SimulatePrincipalPolicy"] = true
	if in, err := engine.Verify(t.Context(), a.Session, secret.New([]byte(accountSecret))); !in || err != nil || !strings.Contains(a.text(), "it may not ask") {
		t.Errorf("%v, %v\n%s", in, err, a.text())
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
	a := d.try(t, nil)
	names, more, err := engine.Accounts(t.Context(), a.Session, "app_")
	if fmt.Sprint(names) != "[app_1 app_2]" || more || err != nil {
		t.Errorf("%v, %v, %v", names, more, err)
	}
	d.denied["ListUsers"] = true
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
		a := d.try(t, map[string]string{"USERNAME": accountKey, "AUTH_DOMAIN": c.region})
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
