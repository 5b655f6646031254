package shamir

import (
	"math/rand/v2"
	"testing"
)

// product is the schoolbook multiplication with the reduction as a division: another road to the same field.
func product(a, b byte) byte {
	var p uint16
	for i := range 8 {
		if b>>i&1 == 1 {
			p ^= uint16(a) << i
		}
	}
	for i := 15; i >= 8; i-- {
		if p>>i&1 == 1 {
			p ^= 0x11b << (i - 8)
		}
	}
	return byte(p)
}

func TestField(t *testing.T) {
	t.Parallel()
	if got := mul(0x57, 0x83); got != 0xc1 { // the example of FIPS 197, 4.2
		t.Errorf("57*83 = %x", got)
	}
	for a := range 256 {
		for b := range 256 {
			if got, want := mul(byte(a), byte(b)), product(byte(a), byte(b)); got != want {
				t.Fatalf("%x*%x = %x, want %x", a, b, got, want)
			}
		}
		if a > 0 && mul(byte(a), inverse(byte(a))) != 1 {
			t.Fatalf("inverse of %x is wrong", a)
		}
	}
}

// Any polynomial is found again from as many points as it has coefficients, in any order.
func TestInterpolate(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		c := make([]byte, 1+rng.IntN(MaxShares))
		for i := range c {
			c[i] = byte(rng.Uint32())
		}
		xs, ys := make([]byte, len(c)), make([][]byte, len(c))
		for i, x := range rng.Perm(255)[:len(c)] {
			xs[i], ys[i] = byte(x+1), []byte{evaluate(c, byte(x+1))}
		}
		out := []byte{99}
		if interpolate(out, xs, ys); out[0] != c[0] {
			t.Fatalf("polynomial %x: %x at 0", c, out[0])
		}
	}
}
