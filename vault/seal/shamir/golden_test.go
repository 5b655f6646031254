package shamir_test

import (
	"bytes"
	"testing"

	"cofre/vault/seal/shamir"
	"cofre/vault/secret"
)

// Shares lie in safes for years: what the first release printed is taken for ever.
func TestGolden(t *testing.T) {
	t.Parallel()
	c := shamir.NewCollector(shamir.Unseal)
	for _, s := range []string{
		"unseal-45NQ-J0RG-XHT8-KEXF-GZ6K-HK3N-SV5N-B239-TQ3S-EP19-AXXZ-7RAV-ZC5S-P7Z5-Z8AX-TP67",
		"unseal-4DNQ-J0RG-4698-XP74-KH14-CGCH-8X4F-33DN-D9EA-SSKN-YY1G-0DQ3-309V-GBST-3CRN-9BCW",
	} {
		if _, err := c.Add(secret.New([]byte(s))); err != nil {
			t.Fatal(err)
		}
	}
	if key, err := c.Key(); err != nil || !key.Equal(secret.New(bytes.Repeat([]byte{7}, 32))) {
		t.Errorf("the format changed: %v", err)
	}
}
