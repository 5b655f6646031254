package compat

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"cofre/fsm/model"
	"cofre/vault/secret"
	"github.com/google/go-cmp/cmp"
)

// FuzzParseJSON compares the parser with encoding/json: what we accept it accepts with the same meaning, and what it
// accepts we accept unless we are stricter on purpose.
func FuzzParseJSON(f *testing.F) {
	for _, s := range []string{`{}`, `[]`, `{"a":1}`, `{"a":{"b":[1,2.5e-3,-0,"x\u00e9\ud83d\ude00\n"]},"c":null,"d":true}`, `{"a":1,"a":2}`, `"\ud800"`, `[1,]`, `01`, `1e`, `{"a" 1}`, "\"\xff\"", `"abc`, `"\`, `nul`, ` 1 2`, strings.Repeat("[", 40)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := parseJSON(bytes.Clone(b))
		if err != nil {
			if !model.Is(err, model.Invalid) {
				t.Fatalf("error of kind %s", model.KindOf(err))
			}
			return
		}
		if !json.Valid(b) || !utf8.Valid(b) {
			t.Fatalf("accepted what is no JSON: %q", b)
		}
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, plain(n)); diff != "" {
			t.Fatalf("meaning differs: %s", diff)
		}
	})
}

func plain(n *node) any {
	switch n.kind {
	case nodeBool:
		return string(n.text) == "true"
	case nodeNumber:
		return json.Number(n.text)
	case nodeString:
		return string(n.text)
	case nodeList:
		out := []any{}
		for _, c := range n.list {
			out = append(out, plain(c))
		}
		return out
	case nodeObject:
		out := map[string]any{}
		for i, k := range n.keys {
			out[k] = plain(n.list[i])
		}
		return out
	}
	return nil
}

type request struct {
	Name   string       `json:"name"`
	Secret secret.Value `json:"secret"`
	On     *bool        `json:"on"`
	N      int          `json:"n"`
	Port   uint16       `json:"port"`
	List   []inner      `json:"list"`
	Tags   *[]string    `json:"tags"`
	Age    Duration     `json:"age"`
	At     Time         `json:"at"`
	Hidden string
}

type inner struct {
	A string `json:"a"`
}

func TestBindRefusesAndNamesTheField(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ body, field, text string }{
		{`{"nam":"x"}`, "nam", "unknown field nam"},
		{`{"Hidden":"x"}`, "Hidden", "unknown field"},
		{`{"list":[{"a":"1"},{"b":2}]}`, "list[1].b", "unknown field"},
		{`{"list":[{"a":3}]}`, "list[0].a", "must be a string, not a number"},
		{`{"list":[null]}`, "list[0]", "not null"},
		{`{"name":{}}`, "name", "not an object"},
		{`{"on":"true"}`, "on", "must be a boolean"},
		{`{"n":1.5}`, "n", "whole number"},
		{`{"n":99999999999999999999}`, "n", "whole number"},
		{`{"port":70000}`, "port", "whole number"},
		{`{"secret":7}`, "secret", "must be a string"},
		{`{"tags":"a,b"}`, "tags", "must be a list"},
		{`{"age":"soon"}`, "age", "written like"},
		{`{"at":"tomorrow"}`, "at", "written like"},
		{`{"name":"a","name":"b"}`, "body", "twice"},
		{`{"name":"a"} x`, "body", "behind"},
		{`[]`, "body", "object"},
		{"{\"name\":\"\xff\"}", "body", "UTF-8"},
		{strings.Repeat(`{"list":`, 40), "body", "deep"},
	} {
		err := Bind([]byte(c.body), &request{})
		f := Fail(err, Management, "r")
		if err == nil || f.Status != 400 || f.Field != c.field || !strings.Contains(f.Message, c.text) {
			t.Errorf("%s: field %q, %v", c.body, f.Field, err)
		}
	}
}

func TestBindReads(t *testing.T) {
	t.Parallel()
	body := []byte(`{"name":"é","secret":"a\"b","on":false,"n":-3,"port":22,"list":[{"a":"x"}],"tags":[],"age":"720h","at":"2026-01-02T03:04:05+01:00"}`)
	var r request
	if err := Bind(body, &r); err != nil {
		t.Fatal(err)
	}
	if r.Name != "é" || !r.Secret.Equal(secret.New([]byte(`a"b`))) || r.On == nil || *r.On || r.N != -3 || r.Port != 22 || len(r.List) != 1 || r.Tags == nil || len(*r.Tags) != 0 {
		t.Errorf("%+v", r)
	}
	if r.Age != Duration(720*3600*1000) || model.Time(r.At).String() != "2026-01-02T02:04:05.000Z" {
		t.Errorf("%v %v", r.Age, r.At)
	}
	if bytes.Contains(body, []byte("a")) {
		t.Error("the body was not wiped")
	}
	if err := Bind([]byte(" \n"), &r); err != nil {
		t.Errorf("an empty body: %v", err)
	}
}

func TestDurationText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"720h": "720h", "90s": "1m30s", "0s": "0s", "1h30m": "1h30m", "1m": "1m", "250ms": "250ms", "10h": "10h", "20s": "20s", "10m": "10m"} {
		var d Duration
		if err := d.UnmarshalText([]byte(in)); err != nil {
			t.Fatal(err)
		}
		if got, _ := d.MarshalText(); string(got) != want {
			t.Errorf("%s: %s", in, got)
		}
	}
	for in, want := range map[string]string{"": "is written like", "7 days": "is written like", "60": "is written like", "1e9h": "is written like", "-5m": "not negative", "99999999h": "2562047 hours at most", "1h99999999h": "2562047 hours at most",
		"1ns": "whole milliseconds"} {
		var d Duration
		if err := d.UnmarshalText([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
}

func TestTimeText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"2026-01-31T12:00:00Z": "2026-01-31T12:00:00.000Z", "2026-01-31T12:00:00.25-03:00": "2026-01-31T15:00:00.250Z",
		"2026-01-31": "2026-01-31T00:00:00.000Z", "2026-01-31 12:00:00Z": "2026-01-31T12:00:00.000Z", "": "",
	} {
		var at Time
		if err := at.UnmarshalText([]byte(in)); err != nil {
			t.Errorf("%q: %v", in, err)
		} else if got := model.Time(at).String(); at != 0 && got != want || at == 0 && want != "" {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
	for _, in := range []string{"yesterday", "2026-02-30", "2026-01-31 12:00:00", "31.01.2026", "1969-12-31", "99999-01-01"} {
		var at Time
		if err := at.UnmarshalText([]byte(in)); err == nil || !strings.Contains(err.Error(), "is written like") {
			t.Errorf("%q: %v %v", in, at, err)
		}
	}
}

func FuzzBind(f *testing.F) {
	f.Add([]byte(`{"name":"a","list":[{"a":"x"}],"secret":"canary-canary"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := Bind(b, &request{}); err != nil && !model.Is(err, model.Invalid) {
			t.Fatal(err)
		}
	})
}
