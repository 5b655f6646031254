package keyring

import (
	"errors"
	"testing"

	"cofre/vault/barrier"
)

// TestReplacedWhileInUse: who took a ring just before another one came in its place is not told that the vault is sealed; who finds it
// sealed for good does not ask for ever.
func TestReplacedWhileInUse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		next  *Ring
		want  error
		calls int
	}{
		"another ring": {&Ring{barrier: barrier.New()}, nil, 2},
		"none":         {nil, ErrSealed, 1},
	} {
		h, calls := NewHolder(), 0
		h.Install(&Ring{barrier: barrier.New()})
		err := h.use(func(*barrier.Barrier) error {
			if calls++; calls == 1 {
				h.replace(c.next)
				return ErrSealed
			}
			return nil
		})
		if !errors.Is(err, c.want) || calls != c.calls {
			t.Errorf("%s: %v after %d calls", name, err, calls)
		}
	}
}
