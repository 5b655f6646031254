package cryptfs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cofre/fsm/table/cryptfs"
	"cofre/vault/disk"
)

const unspecified = vfs.WriteCategoryUnspecified

func put(t *testing.T, fs vfs.FS, name string, content []byte) {
	t.Helper()
	f, err := fs.Create(name, unspecified)
	if err == nil {
		_, err = f.Write(bytes.Clone(content))
	}
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		t.Fatalf("put %s: %v", name, err)
	}
}

func get(t *testing.T, fs vfs.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatalf("get %s: %v", name, err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatalf("get %s: %v", name, err)
	}
	return b
}

// Every operation has the same effect on an encrypted and on a plain file system.
func TestBehavesLikePlain(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		mem := vfs.NewMem()
		both := [2]vfs.FS{cryptfs.New(mem, disk.GenerateKey()), vfs.NewMem()}
		for i := range 300 {
			name, other := string('a'+rune(rng.IntN(4))), string('a'+rune(rng.IntN(4)))
			size, off := rng.IntN(300), int64(rng.IntN(300))
			content := make([]byte, size)
			for j := range content {
				content[j] = byte(rng.Uint32())
			}
			op := rng.IntN(9)
			var saw [2]string
			for k, fs := range both {
				saw[k] = operate(fs, op, name, other, bytes.Clone(content), off)
			}
			if saw[0] != saw[1] {
				t.Fatalf("seed %d, step %d, operation %d on %s: encrypted %s, plain %s", seed, i, op, name, saw[0], saw[1])
			}
		}
		list, _ := both[0].List("")
		want, _ := both[1].List("")
		slices.Sort(list)
		slices.Sort(want)
		if !slices.Equal(list, want) {
			t.Errorf("seed %d: encrypted lists %v, plain %v", seed, list, want)
		}
	}
}

