package compat

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"cofre/fsm/model"
	"cofre/vault/secret"
	"github.com/google/go-cmp/cmp"
)

func TestBothDialectsOfAReply(t *testing.T) {
	t.Parallel()
	value := secret.New([]byte("a\"\\\n\x01é\U0001F600"))
	w := httptest.NewRecorder()
	if err := OK("Credential 5", Member{"credential", Object{{"id", "5"}, {"password", Secret{Value: value}}, {"tags", []string{"<a>"}}, {"parent", nil}}}).Write(w, Vendor); err != nil {
		t.Fatal(err)
	}
	want := `{"code":200,"response":{"status":200,"message":"Credential 5","error":false,"error_code":0,"detail":"","mensagem":"Credential 5","erro":false,"cod_erro":0,` +
		`"credential":{"id":"5","password":"a\"\\\u000a\u0001é😀","tags":["<a>"],"parent":null}},` +
		`"credential":{"id":"5","password":"a\"\\\u000a\u0001é😀","tags":["<a>"],"parent":null}}` + "\n"
	if diff := cmp.Diff(want, w.Body.String()); diff != "" {
		t.Error(diff)
	}
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Error("an answer may be stored")
	}
	if value.Len() != 0 {
		t.Error("the secret was not wiped")
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	locked := model.Errorf(model.Invalid, "No access to credential").WithCode(1009)
	locked.RetryAfter = 7
	for name, c := range map[string]struct {
		err        error
		dialect    Dialect
		status     int
		body       string
		retryAfter string
	}{
		"business": {model.Errorf(model.Invalid, "Credential not found").WithCode(1007), Vendor, 400,
			`{"code":400,"response":{"status":400,"message":"1007: Credential not found","error":true,"error_code":1,"detail":"","mensagem":"1007: Credential not found","erro":true,"cod_erro":1},"exception":{"code":1007,"message":"1007: Credential not found","detail":null}}`, ""},
		"unknown object of the vendor": {model.Errorf(model.NotFound, "Device not found").WithCode(1011), Vendor, 400, "", ""},
		"unknown object of management": {model.Errorf(model.Invalid, "Credential not found").WithCode(1007), Management, 404,
			`{"type":"about:blank","title":"Not Found","status":404,"detail":"Credential not found","kind":"invalid","code":1007,"request":"r1"}`, ""},
		"reference that is not there": {model.Errorf(model.Invalid, "Credential not found").WithCode(1007).WithField("parent"), Management, 400, "", ""},
		"custody":                     {locked, Vendor, 400, "", "7"},
		"path": {&Error{Status: 404, Code: 4, Err: model.Errorf(model.NotFound, "Resource sub not found")}, Vendor, 404,
			`{"code":404,"response":{"status":404,"message":"Resource sub not found","error":true,"error_code":4,"detail":"","mensagem":"Resource sub not found","erro":true,"cod_erro":4},"exception":{"code":404,"message":"Resource sub not found","detail":null}}`, ""},
		"denied":      {model.Errorf(model.Denied, "IP not allowed"), Vendor, 403, "", ""},
		"conflict":    {model.Errorf(model.Conflict, "x"), Management, 409, "", ""},
		"sealed":      {fmt.Errorf("open: %w", model.Errorf(model.VaultSealed, "sealed")), Vendor, 503, "", "1"},
		"uncertain":   {model.Errorf(model.Uncertain, "x"), Vendor, 503, "", "1"},
		"expired":     {model.Errorf(model.Expired, "x"), Vendor, 503, "", "1"},
		"limited":     {&model.Error{Kind: model.Limited, Msg: "slow down", RetryAfter: 3}, Vendor, 429, "", "3"},
		"internal":    {model.Errorf(model.Internal, "row 7 of canary"), Management, 500, `{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"Unexpected error","kind":"internal","request":"r1"}`, ""},
		"foreign":     {errors.New("canary"), Vendor, 500, "", ""},
		"a bad token": {model.Errorf(model.Unauthenticated, "no"), Vendor, 401, "", ""},
		"a bad client": {model.Errorf(model.Unauthenticated, "Client authentication failed"), OAuth, 401,
			`{"error":"invalid_client","error_description":"Client authentication failed","message":"Client authentication failed","code":401,"response":{"status":401,"message":"Client authentication failed","error":true,"error_code":1,"detail":"","mensagem":"Client authentication failed","erro":true,"cod_erro":1}}`, ""},
	} {
		w := httptest.NewRecorder()
		if err := Fail(c.err, c.dialect, "r1").Write(w, c.dialect); err != nil {
			t.Fatal(err)
		}
		if w.Code != c.status || w.Header().Get("Retry-After") != c.retryAfter {
			t.Errorf("%s: %d, Retry-After %q", name, w.Code, w.Header().Get("Retry-After"))
		}
		if got := strings.TrimSpace(w.Body.String()); c.body != "" && got != c.body {
			t.Errorf("%s: %s", name, cmp.Diff(c.body, got))
		}
		if strings.Contains(w.Body.String(), "canary") {
			t.Errorf("%s shows the text of an internal error", name)
		}
		var shape struct {
			Error    any
			Response struct {
				Status    *int
				Message   *string
				Error     *bool
				ErrorCode *int32 `json:"error_code"`
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &shape); err != nil {
			t.Fatal(err)
		}
		if r := shape.Response; c.dialect != Management && (r.Status == nil || r.Message == nil || r.Error == nil || r.ErrorCode == nil) {
			t.Errorf("%s lacks part of the envelope", name)
		}
		if _, isText := shape.Error.(string); shape.Error != nil && !isText {
			t.Errorf("%s has an error at the top that is no string", name)
		}
	}
}

func FuzzQuoted(f *testing.F) {
	f.Add([]byte("a\"\x00\xff\u2028"))
	f.Fuzz(func(t *testing.T, b []byte) {
		w := &buffer{}
		w.quoted(b)
		var back string
		if err := json.Unmarshal(w.b, &back); err != nil {
			t.Fatalf("%q: %v", w.b, err)
		}
		if utf8.Valid(b) && back != string(b) {
			t.Fatalf("%q came back as %q", b, back)
		}
	})
}
