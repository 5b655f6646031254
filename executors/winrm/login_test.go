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
		odd         bool
	}{
		{"refused", 0, 401, true, false, false},
		{"forbidden", 0, 403, false, false, false},
		{"an error of the service", 0, 500, false, false, false},
		{"overloaded", 0, 503, false, true, false},
		{"too many requests", 0, 429, false, true, false},
		{"an error before the login", 500, 0, false, true, false},
		{"not the service", 404, 0, false, true, false},
		{"open to everybody", 200, 0, false, true, false},
		{"a challenge that is none", 0, 0, false, true, true},
	} {
		d := serve(t, false, "Negotiate")
		d.first, d.last, d.odd = c.first, c.last, c.odd
		k, acc := kit(d, ""), d.add(t)
		in, err := winrm.New().Verify(t.Context(), k.Session(acc, ""), secret.New([]byte(acc.Password)))
		if in || (err == nil) != c.wrong || executors.IsSpared(err) != c.spared || err != nil && executortest.ClassOf(err) != executors.ClassProtocol {
			t.Errorf("%s: %v, spared %v: %v", c.what, in, executors.IsSpared(err), err)
		}
	}
}