func operate(fs vfs.FS, op int, name, other string, content []byte, off int64) string {
	kind := func(err error) string {
		switch {
		case err == nil:
			return "ok"
		case errors.Is(err, iofs.ErrNotExist):
			return "not exist"
		case errors.Is(err, io.EOF):
			return "eof"
		}
		return "error"
	}
	var f vfs.File
	var err error
	switch op {
	case 0, 1:
		if f, err = fs.Create(name, unspecified); err == nil {
			half := len(content) / 2
			_, e1 := f.Write(content[:half])
			_, e2 := f.Write(content[half:])
			err = errors.Join(e1, e2)
		}
	case 2:
		if f, err = fs.OpenReadWrite(name, unspecified); err == nil {
			keep := bytes.Clone(content)
			info, _ := f.Stat()
			if _, err = f.WriteAt(content, min(off, info.Size())); !bytes.Equal(keep, content) {
				return "WriteAt changed its argument"
			}
		}
	case 3:
		if name != other {
			err = fs.Rename(name, other)
		}
	case 4:
		err = fs.Remove(name)
	case 5:
		if name != other {
			_ = fs.Remove(other)
			err = fs.Link(name, other)
		}
	case 6:
		if name != other {
			if fs.Unwrap() != nil {
				f, err = fs.ReuseForWrite(name, other, unspecified)
			} else if err = fs.Remove(name); err == nil { // the plain one would keep the old content
				f, err = fs.Create(other, unspecified)
			}
			if err == nil {
				_, err = f.Write(content)
			}
		}
	case 7:
		if f, err = fs.Open(name); err == nil {
			buf := make([]byte, len(content))
			n, e := f.ReadAt(buf, off)
			defer f.Close()
			return fmt.Sprint(n, kind(e), buf[:n])
		}
	case 8:
		if f, err = fs.Open(name, vfs.RandomReadsOption, vfs.SequentialReadsOption); err == nil {
			all, e := io.ReadAll(f)
			info, e2 := f.Stat()
			info2, e3 := fs.Stat(name)
			defer f.Close()
			return fmt.Sprint(all, kind(errors.Join(e, e2, e3)), info.Size(), info2.Size(), info.IsDir(), f.Prefetch(0, 10))
		}
	}
	if f != nil {
		info, e := f.Stat()
		err = errors.Join(err, e, f.Sync(), f.SyncData(), f.Preallocate(0, 10), f.Close())
		return fmt.Sprint(kind(err), info.Size(), f.Fd() == vfs.InvalidFd)
	}
	return kind(err)
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	mem := vfs.NewMem()
	key := disk.GenerateKey()
	fs := cryptfs.New(mem, key)
	put(t, fs, "good", []byte("content"))
	raw := get(t, mem, "good")
	if len(raw) != disk.HeaderSize+len("content") || bytes.Contains(raw, []byte("content")) {
		t.Fatalf("layout: %q", raw)
	}
	put(t, mem, "empty", nil)
	put(t, mem, "zeros", make([]byte, 100))
	for _, name := range []string{"empty", "zeros"} {
		if b := get(t, fs, name); len(b) != 0 {
			t.Errorf("%s holds %q", name, b)
		}
	}
	put(t, mem, "short", raw[:30])
	put(t, mem, "plain", bytes.Repeat([]byte("plain "), 30))
	for name, want := range map[string]error{"short": disk.ErrFormat, "plain": disk.ErrFormat, "none": iofs.ErrNotExist} {
		_, err := fs.Open(name)
		if !errors.Is(err, want) || !strings.Contains(err.Error(), name) {
			t.Errorf("open %s: %v", name, err)
		}
	}
	if _, err := fs.OpenReadWrite("plain", unspecified); !errors.Is(err, disk.ErrFormat) {
		t.Errorf("open plain for writing: %v", err)
	}
	_, err := cryptfs.New(mem, disk.GenerateKey()).Open("good")
	if !errors.Is(err, disk.ErrWrongKey) || !strings.Contains(err.Error(), "good") {
		t.Errorf("wrong key: %v", err)
	}
	f, err := fs.Open("good")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.ReadAt(make([]byte, 8), -8); err == nil {
		t.Error("a negative offset reads the header")
	}
	if vfs.Root(fs) != mem {
		t.Error("Unwrap does not lead to the base")
	}
}

// limited is a file system that is full after some bytes.
type limited struct {
	vfs.FS
	left int
}

type limitedFile struct {
	vfs.File
	fs *limited
}

func (l *limited) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := l.FS.Create(name, c)
	return &limitedFile{f, l}, err
}

func (f *limitedFile) Write(p []byte) (int, error) {
	n := min(len(p), f.fs.left)
	f.fs.left -= n
	if n, err := f.File.Write(p[:n]); n < len(p) || err != nil {
		return n, errors.Join(err, errors.New("no space"))
	}
	return n, nil
}

// What a full disk cut off may be written again when there is space: nothing goes out in the clear or encrypted twice.
func TestShortWriteIsRepeatable(t *testing.T) {
	t.Parallel()
	base := &limited{FS: vfs.NewMem(), left: disk.HeaderSize + 10}
	fs := cryptfs.New(base, disk.GenerateKey())
	f, err := fs.Create("f", unspecified)
	if err != nil {
		t.Fatal(err)
	}
	p := []byte("written in two parts, with a full disk between")
	want := string(p)
	n, err := f.Write(p)
	if n != 10 || err == nil {
		t.Fatalf("wrote %d, %v", n, err)
	}
	base.left = 1000
	if _, err := f.Write(p[n:]); err != nil {
		t.Fatal(err)
	}
	if got := get(t, fs, "f"); string(got) != want {
		t.Errorf("read %q", got)
	}
	base.left = 5
	if _, err := fs.Create("g", unspecified); err == nil || !strings.Contains(err.Error(), "g") {
		t.Errorf("a header that does not fit: %v", err)
	}
}
