package compat

import (
	"net/http"
	"testing"

	"cofre/vault/secret"
)

func TestClientKeys(t *testing.T) {
	t.Parallel()
	r, _ := http.NewRequest("POST", "/", nil)
	r.SetBasicAuth("a%3Ab", "s%2Bx+y")
	id, s, ok := Basic(r)
	if !ok || id != "a:b" || !s.Equal(secret.New([]byte("s+x y"))) {
		t.Errorf("client id %s, %d bytes of secret", id, s.Len())
	}
	r.Header.Set("Authorization", "bearer  tok")
	if Bearer(r) != "tok" {
		t.Error("a lower-case scheme")
	}
	if _, _, ok := Basic(r); ok {
		t.Error("a Bearer header was taken for client keys")
	}
}
