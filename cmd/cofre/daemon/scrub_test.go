package daemon

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"cofre/fsm/fsmtest"
)

// TestScrub: a node finds rows that are not those of its hash, which it does at a pace that leaves the machine to others, and
// ends at once when the node does. The control: the state as it was restored is right.
func TestScrub(t *testing.T) {
	t.Parallel()
	golden, err := os.ReadFile("../../../fsm/testdata/golden/level1.stream")
	if err != nil {
		t.Fatal(err)
	}
	f := fsmtest.Open(t)
	if err := f.Restore(io.NopCloser(bytes.NewReader(golden))); err != nil {
		t.Fatal(err)
	}
	m := &member{fsm: f}
	if err := m.readAll(t.Context()); err != nil {
		t.Errorf("the state as it is: %v", err)
	}
	v := f.View()
	defer v.Close()
	kept := v.StateHash()
	other := kept
	other[7] ^= 1
	body := bytes.Replace(golden[:len(golden)-sha256.Size], kept[:], other[:], 1) // rows and the kept hash differ; nothing else is wrong
	sum := sha256.Sum256(body)
	if err := sound(t.Context(), bytes.NewReader(append(body, sum[:]...)), never); err == nil || !strings.Contains(err.Error(), "do not have the hash") {
		t.Errorf("rows that are not those of the hash: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := m.readAll(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("while the node stops: %v", err)
	}
	broken := errors.New("input/output error")
	err = sound(t.Context(), io.MultiReader(bytes.NewReader(golden[:1000]), iotest.ErrReader(broken)), never)
	if why := (*unread)(nil); !errors.As(err, &why) || !errors.Is(err, broken) || strings.Contains(err.Error(), "damaged") {
		t.Errorf("rows that cannot be read: %v", err)
	}
	if err := sound(t.Context(), bytes.NewReader(golden[:1000]), never); err == nil || errors.As(err, new(*unread)) {
		t.Errorf("a stream that ends too early: %v", err)
	}
	if err := sound(t.Context(), bytes.NewReader(golden), func() bool { return true }); !errors.Is(err, errReplaced) {
		t.Errorf("a state that is replaced meanwhile: %v", err)
	}
}

func never() bool { return false }

func TestPaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		n, err := io.Copy(io.Discard, &paced{ctx: t.Context(), r: bytes.NewReader(make([]byte, 10*scrubRate)), replaced: never})
		if took := time.Since(began); err != nil || n != 10*scrubRate || took < 9*time.Second || took > 11*time.Second {
			t.Errorf("%d bytes in %s, %v", n, took, err)
		}
	})
}
