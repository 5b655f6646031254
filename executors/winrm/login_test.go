package winrm_test

import (
	"testing"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/winrm"
	"cofre/vault/secret"
)

// TestLoginsThatCannotBeToldOnDouble: only 401 says that a login is wrong. Who answers before a password was shown, or asks to come later,
// has refused none.
func TestLoginsThatCannotBeToldOnDouble(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what        string
		first, last int
		wrong       bool
		spared      bool
	}{
		{"refused", 0, 401, true, false},
		{"forbidden", 0, 403, false, false},
		{"an error of the service", 0, 500, false, false},
		{"overloaded", 0, 503, false, true},
		{"too many requests", 0, 429, false, true},
		{"an error before the login", 500, 0, false, true},
		{"not the service", 404, 0, false, true},
		{"open to everybody", 200, 0, false, true},
	} {
		d := serve(t, false, "Negotiate")
		d.first, d.last = c.first, c.last
		k, acc := kit(d, ""), d.add(t)
		in, err := winrm.New().Verify(t.Context(), k.Session(acc, ""), secret.New([]byte(acc.Password)))
		if in || (err == nil) != c.wrong || executors.IsSpared(err) != c.spared || err != nil && executortest.ClassOf(err) != executors.ClassProtocol {
			t.Errorf("%s: %v, spared %v: %v", c.what, in, executors.IsSpared(err), err)
		}
	}
}
