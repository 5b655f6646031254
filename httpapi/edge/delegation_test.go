package edge_test

import (
	"strings"
	"testing"
)

// A delegation names applications, systems and environments. Who names an authorization by its unique key, beside a system and an
// environment that he was delegated, gets keys of that authorization only if the delegation names it.
func TestDelegationByUniqueKey(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	creator := strings.Replace(dsmClient, `"write":true`, `"write":true,"creates":true`, 1)
	maker := h.token(h.authorize(admin, "maker", creator))
	ids := map[string]string{}
	for _, environment := range []string{"dev", "prod"} {
		h.form(maker, "POST", "/iso/dapp/application", 200, "application", "shop", "system", "erp", "environment", environment)
		ids[environment] = h.json(admin, "GET", "/api/v1/applications/shop/authorizations/erp-"+environment, 200, "").text("id")
	}
	team := h.token(h.authorize(admin, "team", strings.Replace(creator, `"creates":true`, `"creates":true,"delegations":[{"applications":["shop"],"systems":["erp"],"environments":["dev"]}]`, 1)))
	ask := func(environment, unique string, want int) {
		t.Helper()
		a := h.form(team, "POST", "/iso/dapp/application", want, "application", "shop", "system", "erp", "environment", environment, "unique_key", unique)
		if want == 400 && a.at("exception.code") != 1009.0 {
			t.Error(a.raw)
		}
	}
	ask("dev", "", 200)
	ask("prod", "", 400)
	ask("dev", ids["dev"], 200)
	ask("dev", ids["prod"], 400)
	ask("prod", ids["prod"], 400)
	ask("prod", ids["dev"], 200) // what was said beside the key is not looked at
	ask("", ids["dev"], 200)
	h.form(maker, "POST", "/iso/dapp/application", 200, "application", "shop", "unique_key", ids["prod"])
}
