package disk_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"cofre/vault/disk"
)

const frame = 64 << 10

func stream(t *testing.T, key disk.Key, plain []byte, chunk int) []byte {
	t.Helper()
	var out bytes.Buffer
	w := must(disk.NewWriter(key, "snapshot", &out))(t)
	for len(plain) > 0 {
		n := min(chunk, len(plain))
		if _, err := w.Write(plain[:n]); err != nil {
			t.Fatal(err)
		}
		plain = plain[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func unstream(key disk.Key, r io.Reader) ([]byte, error) {
	s, err := disk.NewReader(key, "snapshot", r)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(s)
}

func TestStreamRoundTrip(t *testing.T) {
	t.Parallel()
	key := disk.GenerateKey()
	for _, n := range []int{0, 1, frame - 1, frame, frame + 1, 3 * frame, 3*frame + 17} {
		plain := make([]byte, n)
		_, _ = rand.Read(plain)
		for _, chunk := range []int{1000, frame, 1 << 20} {
			box := stream(t, key, plain, chunk)
			if int64(len(box)) != disk.StreamSize(int64(n)) {
				t.Errorf("%d bytes: StreamSize says %d, stream has %d", n, disk.StreamSize(int64(n)), len(box))
			}
			got, err := unstream(key, iotest.DataErrReader(iotest.HalfReader(bytes.NewReader(box))))
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%d bytes in chunks of %d: %v", n, chunk, err)
			}
		}
	}
}

func TestStreamFaults(t *testing.T) {
	t.Parallel()
	key := disk.GenerateKey()
	plain := make([]byte, 3*frame+100)
	_, _ = rand.Read(plain)
	box := stream(t, key, plain, frame)
	const step = frame + 16
	at := func(i int) []byte { return box[disk.HeaderSize+i*step : min(len(box), disk.HeaderSize+(i+1)*step)] }
	join := func(parts ...[]byte) []byte {
		return bytes.Join(append([][]byte{box[:disk.HeaderSize]}, parts...), nil)
	}
	if !bytes.Equal(join(at(0), at(1), at(2), at(3)), box) {
		t.Fatal("the test cuts frames wrongly")
	}
	other := stream(t, key, plain, frame)
	for name, bad := range map[string][]byte{
		"no frame":       join(),
		"last missing":   join(at(0), at(1), at(2)),
		"one missing":    join(at(0), at(2), at(3)),
		"swapped":        join(at(1), at(0), at(2), at(3)),
		"repeated":       join(at(0), at(0), at(1), at(2), at(3)),
		"appended":       join(at(0), at(1), at(2), at(3), at(3)),
		"byte appended":  append(bytes.Clone(box), 0),
		"cut in a frame": box[:len(box)-50],
		"cut in the tag": box[:disk.HeaderSize+3*step+7],
		"other stream's": join(at(0), at(1), at(2), other[disk.HeaderSize+3*step:]),
	} {
		got, err := unstream(key, bytes.NewReader(bad))
		if !errors.Is(err, disk.ErrTampered) {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.HasPrefix(plain, got) {
			t.Errorf("%s: bytes came out that were not authenticated", name)
		}
	}
	for _, n := range []int{0, 10, disk.HeaderSize - 1} {
		if _, err := unstream(key, bytes.NewReader(box[:n])); !errors.Is(err, disk.ErrFormat) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if _, err := unstream(disk.GenerateKey(), bytes.NewReader(box)); !errors.Is(err, disk.ErrWrongKey) {
		t.Errorf("other key: %v", err)
	}
	broken := errors.New("cable")
	if _, err := unstream(key, io.MultiReader(bytes.NewReader(box[:100_000]), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("a read error became %v", err)
	}
}

func TestStreamWriterFails(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	go func() { _, _ = io.CopyN(io.Discard, r, disk.HeaderSize); r.CloseWithError(errors.New("full")) }()
	s := must(disk.NewWriter(disk.GenerateKey(), "snapshot", w))(t)
	if _, err := s.Write(make([]byte, 3*frame)); err == nil {
		t.Error("a failed write was hidden")
	}
	if s.Close() == nil {
		t.Error("close hid the failed write")
	}
}

func TestStreamAfterClose(t *testing.T) {
	t.Parallel()
	s := must(disk.NewWriter(disk.GenerateKey(), "snapshot", io.Discard))(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write([]byte("x")); err == nil {
		t.Error("a closed stream took more")
	}
}

func FuzzReadStream(f *testing.F) {
	key := disk.GenerateKey()
	var out bytes.Buffer
	w, err := disk.NewWriter(key, "snapshot", &out)
	if err != nil || w.Close() != nil {
		f.Fatal(err)
	}
	good := out.Bytes()
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Fuzz(func(t *testing.T, box []byte) {
		got, err := unstream(key, bytes.NewReader(box))
		if err == nil && !bytes.Equal(box, good) || len(got) > 0 {
			t.Error("a forged stream opened")
		}
	})
}
