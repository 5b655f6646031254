package aws_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"cofre/executors/cloud/aws"
	"cofre/executors/executortest/cloudtest"
)

// double plays IAM and STS: it verifies every signature with AWS's own signer, knows who may do what, attaches managed policies, gives a
// user two keys at most, and lets new users and keys be unknown for a while.
type double struct {
	cloudtest.Double
	users  map[string]*user
	keys   map[string]*key
	issued int
}

type user struct {
	path     string
	policies []string
	from     time.Time
}

type key struct {
	user, secret string // user "": the account
	from         time.Time
}

const (
	accountKey    = "AKIAACCOUNT000000001"
	accountSecret = "account-secret-of-forty-characters-00001"
	accountARN    = "arn:aws:iam::123456789012:user/ops/cofre"
)

var managed = []string{"arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::123456789012:policy/shop-queue"}

func newDouble(t testing.TB) *double {
	t.Helper()
	d := &double{users: map[string]*user{}, keys: map[string]*key{accountKey: {secret: accountSecret}}}
	d.Values = map[string]string{"USERNAME": "app_260101120000_0a1b2c3d", "AUTH_USER": accountKey, "AUTH_PASSWORD": accountSecret, "ADD_INFO": strings.Join(managed, ", ")}
	d.Start(t, d)
	return d
}

var kit = cloudtest.Cloud{Engine: engine, Catalogue: aws.Catalogue(), Create: aws.CreateTemplate, Remove: aws.RemoveTemplate,
	Open: func(t testing.TB) *cloudtest.Double { return &newDouble(t).Double }, Uncertain: 8, Asked: 4, Signs: true}

// Left counts users, and keys besides the account's.
func (d *double) Left() int { return len(d.users) + len(d.keys) - 1 }

// failing is an error answer.
type failing struct {
	status        int
	code, message string
}

// Answer plays a request.
func (d *double) Answer(r *http.Request, body []byte) (int, []byte) {
	form := mustForm(body)
	result, no := d.answer(r, body, form)
	if no != nil {
		var text bytes.Buffer
		_ = xml.EscapeText(&text, []byte(no.message))
		return no.status, fmt.Appendf(nil, `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>1</RequestId></ErrorResponse>`, no.code, text.String())
	}
	return 200, fmt.Appendf(nil, `<%[1]sResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><%[1]sResult>%[2]s</%[1]sResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></%[1]sResponse>`, form.Get("Action"), result)
}

