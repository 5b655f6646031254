package fsm_test

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"

	"cofre/fsm"
)

// TestExamine: what Examine accepts, Build accepts, and it finds a changed trail that the stream's own sums do not.
func TestExamine(t *testing.T) {
	t.Parallel()
	m := start(t)
	m.one(t0, "test.add", struct{}{})
	m.one(t0, "test.panic", struct{}{}) // which is an event
	m.one(t0, "test.panic", struct{}{})
	good := streamOf(t, m.FSM)
	c, err := fsm.Examine(bytes.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, r := range c.Tables {
		rows += r.Count
	}
	if c.Index != m.Applied() || c.First != 1 || c.Last != 2 || rows == 0 || c.At != t0 {
		t.Errorf("%+v of index %d", c, m.Applied())
	}
	for i := 0; i < len(good); i++ {
		if i > 200 && i < len(good)-40 {
			i += 12
		}
		flipped := bytes.Clone(good)
		flipped[i] ^= 1 << (i % 8)
		if _, err := fsm.Examine(bytes.NewReader(flipped)); err == nil {
			t.Errorf("byte %d of %d may be flipped", i, len(good))
		}
		if _, err := fsm.Examine(bytes.NewReader(good[:i])); err == nil {
			t.Errorf("it may be cut at byte %d of %d", i, len(good))
		}
	}
	if _, err := fsm.Examine(bytes.NewReader(streamOf(t, levelTwo(t, t.TempDir()).FSM))); err == nil || !strings.Contains(err.Error(), "level") {
		t.Errorf("a higher level: %v", err)
	}

	// Somebody who can make the stream's sums anew changes what an event says.
	forged := bytes.Replace(good, []byte("test.panic"), []byte("test.danic"), 1)
	body := forged[:len(forged)-sha256.Size]
	sum := sha256.Sum256(body)
	if _, err := fsm.Examine(bytes.NewReader(append(bytes.Clone(body), sum[:]...))); err == nil || !strings.Contains(err.Error(), "was changed") {
		t.Errorf("a forged event: %v", err)
	}
}
