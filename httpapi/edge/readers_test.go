package edge_test

import (
	"fmt"
	"testing"
	"time"

	"cofre/fsm/dsm"
	"cofre/fsm/model"
)

// Whoever has the accounts of a secret renewed learns who read them lately, by whatever way: the secret itself, another one with
// the same account, the account, and who asked and had it already. A secret of others that has nothing to do with it does not count.
func TestRecentReaders(t *testing.T) {
	t.Parallel()
	h, tok := dynamicHouse(t)
	const reads = `"modules":["PAM Core","Application","Secrets Management"],"rights":["secret.read"],"filter":{"all":true}`
	of := map[string]string{}
	for _, name := range []string{"same", "other", "direct", "polls", "stranger"} {
		k := h.authorize(tok, name, `{"name":"`+name+`",`+reads+`}`)
		of[name] = h.token(k)
	}
	h.json(tok, "POST", "/api/v1/secrets", 201, `{"identity":"db","accounts":[{"credential":"db1-root"}],"readers":[{"application":"same","authorization":"same"},{"application":"polls","authorization":"polls"}]}`)
	h.json(tok, "POST", "/api/v1/secrets", 201, `{"identity":"also","accounts":[{"credential":"db1-root"}],"owner":{"application":"other","authorization":"other"}}`)
	h.json(tok, "POST", "/api/v1/secrets", 201, `{"identity":"theirs","values":[{"name":"K","value":"v"}],"owner":{"application":"stranger","authorization":"stranger"}}`)
	for _, name := range []string{"same", "other", "stranger"} {
		h.json(of[name], "GET", "/iso/dapp/application", 200, "")
	}
	number := h.json(tok, "GET", "/api/v1/credentials/db1-root", 200, "").at("number")
	h.form(of["direct"], "GET", "/iso/pam/credential/"+fmt.Sprint(number), 200)
	polls := h.json(tok, "GET", "/api/v1/applications/polls/authorizations", 200, "").text("items.0.id")
	propose(h, dsm.CountUnchanged, dsm.UnchangedArgs{Counts: []dsm.UnchangedCount{{Authorization: model.AuthorizationID(polls), Source: "192.0.2.9", Count: 3}}})

	a := h.form(tok, "POST", "/iso/sctm/secret", 201, "identity", "db", "renew_credential_time", "60")
	got := map[string]bool{}
	for i := range 9 {
		if name := a.text("recent_readers." + string(rune('0'+i)) + ".authorization"); name != "" {
			got[name] = true
		}
	}
	if len(got) != 4 || !got["same/same"] || !got["other/other"] || !got["direct/direct"] || !got["polls/polls"] {
		t.Errorf("%v in %s", got, a.raw)
	}
	if since, err := time.Parse(time.RFC3339, a.text("recent_readers_since")); err != nil || time.Since(since) < 6*24*time.Hour {
		t.Errorf("since %q: %v", a.text("recent_readers_since"), err)
	}
	if a := h.form(tok, "POST", "/iso/sctm/secret", 201, "identity", "db", "description", "x"); a.at("recent_readers") != nil {
		t.Error(a.raw)
	}
}
