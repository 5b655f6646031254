package config_test

import (
	"strings"
	"testing"

	"cofre/cmd/cofre/config"
)

// A misspelt variable is told with what was meant, without its value; what is a setting, a client's, or not ours is not.
func TestUnknownVariables(t *testing.T) {
	t.Parallel()
	for variable, want := range map[string]string{
		"COFRE_API_LISTN=sentinel":          "COFRE_API_LISTN is no setting and has no effect: did you mean COFRE_API_LISTEN?",
		"COFRE_TRUSTED_PROXIES=sentinel":    "did you mean COFRE_API_TRUSTED_PROXIES?",
		"COFRE_SERVICE_HOST=sentinel":       "COFRE_SERVICE_HOST is no setting and has no effect",
		"COFRE_SLOT=sentinel":               "did you mean COFRE_SLOTS?",
		"COFRE_API_TRUSTED_PROXYS=sentinel": "did you mean COFRE_API_TRUSTED_PROXIES?",
		"COFRE_API_TRUSTED_PROXIES=":        "", "COFRE_CLIENT_SECRET=x": "", "COFREX=1": "", "PATH=/COFRE_X": "",
	} {
		got := strings.Join(config.Unknown([]string{"HOME=/root", variable}), "\n")
		if (want == "") != (got == "") || !strings.HasSuffix(got, want) || strings.Contains(got, "sentinel") {
			t.Errorf("%s: %q, want %q", variable, got, want)
		}
	}
}
