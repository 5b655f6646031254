package disk_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	mrand "math/rand/v2"
	"testing"

	"cofre/vault/disk"
)

func TestFileAtAnyOffset(t *testing.T) {
	t.Parallel()
	key := disk.GenerateKey()
	h, c, err := disk.NewFileHeader(key, "state")
	if err != nil {
		t.Fatal(err)
	}
	plain := make([]byte, 10_000)
	_, _ = rand.Read(plain)
	whole := bytes.Clone(plain)
	c.XOR(whole, 0)
	if bytes.Equal(whole, plain) {
		t.Fatal("nothing was encrypted")
	}
	again := must(disk.ParseFileHeader(key, "state", h))(t)
	rng := mrand.New(mrand.NewPCG(1, 2))
	for range 2000 {
		from := rng.IntN(len(plain))
		to := from + rng.IntN(len(plain)-from+1)
		part := bytes.Clone(plain[from:to])
		c.XOR(part, int64(from))
		if !bytes.Equal(part, whole[from:to]) {
			t.Fatalf("writing [%d:%d] differs from writing everything", from, to)
		}
		again.XOR(part, int64(from))
		if !bytes.Equal(part, plain[from:to]) {
			t.Fatalf("reading [%d:%d] differs", from, to)
		}
	}
	far := []byte("far away")
	c.XOR(far, 1<<50+3)
	again.XOR(far, 1<<50+3)
	if string(far) != "far away" {
		t.Error("a far offset differs")
	}
}

func TestFileHeader(t *testing.T) {
	t.Parallel()
	key := disk.GenerateKey()
	h, _, err := disk.NewFileHeader(key, "state")
	if err != nil {
		t.Fatal(err)
	}
	other, _, _ := disk.NewFileHeader(key, "state")
	if h == other {
		t.Error("two files share a salt")
	}
	for name, got := range map[string]error{
		"other key":     errOf(disk.ParseFileHeader(disk.GenerateKey(), "state", h)),
		"other purpose": errOf(disk.ParseFileHeader(key, "log", h)),
	} {
		if !errors.Is(got, disk.ErrWrongKey) {
			t.Errorf("%s: %v", name, got)
		}
	}
	if err := errOf(disk.ParseFileHeader(key, "state", disk.Header{})); !errors.Is(err, disk.ErrFormat) {
		t.Errorf("empty header: %v", err)
	}
	for i := range h {
		bad := h
		bad[i] ^= 4
		if errOf(disk.ParseFileHeader(key, "state", bad)) == nil {
			t.Errorf("byte %d of the header does not count", i)
		}
	}
}

func BenchmarkFileXOR(b *testing.B) {
	_, c, _ := disk.NewFileHeader(disk.GenerateKey(), "state")
	for name, n := range map[string]int{"100B": 100, "4KiB": 4096, "32KiB": 32768} {
		b.Run(name, func(b *testing.B) {
			p := make([]byte, n)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				c.XOR(p, 123457)
			}
		})
	}
}

// What a killed process had begun to write is told from what anybody else put there.
func TestLeftover(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		".identity.12345": true, ".identity.pending.1": true, ".root.sealed.99": true,
		"identity.1": false, ".identity": false, ".identity.": false, ".identity.pending": false, ".identity.1x": false, ".other.1": false, ".bashrc": false,
	} {
		if got := disk.Leftover(name, "identity", "identity.pending", "root.sealed"); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
