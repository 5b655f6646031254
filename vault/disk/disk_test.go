package disk_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"cofre/vault/disk"
	"cofre/vault/secret"
)

func TestParseKey(t *testing.T) {
	t.Parallel()
	good := strings.Repeat("0f", disk.KeySize)
	for name, c := range map[string]struct {
		text string
		ok   bool
	}{
		"plain": {good, true}, "line break": {good + "\n", true}, "short": {good[2:], false}, "long": {good + "00", false},
		"not hex": {"zz" + good[2:], false}, "empty": {"", false}, "two line breaks": {good + "\n\n", false},
	} {
		_, err := disk.ParseKey(secret.New([]byte(c.text)))
		if (err == nil) != c.ok {
			t.Errorf("%s: error %v, want ok %v", name, err, c.ok)
		}
		if err != nil && strings.Contains(err.Error(), "z") && !strings.Contains(err.Error(), "hexadecimal") {
			t.Errorf("%s: error shows input: %v", name, err)
		}
	}
	if _, err := disk.NewKey(secret.New(make([]byte, 16))); err == nil {
		t.Error("a 16-byte key was accepted")
	}
}

func TestWipedKeyIsRefused(t *testing.T) {
	t.Parallel()
	key := disk.GenerateKey()
	key.Wipe()
	if _, err := disk.NewRecordCipher(key, "log"); err == nil {
		t.Error("a wiped key made a cipher")
	}
	if _, _, err := disk.NewFileHeader(disk.Key{}, "state"); err == nil {
		t.Error("an empty key made a file")
	}
}

func TestRecords(t *testing.T) {
	t.Parallel()
	key := disk.GenerateKey()
	first := must(disk.NewRecordCipher(key, "log"))(t)
	second := must(disk.NewRecordCipher(key, "log"))(t) // another process start
	other := must(disk.NewRecordCipher(key, "other"))(t)
	stranger := must(disk.NewRecordCipher(disk.GenerateKey(), "log"))(t)
	for _, n := range []int{0, 1, 15, 16, 1000, 1 << 16} {
		plain := bytes.Repeat([]byte("secret"), n)[:n]
		box := must(first.Seal([]byte("prefix"), plain, []byte("7")))(t)[len("prefix"):]
		if len(box) != n+disk.RecordOverhead {
			t.Errorf("%d bytes became %d", n, len(box))
		}
		for who, c := range map[string]*disk.RecordCipher{"same": first, "next start": second} {
			if got, err := c.Open(box, []byte("7")); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%s, %d bytes: %v", who, n, err)
			}
		}
		for who, err := range map[string]error{
			"other place":   errOf(first.Open(box, []byte("8"))),
			"other purpose": errOf(other.Open(box, []byte("7"))),
			"other key":     errOf(stranger.Open(box, []byte("7"))),
			"cut":           errOf(first.Open(box[:len(box)-1], []byte("7"))),
		} {
			if !errors.Is(err, disk.ErrTampered) && !errors.Is(err, disk.ErrFormat) {
				t.Errorf("%s, %d bytes: %v", who, n, err)
			}
		}
	}
}

func TestEveryBitOfARecordCounts(t *testing.T) {
	t.Parallel()
	c := must(disk.NewRecordCipher(disk.GenerateKey(), "log"))(t)
	box := must(c.Seal(nil, []byte("hello"), nil))(t)
	for i := range len(box) * 8 {
		bad := bytes.Clone(box)
		bad[i/8] ^= 1 << (i % 8)
		if _, err := c.Open(bad, nil); err == nil {
			t.Fatalf("bit %d may flip", i)
		}
	}
}

// More salts than the cache holds, opened by many goroutines: old records stay readable and nothing races.
func TestManyStartsManyReaders(t *testing.T) {
	t.Parallel()
	key := disk.GenerateKey()
	var boxes [][]byte
	for i := range 100 {
		c := must(disk.NewRecordCipher(key, "log"))(t)
		boxes = append(boxes, must(c.Seal(nil, fmt.Append(nil, i), nil))(t))
	}
	c := must(disk.NewRecordCipher(key, "log"))(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i, box := range boxes {
				if got, err := c.Open(box, nil); err != nil || string(got) != fmt.Sprint(i) {
					t.Errorf("record %d: %q %v", i, got, err)
				}
				if _, err := c.Seal(nil, box, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestNoncesNeverRepeat(t *testing.T) {
	t.Parallel()
	c := must(disk.NewRecordCipher(disk.GenerateKey(), "log"))(t)
	seen := map[string]bool{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				box, err := c.Seal(nil, nil, nil)
				mu.Lock()
				if err != nil || seen[string(box[:41])] {
					t.Errorf("salt and counter were used twice (%v)", err)
				}
				seen[string(box[:41])] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func FuzzOpenRecord(f *testing.F) {
	c, err := disk.NewRecordCipher(disk.GenerateKey(), "log")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{1}, []byte{})
	f.Add(make([]byte, disk.RecordOverhead), []byte("a"))
	f.Fuzz(func(t *testing.T, box, aad []byte) {
		if _, err := c.Open(box, aad); err == nil {
			t.Error("a forged record opened")
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	c, _ := disk.NewRecordCipher(disk.GenerateKey(), "log")
	plain := make([]byte, 512)
	var box []byte
	b.SetBytes(512)
	for b.Loop() {
		box, _ = c.Seal(box[:0], plain, plain[:16])
	}
}

func errOf[T any](_ T, err error) error { return err }

// must turns a failing step of the preparation into the end of the test.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
