package cryptfs_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"cofre/fsm/table/cryptfs"
	"cofre/vault/disk"
)

const sentinel = "SENTINEL-7f3a9c51d2e8"

func options(fs vfs.FS) *pebble.Options {
	return &pebble.Options{FS: fs, DisableWAL: true, MemTableSize: 256 << 10, Logger: quiet{}}
}

type quiet struct{}

func (quiet) Infof(string, ...any)         {}
func (quiet) Errorf(string, ...any)        {}
func (quiet) Fatalf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }

func open(t *testing.T, fs vfs.FS, dir string) *pebble.DB {
	t.Helper()
	db, err := pebble.Open(dir, options(fs))
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	return db
}

func key(i int) []byte { return fmt.Appendf(nil, "key-%s-%05d", sentinel, i) }
func value(i, round int) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "%s-%d-%d ", sentinel, i, round), 5)
}

func fill(t *testing.T, db *pebble.DB, from, to, round int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := db.Set(key(i), value(i, round), pebble.NoSync); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Flush(); err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, db *pebble.DB, n, round int) {
	t.Helper()
	it, err := db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	i := 0
	for it.First(); it.Valid(); it.Next() {
		if !bytes.Equal(it.Key(), key(i)) || !bytes.Equal(it.Value(), value(i, round)) {
			t.Fatalf("row %d is %q", i, it.Key())
		}
		i++
	}
	if err := it.Error(); err != nil || i != n {
		t.Fatalf("%d rows of %d: %v", i, n, err)
	}
	for _, i := range []int{0, n / 2, n - 1} {
		v, closer, err := db.Get(key(i))
		if err != nil || !bytes.Equal(v, value(i, round)) {
			t.Fatalf("get row %d: %v", i, err)
		}
		_ = closer.Close()
	}
}

// find counts the files below dir that hold the sentinel.
func find(t *testing.T, fs vfs.FS, dir string) (files, hits int) {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := fs.PathJoin(dir, name)
		info, err := fs.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			f, h := find(t, fs, path)
			files, hits = files+f, hits+h
			continue
		}
		files++
		if bytes.Contains(get(t, fs, path), []byte("SENTINEL")) {
			hits++
		}
	}
	return files, hits
}

func TestPebble(t *testing.T) {
	t.Parallel()
	for name, base := range map[string]vfs.FS{"memory": vfs.NewMem(), "crashable memory": vfs.NewCrashableMem(), "disk": vfs.Default} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := "state"
			if base == vfs.Default {
				dir = t.TempDir()
			}
			secret := disk.GenerateKey()
			fs := cryptfs.New(base, secret)
			const n = 8000
			for round := range 3 {
				db := open(t, fs, dir)
				if round > 0 {
					check(t, db, n, round-1)
				}
				fill(t, db, 0, n/2, round)
				fill(t, db, n/2, n, round)
				if err := db.Compact(t.Context(), key(0), key(n), false); err != nil {
					t.Fatal(err)
				}
				check(t, db, n, round)
				checkpoint := fs.PathJoin(dir, fmt.Sprintf("checkpoint-%d", round))
				if err := db.Checkpoint(checkpoint); err != nil {
					t.Fatal(err)
				}
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
				copied := open(t, fs, checkpoint)
				check(t, copied, n, round)
				if err := copied.Close(); err != nil {
					t.Fatal(err)
				}
			}
			files, hits := find(t, base, dir)
			if hits > 0 || files < 4 {
				t.Errorf("%d of %d files show the sentinel", hits, files)
			}
			if _, hits := find(t, fs, dir); hits == 0 {
				t.Error("the sentinel cannot be found even through the key: the scan proves nothing")
			}
			if db, err := pebble.Open(dir, options(cryptfs.New(base, disk.GenerateKey()))); err == nil {
				_ = db.Close()
				t.Error("another key opens the store")
			}
			if db, err := pebble.Open(dir, options(base)); err == nil {
				_ = db.Close()
				t.Error("no key opens the store")
			}
		})
	}
}

// The positive control: without encryption the scan finds the sentinel.
func TestScanFindsPlaintext(t *testing.T) {
	t.Parallel()
	base := vfs.NewMem()
	db := open(t, base, "state")
	fill(t, db, 0, 1000, 0)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, hits := find(t, base, "state"); hits == 0 {
		t.Error("the scan does not find plaintext")
	}
}

// After a power failure at any moment the store opens and holds what was flushed, whatever part of the unsynced
// blocks and directory entries survived. With the WAL too, whose unsynced files Pebble reads at start.
func TestCrash(t *testing.T) {
	t.Parallel()
	for _, wal := range []bool{false, true} {
		for seed := range uint64(40) {
			mem := vfs.NewCrashableMem()
			secret := disk.GenerateKey()
			opts := func(fs vfs.FS) *pebble.Options { o := options(fs); o.DisableWAL = !wal; return o }
			db, err := pebble.Open("state", opts(cryptfs.New(mem, secret)))
			if err != nil {
				t.Fatal(err)
			}
			fill(t, db, 0, 500, 0)
			for i := 500; i < 500+int(seed)*20; i++ {
				if err := db.Set(key(i), value(i, 0), pebble.NoSync); err != nil {
					t.Fatal(err)
				}
			}
			done := make(chan error, 1)
			if seed%2 == 1 {
				go func() { done <- db.Flush() }() // crash while files are being written
			} else {
				done <- nil
			}
			crashed := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: int(seed) * 100 / 40, RNG: rand.New(rand.NewPCG(seed, 2))})
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			db, err = pebble.Open("state", opts(cryptfs.New(crashed, secret)))
			if err != nil {
				t.Fatalf("wal %v, seed %d: %v", wal, seed, err)
			}
			for _, i := range []int{0, 250, 499} {
				v, closer, err := db.Get(key(i))
				if err != nil || !bytes.Equal(v, value(i, 0)) {
					t.Fatalf("wal %v, seed %d: row %d: %v", wal, seed, i, err)
				}
				_ = closer.Close()
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func BenchmarkPebble(b *testing.B) {
	for name, wrap := range map[string]func(vfs.FS) vfs.FS{
		"plain":     func(fs vfs.FS) vfs.FS { return fs },
		"encrypted": func(fs vfs.FS) vfs.FS { return cryptfs.New(fs, disk.GenerateKey()) },
	} {
		dir := b.TempDir()
		o := options(wrap(vfs.Default))
		o.CacheSize = 1 << 20 // so that reads reach the files
		db, err := pebble.Open(dir, o)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name+"/write", func(b *testing.B) {
			i := 0
			for b.Loop() {
				_ = db.Set(key(i%100_000), value(i, 0), pebble.NoSync)
				i++
			}
			_ = db.Flush()
		})
		b.Run(name+"/read", func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 1))
			for b.Loop() {
				if _, closer, err := db.Get(key(rng.IntN(10_000))); err == nil {
					_ = closer.Close()
				}
			}
		})
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
