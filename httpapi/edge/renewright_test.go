package edge_test

import (
	"net/http"
	"strings"
	"testing"
)

// Renewing the accounts of a secret changes them on their targets: who may not run operations on them may not order it either,
// neither with a new secret nor for one that is there.
func TestDsmRenewalNeedsTheRightToChange(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	tok := h.token(h.authorize(admin, "billing", dsmClient))
	const why = "renewing an account needs the right to run operations on it"
	if a := h.json(tok, "POST", "/api/v1/secrets", 403, `{"identity":"db","accounts":[{"credential":"web1-root"}],"renew_credential":"1h"}`); !strings.Contains(a.raw, why) {
		t.Error(a.raw)
	}
	h.json(tok, "POST", "/api/v1/secrets", 201, `{"identity":"db","accounts":[{"credential":"web1-root"}]}`)
	if a := h.json(tok, "PUT", "/api/v1/secrets/db", 403, `{"renew_credential":"1h"}`); !strings.Contains(a.raw, why) {
		t.Error(a.raw)
	}
	if a := h.form(tok, "POST", "/iso/sctm/secret", 403, "identity", "db", "renew_credential_time", "60"); !strings.Contains(a.raw, why) {
		t.Error(a.raw)
	}
	h.json(admin, "PUT", "/api/v1/secrets/db", 200, `{"renew_credential":"1h"}`)
}

// An application that gets a dynamic user by itself is not told that nothing has changed before it has it.
func TestDsmConditionalSeesNewPairs(t *testing.T) {
	t.Parallel()
	h, tok := dynamicHouse(t)
	_, tag, _ := h.conditional(tok, "/iso/sctm/secret", "")
	if status, _, _ := h.conditional(tok, "/iso/sctm/secret", tag); status != http.StatusNotModified {
		t.Fatal(status)
	}
	h.json(tok, "PUT", "/api/v1/applications/admin/provisioning", 200, `{"automatic":true,"pairs":[{"device":"db1","profile":"app"}]}`)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if status, now, _ := h.conditional(tok, "/iso/sctm/secret", tag); status != http.StatusOK || now == tag {
			t.Errorf("%d, tag %s of %s", status, now, tag)
		}
	}()
	h.create(h.await(0), "Ephemeral-1")
	<-done
}
