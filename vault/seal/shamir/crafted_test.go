package shamir

import (
	"bytes"
	"errors"
	"testing"

	"cofre/vault/seal"
	"cofre/vault/secret"
)

// crafted is a share as somebody could make one up, with a check sum that is right.
func crafted(set, index, threshold byte) secret.Value {
	s := share{Unseal, [setSize]byte{set}, index, threshold, secret.New(bytes.Repeat([]byte{index}, seal.KeySize))}
	return s.text()
}

// TestCraftedShares: a share whose check sum is right, and that no split gives: it would decide the key alone, or make the others useless.
func TestCraftedShares(t *testing.T) {
	t.Parallel()
	c := NewCollector(Unseal)
	for _, good := range []secret.Value{crafted(1, 1, 3), crafted(1, 15, 3)} {
		if _, err := c.Add(good); err != nil {
			t.Fatal(err) // the control
		}
	}
	for name, bad := range map[string]secret.Value{
		"index 0": crafted(1, 0, 3), "threshold 0": crafted(1, 2, 0), "threshold 1": crafted(1, 2, 1), "another threshold in the set": crafted(1, 2, 2),
		"one of a set of its own": crafted(2, 2, 1),
	} {
		if p, err := c.Add(bad); !errors.Is(err, ErrMistyped) || p != (Progress{Have: 2, Need: 3}) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

// TestSharesAreWiped: shares that are not needed any more leave nothing in the memory that held them.
func TestSharesAreWiped(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*Collector){
		"reset":   (*Collector).Reset,
		"dropped": (*Collector).Drop,
		"pushed out": func(c *Collector) {
			for i := range mostShares {
				if _, err := c.Add(crafted(byte(i+2), 1, 3)); err != nil {
					t.Fatal(err)
				}
			}
		},
	} {
		c := NewCollector(Unseal)
		if _, err := c.Add(crafted(1, 1, 3)); err != nil {
			t.Fatal(err)
		}
		var bytes []byte
		_ = c.shares[0].value.Reveal(func(b []byte) error { bytes = b; return nil })
		if bytes[0] != 1 {
			t.Fatal("the control failed")
		}
		end(c)
		if bytes[0] != 0 {
			t.Errorf("%s: the share is still there", name)
		}
	}
}
