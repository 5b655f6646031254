package edge_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
)

// Values that are no part of an account are kept beside it, by a put and from a pipeline; and items of a mapping file that have
// one name are one secret, which the same again does not change.
func TestDsmKeepsEveryValue(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	h.json(admin, "POST", "/api/v1/devices", 201, `{"hostname":"far","ip":"10.0.0.9"}`)
	h.json(admin, "POST", "/api/v1/credentials", 201, `{"identifier":"far-root","hostname":"far","username":"root","secret":"never-read","tags":["foreign"]}`)
	tok := h.token(h.authorize(admin, "billing", dsmClient))
	data := func(identity string) string {
		for _, s := range h.form(tok, "GET", "/iso/sctm/secret", 200).dsm(t).Secrets {
			if s.Identity == identity {
				return s.Version + jsonOf(s.Data)
			}
		}
		return ""
	}
	h.json(tok, "POST", "/iso/sctm/secret", 201, `{"identity":"put","data":{"credentials":[{"credential":{"fields":{"user":"root","host":"web1","password":"sent","Port":5432,"database":"erp","database_label":"DB_NAME"}}},{"SID":"x"}]}}`)
	if got, want := data("put"), `1[{"hostname":"web1","password":"s3cret","username":"root"},{"DB_NAME":"erp","Port":"5432"},{"SID":"x"}]`; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	for _, bad := range []string{`{"credentials":[{}]}`, `{"credentials":[{"credential":{"fields":{"port_label":null}}}]}`, `{"credentials":[{"user":"root","port":[1]}]}`, `{"credentials":[{"host":"web1","user":{"a":"b"}}]}`} {
		h.json(tok, "POST", "/iso/sctm/secret", 400, `{"identity":"put","data":`+bad+`}`)
	}

	const env = "U=root\nH=web1\nP=from-pipeline\nPORT=5432\nAK=id\nSK=key\nTOKEN=t"
	const mapping = `{"access_keys":[{"name":"prod","type":"aws","fields":{"access_key_id":"AK","secret_access_key":"SK"}}],
		"credentials":[{"name":"prod","fields":{"user":"U","host":"H","password":"P","port":"PORT"}}],"key_value":[{"name":"prod","fields":["TOKEN"]},{"name":"other","fields":["TOKEN"]}]}`
	for range 2 {
		h.form(tok, "POST", "/iso/cicd/variables", 200, "env", oddBase64(env), "map", base64.StdEncoding.EncodeToString([]byte(mapping)))
	}
	if got, want := data("prod"), `1[{"AK":"id","SK":"key"},{"H":"web1","P":"s3cret","U":"root"},{"PORT":"5432"},{"TOKEN":"t"}]`; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got := data("other"); got != `1[{"TOKEN":"t"}]` {
		t.Error(got)
	}

	// An account that is not registered, or not readable, stays what the pipeline sent, and the answer counts it.
	a := h.form(tok, "POST", "/iso/cicd/variables", 200, "env", oddBase64("U1=nobody\nH1=nowhere\nP1=own\nU2=root\nH2=far\nP2=mine"),
		"map", oddBase64(`{"credentials":[{"name":"unknown","fields":{"user":"U1","host":"H1","password":"P1"}},{"name":"foreign","fields":{"user":"U2","host":"H2","password":"P2"}}]}`))
	if got := a.text("response.message"); !strings.Contains(got, "2 secrets registered; 2 accounts") {
		t.Error(got)
	}
	if unknown, foreign := data("unknown"), data("foreign"); unknown != `1[{"H1":"nowhere","P1":"own","U1":"nobody"}]` || foreign != `1[{"H2":"far","P2":"mine","U2":"root"}]` {
		t.Error(unknown, foreign)
	}
	// A name that no secret can have is told as a mistake of the mapping file, and so is a file that names nothing.
	for names, want := range map[string]string{`{"key_value":[{"name":"7","fields":["TOKEN"]}]}`: "field map", `{"key_values":[{"name":"x","fields":["TOKEN"]}]}`: "names no variable"} {
		a := h.send(h.request("POST", "/iso/cicd/variables", tok, formType, url.Values{"env": {oddBase64(env)}, "map": {oddBase64(names)}}.Encode()))
		if got := a.text("response.detail"); !strings.Contains(got, want) {
			t.Errorf("%s: %s", names, a.raw)
		}
	}
	if strings.Contains(h.logs.String(), "from-pipeline") {
		t.Error("the log holds a variable")
	}
}

// A secret that was made and got no values yet is read as one without any, in every dialect, and is not among those of its application.
func TestDsmWithoutValues(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	tok := h.token(h.authorize(admin, "billing", dsmClient))
	h.json(tok, "POST", "/api/v1/secrets", 201, `{"identity":"bare"}`)
	if a := h.json(tok, "GET", "/api/v1/secrets/bare/data", 200, ""); a.text("version") != "" && a.at("version") != 0.0 || strings.Contains(a.raw, "null") {
		t.Error(a.raw)
	}
	if a := h.json(tok, "GET", "/api/dsm/secret/bare", 200, ""); a.text("response.secret.identifier") != "bare" || jsonOf(a.at("response.secret.data")) != "{}" {
		t.Error(a.raw)
	}
	if d := h.form(tok, "GET", "/iso/sctm/secret", 200).dsm(t); len(d.Application.Secrets) != 0 {
		t.Errorf("%+v", d)
	}
	if n := h.events(admin, "dsm.read"); n != 3 {
		t.Errorf("%d reads are recorded", n)
	}
}