// signed finds the key of a request whose signature is right.
func (d *double) signed(r *http.Request, body []byte) (*key, *failing) {
	header := r.Header.Get("Authorization")
	rest, ok := strings.CutPrefix(header, "AWS4-HMAC-SHA256 Credential=")
	scope := strings.Split(rest, "/")
	if !ok || len(scope) < 5 {
		return nil, &failing{403, "MissingAuthenticationToken", "Request is missing Authentication Token"}
	}
	k, ok := d.keys[scope[0]]
	if !ok || time.Now().Before(k.from) {
		return nil, &failing{403, "InvalidClientTokenId", "The security token included in the request is invalid."}
	}
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	again, _ := http.NewRequestWithContext(r.Context(), r.Method, "https://"+r.Host+r.RequestURI, bytes.NewReader(body))
	again.Header.Set("Content-Type", r.Header.Get("Content-Type"))
	again.ContentLength = r.ContentLength
	sum := sha256.Sum256(body)
	if err == nil {
		err = v4.NewSigner().SignHTTP(r.Context(), sdk.Credentials{AccessKeyID: scope[0], SecretAccessKey: k.secret}, again, hex.EncodeToString(sum[:]), scope[3], scope[2], at)
	}
	if err != nil || time.Since(at).Abs() > 5*time.Minute || subtle.ConstantTimeCompare([]byte(header), []byte(again.Header.Get("Authorization"))) == 0 {
		return nil, &failing{403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."}
	}
	want := map[string]string{"2011-06-15": "sts", "2010-05-08": "iam"}[mustForm(body).Get("Version")]
	if scope[3] != want || want == "iam" && scope[2] != "us-east-1" {
		return nil, &failing{403, "SignatureDoesNotMatch", "Credential should be scoped to a valid region and the correct service."}
	}
	return k, nil
}

func mustForm(body []byte) url.Values {
	form, _ := url.ParseQuery(string(body))
	return form
}

func (d *double) answer(r *http.Request, body []byte, form url.Values) (string, *failing) {
	k, no := d.signed(r, body)
	if no != nil {
		return "", no
	}
	action, name := form.Get("Action"), form.Get("UserName")
	if action == "GetCallerIdentity" {
		arn := accountARN
		if k.user != "" {
			arn = "arn:aws:iam::123456789012:user" + d.users[k.user].path + k.user
		}
		return "<Arn>" + arn + "</Arn><UserId>U</UserId><Account>123456789012</Account>", nil
	}
	if k.user != "" || d.Denied[action] {
		return "", &failing{403, "AccessDenied", "User is not authorized to perform: iam:" + action}
	}
	u, there := d.users[name]
	known := there && !time.Now().Before(u.from)
	missing := &failing{404, "NoSuchEntity", "The user with name " + name + " cannot be found."}
	switch action {
	case "CreateUser":
		if there {
			return "", &failing{409, "EntityAlreadyExists", "User with name " + name + " already exists."}
		}
		d.users[name] = &user{path: form.Get("Path"), from: time.Now().Add(d.Lag)}
		return "<User><UserName>" + name + "</UserName></User>", nil
	case "SimulatePrincipalPolicy":
		return d.simulate(form), nil
	case "ListUsers": // one to a page
		var all []string
		for n, u := range d.users {
			if strings.HasPrefix(u.path, form.Get("PathPrefix")) {
				all = append(all, n)
			}
		}
		slices.Sort(all)
		at := slices.Index(all, form.Get("Marker")) + 1
		if at >= len(all) {
			return "<Users/><IsTruncated>false</IsTruncated>", nil
		}
		return fmt.Sprintf("<Users><member><UserName>%[1]s</UserName></member></Users><IsTruncated>%[2]v</IsTruncated><Marker>%[1]s</Marker>", all[at], at+1 < len(all)), nil
	}
	if !known {
		return "", missing
	}
	return d.onUser(action, name, u, form)
}

func (d *double) onUser(action, name string, u *user, form url.Values) (string, *failing) {
	arn := form.Get("PolicyArn")
	switch action {
	case "GetUser":
		return "<User><UserName>" + name + "</UserName></User>", nil
	case "AttachUserPolicy":
		switch {
		case !slices.Contains(managed, arn):
			return "", &failing{404, "NoSuchEntity", "Policy " + arn + " does not exist or is not attachable."}
		case len(u.policies) == 10:
			return "", &failing{409, "LimitExceeded", "Cannot exceed quota for PoliciesPerUser: 10"}
		}
		u.policies = append(slices.DeleteFunc(u.policies, func(p string) bool { return p == arn }), arn)
	case "DetachUserPolicy":
		u.policies = slices.DeleteFunc(u.policies, func(p string) bool { return p == arn })
	case "ListAttachedUserPolicies": // one to a page
		at := slices.Index(u.policies, form.Get("Marker")) + 1
		if at >= len(u.policies) {
			return "<AttachedPolicies/><IsTruncated>false</IsTruncated>", nil
		}
		p := u.policies[at]
		return fmt.Sprintf("<AttachedPolicies><member><PolicyArn>%[1]s</PolicyArn></member></AttachedPolicies><IsTruncated>%[2]v</IsTruncated><Marker>%[1]s</Marker>", p, at+1 < len(u.policies)), nil
	case "CreateAccessKey":
		if len(d.keysOf(name)) == 2 {
			return "", &failing{409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2"}
		}
		d.issued++
		id, s := fmt.Sprintf("AKIAUSER%012d", d.issued), fmt.Sprintf("secret+of/user-%024d=", d.issued)
		d.keys[id] = &key{name, s, time.Now().Add(d.Lag)}
		return "<AccessKey><UserName>" + name + "</UserName><AccessKeyId>" + id + "</AccessKeyId><Status>Active</Status><SecretAccessKey>" + s + "</SecretAccessKey></AccessKey>", nil
	case "ListAccessKeys":
		var list strings.Builder
		for _, id := range d.keysOf(name) {
			list.WriteString("<member><AccessKeyId>" + id + "</AccessKeyId><Status>Active</Status></member>")
		}
		return "<AccessKeyMetadata>" + list.String() + "</AccessKeyMetadata><IsTruncated>false</IsTruncated>", nil
	case "DeleteAccessKey":
		delete(d.keys, form.Get("AccessKeyId"))
	case "DeleteUser":
		if len(d.keysOf(name)) > 0 || len(u.policies) > 0 {
			return "", &failing{409, "DeleteConflict", "Cannot delete entity, must delete access keys and detach all policies first."}
		}
		delete(d.users, name)
	default:
		return "", &failing{400, "InvalidAction", "Could not find operation " + action}
	}
	return "", nil
}

func (d *double) keysOf(name string) (ids []string) {
	for id, k := range d.keys {
		if k.user == name {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (d *double) simulate(form url.Values) string {
	var out strings.Builder
	for n := 1; form.Get(fmt.Sprintf("ActionNames.member.%d", n)) != ""; n++ {
		a := form.Get(fmt.Sprintf("ActionNames.member.%d", n))
		decision, missing := "allowed", ""
		if d.Denied[strings.TrimPrefix(a, "iam:")] {
			decision = "implicitDeny"
		} else if strings.HasSuffix(a, "chUserPolicy") {
			decision, missing = "implicitDeny", "<MissingContextValues><member>iam:PolicyARN</member></MissingContextValues>"
		}
		out.WriteString("<member><EvalActionName>" + a + "</EvalActionName><EvalDecision>" + decision + "</EvalDecision>" + missing + "</member>")
	}
	return "<EvaluationResults>" + out.String() + "</EvaluationResults>"
}
