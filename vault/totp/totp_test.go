package totp

import (
	"encoding/base32"
	"strings"
	"testing"
	"time"

	"cofre/vault/secret"
)

// The vectors are those of RFC 6238, appendix B.
func TestCode(t *testing.T) {
	t.Parallel()
	seed := func(n int) string {
		return base32.StdEncoding.EncodeToString([]byte(strings.Repeat("1234567890", 7)[:n]))
	}
	for _, c := range []struct {
		key  string
		at   int64
		want string
	}{
		{"otpauth://totp/a?digits=8&secret=" + seed(20), 59, "94287082"},
		{"otpauth://totp/a?digits=8&algorithm=SHA256&secret=" + strings.TrimRight(seed(32), "="), 59, "46119246"},
		{"otpauth://totp/a?digits=8&algorithm=sha512&secret=" + strings.TrimRight(seed(64), "="), 1111111109, "25091201"},
		{"otpauth://totp/a?digits=8&secret=" + seed(20), 20000000000, "65353130"},
		{seed(20), 59, "287082"},
		{" gezd gnbv gy3t qojq gezd-gnbv-gy3t-qojq ", 59, "287082"},
	} {
		got, err := Code(secret.New([]byte(c.key)), time.Unix(c.at, 0))
		if err != nil || !got.Equal(secret.New([]byte(c.want))) {
			t.Errorf("%s: %v", c.key, err)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "JBSWY3DP", "not base32!", "otpauth://hotp/a?secret=JBSWY3DPEHPK3PXPJBSWY3DP", "otpauth://totp/a", "otpauth://totp/a?digits=5&secret=JBSWY3DPEHPK3PXP", "otpauth://totp/a?period=x&secret=JBSWY3DPEHPK3PXP", "otpauth://totp/a?algorithm=MD5&secret=JBSWY3DPEHPK3PXP"} {
		if err := Check(secret.New([]byte(bad))); err != ErrKey { //nolint:errorlint // the very error: nothing of the key is in it
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := Check(secret.New([]byte("JBSWY3DPEHPK3PXP"))); err != nil {
		t.Error(err)
	}
}
