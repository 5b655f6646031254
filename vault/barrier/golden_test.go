package barrier_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"cofre/fsm/model"
	"cofre/vault/secret"
)

// A value sealed by the first release opens for ever.
func TestGolden(t *testing.T) {
	t.Parallel()
	box, err := hex.DecodeString("0178270994953ac80adce4ffe576320132c5ec6a4737ca96111bedbb20a55174545085f1")
	if err != nil {
		t.Fatal(err)
	}
	b := open(t, 3, map[uint32]secret.Value{3: secret.New(bytes.Repeat([]byte{7}, 32))})
	if v, err := b.Decrypt(place, model.Sealed{Term: 3, Box: box}); err != nil || !v.Equal(secret.New([]byte("hunter2"))) {
		t.Errorf("the format changed: %v", err)
	}
}
