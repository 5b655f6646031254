package audit

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"
)

// TestSignedAndWrong: what a signature covers is believed for what it says only. Each file is wrong in one thing, and signed as it is: by
// a defect, or by who holds the key. The control: the same file without it.
func TestSignedAndWrong(t *testing.T) {
	t.Parallel()
	type file struct {
		header Header
		events []Event
		end    func(*Trailer)
		after  func([]byte) []byte // of the whole
	}
	key, sign := signer(1)
	chain := func(first Head, n int) []Event {
		events := trail(n, 1)
		for i := range events {
			first.Append(&events[i])
		}
		return events
	}
	good := func() file {
		return file{Header{Format: Format, Cluster: testCluster, Keys: []PublicKey{key}, From: 1, Prev: make([]byte, sha256.Size)}, trail(5, 1), func(*Trailer) {}, bytes.Clone}
	}
	write := func(f file) []byte {
		head, err := encodeLine(f.header)
		if err != nil {
			t.Fatal(err)
		}
		lines := [][]byte{head}
		for i := range f.events {
			b, err := f.events[i].JSON()
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, b)
		}
		last := f.events[len(f.events)-1]
		end := Trailer{End: true, Count: uint64(len(f.events)), Last: last.Seq, Head: last.Hash, At: 1}
		f.end(&end)
		if end.Key, end.Signature, err = sign(end.message(f.header.Cluster, sha256.Sum256(head))); err != nil {
			t.Fatal(err)
		}
		b, err := encodeLine(end)
		if err != nil {
			t.Fatal(err)
		}
		return f.after(append(bytes.Join(append(lines, b), []byte("\n")), '\n'))
	}
	if r := check(t, write(good()), key.Fingerprint()); !r.Integrity.OK || !r.Completeness.OK {
		t.Fatalf("the control failed: %s, %s", r.Integrity, r.Completeness)
	}
	other := bytes.Repeat([]byte{7}, sha256.Size)
	for name, c := range map[string]struct {
		spoil                   func(*file)
		integrity, completeness string // what is said; "": yes
	}{
		"another format":       {func(f *file) { f.header.Format = 2 }, "does not begin with the header", "does not begin with the header"},
		"from event 0":         {func(f *file) { f.header.From = 0 }, "does not begin with the header", "does not begin with the header"},
		"a short hash before":  {func(f *file) { f.header.Prev = f.header.Prev[1:] }, "does not begin with the header", "does not begin with the header"},
		"one before the first": {func(f *file) { f.header.Prev, f.events = other, chain(Head{Hash: other}, 5) }, "has no predecessor", ""},
		"two chains in one":    {func(f *file) { f.events = append(f.events, chain(Head{Seq: 5, Hash: other}, 2)...) }, "does not continue event 5", ""},
		"the header's own chain": {func(f *file) {
			f.header.From, f.header.Prev, f.events = 6, other, chain(Head{Seq: 5, Hash: make([]byte, sha256.Size)}, 2)
		}, "does not continue event 5", ""},
		"a wrong count":       {func(f *file) { f.end = func(e *Trailer) { e.Count = 4 } }, "", "names event 5 as the last of 4"},
		"a wrong last event":  {func(f *file) { f.end = func(e *Trailer) { e.Last, e.Count = 6, 6 } }, "", "names event 6 as the last of 6"},
		"another end":         {func(f *file) { f.end = func(e *Trailer) { e.Head = other } }, "names another last event", ""},
		"more behind the end": {func(f *file) { f.after = func(b []byte) []byte { return append(b, b[:20]...) } }, "follows the signed end", ""},
		"a torn end":          {func(f *file) { f.after = func(b []byte) []byte { return b[:len(b)-1] } }, "lacks its end", "lacks its end"},
		"the end cut off": {func(f *file) {
			f.after = func(b []byte) []byte { return b[:bytes.LastIndexByte(b[:len(b)-1], '\n')+1] }
		}, "events 1 to 5 are covered by no signature, because the signed end is missing", "cut after event 5"},
		"the end cut off behind a checkpoint": {func(f *file) { // which signs what is before it
			f.events = trail(100, 1)
			f.after = func(b []byte) []byte { return b[:bytes.LastIndexByte(b[:len(b)-1], '\n')+1] }
		}, "events 100 to 100 are covered by no signature", "cut after event 100"},
		"another form": {func(f *file) {
			f.after = func(b []byte) []byte { return bytes.Replace(b, []byte(`{"seq":3,`), []byte(`{"seq": 3,`), 1) }
		}, "not as an export writes it", "event 3 cannot be read"},
		"an event twice":       {func(f *file) { f.events = append(f.events[:3:3], f.events[2:]...) }, "event 3 stands here, event 4 was expected", "of 6, the file ends with event 5"},
		"a changed event":      {func(f *file) { f.events[1].Node = "n9" }, "does not give its hash", ""},
		"a key that is absent": {func(f *file) { f.header.Keys = nil }, "does not hold audit key 1", "does not hold audit key 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := good()
			c.spoil(&f)
			r := check(t, write(f), key.Fingerprint())
			for _, v := range []struct {
				name, want string
				got        Verdict
			}{{"integrity", c.integrity, r.Integrity}, {"completeness", c.completeness, r.Completeness}} {
				if v.got.OK != (v.want == "") || !strings.Contains(v.got.String(), v.want) {
					t.Errorf("%s: %s, want %q", v.name, v.got, v.want)
				}
			}
		})
	}
}
