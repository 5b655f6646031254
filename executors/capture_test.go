package executors

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Of a long output start and end are kept, whatever the pieces in which it came.
func TestCaptureBounds(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, model.CaptureStart, model.MaxCaptured, model.MaxCaptured + 1, 3 * model.MaxCaptured, 10 * model.MaxCaptured} {
		all := make([]byte, size)
		for i := range all {
			all[i] = byte('a' + rng.IntN(26))
		}
		var c Capture
		for rest := all; len(rest) > 0; {
			n := min(len(rest), 1+rng.IntN(9000))
			c.Hear(rest[:n])
			rest = rest[n:]
		}
		v, n := c.Output()
		got := []byte(reveal(v))
		want := all
		if out := size - model.MaxCaptured; out > 0 {
			want = append(append(bytes.Clone(all[:model.CaptureStart]), fmt.Sprintf("\n[%d bytes are left out]\n", out)...), all[size-captureEnd:]...)[:model.MaxCaptured]
		}
		if n != size || !bytes.Equal(got, want) {
			t.Errorf("of %d bytes: told %d, kept %d, want %d", size, n, len(got), len(want))
		}
		if v, n := c.Output(); n != 0 || v.Len() != 0 {
			t.Errorf("%d bytes are kept twice", n)
		}
	}
	var none *Capture
	none.Hear([]byte("x"))
}

// Whatever an executor's Redactor learns, a capture does not show, also what came before it was learnt.
func TestCaptureKnowsEverySecret(t *testing.T) {
	t.Parallel()
	var c Capture
	s, red := Session{Capture: &c}.Guard()
	s.Capture.Hear([]byte("token=tok-0123456789; "))
	red.Add(secret.New([]byte("tok-0123456789")))
	if v, _ := c.Output(); reveal(v) != "token="+Redacted+"; " {
		t.Errorf("kept %q", reveal(v))
	}
	for name, write := range writers {
		const value = "Xk7#pQ2'v\\9zLm4$"
		red.Add(secret.New([]byte(value)))
		c.Hear([]byte("said: " + write(value) + "\r\n"))
		v, _ := c.Output()
		if got, shown := visible(reveal(v)), visible(write(value)); strings.Contains(got, shown) || len(shown) > 20 && strings.Contains(got, shown[2:len(shown)-2]) {
			t.Errorf("%s: kept %q", name, got)
		}
	}
}

func reveal(v secret.Value) (s string) {
	_ = v.Reveal(func(b []byte) error { s = string(b); return nil })
	return s
}
