package audit

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"cofre/fsm/codec"
	"cofre/fsm/model"

	"github.com/google/go-cmp/cmp"
)

const testCluster = model.ClusterID("0123456789abcdef0123456789abcdef")

// signer is an audit key made from a seed byte.
func signer(seed byte) (PublicKey, func([]byte) (uint32, []byte, error)) {
	priv := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	key := PublicKey{ID: uint32(seed), Public: priv.Public().(ed25519.PublicKey)}
	return key, func(m []byte) (uint32, []byte, error) { return key.ID, ed25519.Sign(priv, m), nil }
}

var hostile = []string{"plain", `q"b\]`, "line\r\nbreak\x00", "<script>&amp;\u2028\u2029", "Grüße 🔐", "\xff\xfe not utf-8", strings.Repeat("x", 300)}

// trail makes n events; every 100th is a checkpoint of the one before it.
func trail(n int, seed byte) []Event {
	key, sign := signer(seed)
	var head Head
	out := make([]Event, 0, n)
	for i := range n {
		d := CredentialRead.With("credential", model.DeriveID("c", fmt.Sprint(i)), "number", fmt.Sprint(i), "version", "1", "identifier", hostile[i%len(hostile)])
		if i%100 == 99 {
			_, sig, _ := sign(Checkpoint{testCluster, head.Seq, head.Hash}.Message())
			d = AuditCheckpoint.With("seq", fmt.Sprint(head.Seq), "hash", hex.EncodeToString(head.Hash), "key", fmt.Sprint(key.ID), "signature", hex.EncodeToString(sig))
		}
		e := d.Event(model.PosOf(uint64(i)+7, 3), model.Time(1_795_000_000_000+i), "n1",
			model.Actor{Kind: model.ActorClient, Authorization: "a1", Source: "192.0.2.7", Name: hostile[(i+3)%len(hostile)]})
		head.Append(&e)
		out = append(out, e)
	}
	return out
}

func export(t testing.TB, events []Event, seed byte) []byte {
	t.Helper()
	key, sign := signer(seed)
	var b bytes.Buffer
	w, err := NewWriter(&b, Header{Cluster: testCluster, Keys: []PublicKey{key}, From: events[0].Seq, Prev: events[0].Prev})
	if err != nil {
		t.Fatal(err)
	}
	for i := range events {
		if err := w.Write(&events[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(1_795_000_999_000, sign); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func check(t testing.TB, file []byte, pins ...string) *Report {
	t.Helper()
	r, err := Verify(bytes.NewReader(file), pins...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestUntouchedExportGivesTwoYes(t *testing.T) {
	t.Parallel()
	events := trail(3000, 1)
	key, _ := signer(1)
	for _, from := range []int{0, 1, 1234, 2999} {
		r := check(t, export(t, events[from:], 1), key.Fingerprint())
		if !r.Integrity.OK || !r.Completeness.OK || !r.Pinned {
			t.Fatalf("from %d: integrity %s, completeness %s", from, r.Integrity, r.Completeness)
		}
		if r.Count != uint64(3000-from) || r.Last != 3000 || r.From != uint64(from+1) {
			t.Errorf("from %d: %d events, %d to %d", from, r.Count, r.From, r.Last)
		}
		if begins := fmt.Sprintf("begins at event %d:", from+1); strings.Contains(strings.Join(r.Caveats, " "), begins) != (from > 0) {
			t.Errorf("from %d: caveats %q", from, r.Caveats)
		}
	}
	if r := check(t, export(t, events, 1)); r.Checkpoints != 30 || r.Pinned || !strings.Contains(r.Caveats[0], "not pinned") {
		t.Errorf("%d checkpoints, pinned %v, caveats %q", r.Checkpoints, r.Pinned, r.Caveats)
	}
}

func TestEventsSurviveTheFile(t *testing.T) {
	t.Parallel()
	for i, want := range trail(120, 1) {
		b, err := want.JSON()
		if err != nil {
			t.Fatal(err)
		}
		l, ok := decode[line](b)
		if !ok {
			t.Fatalf("event %d is not in the form of an export: %s", i, b)
		}
		got := l.event()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		if !bytes.Equal(codec.MustEncode(&want), codec.MustEncode(&got)) {
			t.Fatalf("event %d: the canonical encoding changed", i)
		}
	}
}

// TestEveryByteCounts changes every byte of every kind of line.
func TestEveryByteCounts(t *testing.T) {
	t.Parallel()
	key, _ := signer(1)
	file := export(t, trail(104, 1)[96:], 1)
	lines := bytes.SplitAfter(file, []byte("\n"))
	at := 0
	for n, l := range lines {
		if n < 3 || n == 4 || n >= len(lines)-3 { // header, first events, checkpoint, last event, trailer
			for i := range l {
				mask := []byte{0x01, 0x20, 0x80}[i%3]
				bad := slices.Clone(file)
				bad[at+i] ^= mask
				if r := check(t, bad, key.Fingerprint()); r.Integrity.OK && r.Completeness.OK {
					t.Fatalf("byte %d of line %d (%q) ^ %#x was not found", i, n+1, l[i], mask)
				}
			}
		}
		at += len(l)
	}
}

func TestDroppedEventIsNamed(t *testing.T) {
	t.Parallel()
	lines := bytes.SplitAfter(export(t, trail(300, 1), 1), []byte("\n"))
	r := check(t, bytes.Join(slices.Delete(lines, 150, 151), nil))
	if r.Completeness.Seq != 150 || !strings.Contains(r.Completeness.Reason, "events 150 to 150 are missing") {
		t.Errorf("completeness: %s", r.Completeness)
	}
	if r.Integrity.Seq != 100 || !strings.Contains(r.Integrity.Reason, "100 to 149 are covered by no signature") {
		t.Errorf("integrity: %s", r.Integrity)
	}
}

// forge rewrites history from event i on and recomputes every hash, as one can who has no key.
func forge(events []Event, i int) []Event {
	out := slices.Clone(events[:i])
	head := Head{Seq: events[i].Seq - 1, Hash: events[i].Prev}
	for k, e := range events[i:] {
		e.Fields = slices.Clone(e.Fields)
		if k == 0 {
			e.Source = "203.0.113.9"
		}
		head.Append(&e)
		out = append(out, e)
	}
	return out
}

func TestRewrittenHistory(t *testing.T) {
	t.Parallel()
	key, _ := signer(1)
	forged := forge(trail(300, 1), 42)
	if r := check(t, export(t, forged, 1)); r.Integrity.OK || r.Integrity.Seq != 99 || !strings.Contains(r.Integrity.Reason, "another history") {
		t.Errorf("a checkpoint must contradict a recomputed chain: %s", r.Integrity)
	}
	whole := trail(300, 9) // other keys for everything
	file := export(t, forge(whole, 299), 9)
	if r := check(t, file); !r.Integrity.OK || len(r.Caveats) == 0 || !strings.Contains(r.Caveats[0], "not pinned") {
		t.Errorf("a file with keys of its own is consistent and must come with the caveat: %s, %q", r.Integrity, r.Caveats)
	}
	if r := check(t, file, key.Fingerprint()); r.Integrity.OK || !strings.Contains(r.Integrity.Reason, "not one of the pinned keys") {
		t.Errorf("pinned keys must refuse a file with keys of its own: %s", r.Integrity)
	}
}

func TestWriterRefusesADamagedTrail(t *testing.T) {
	t.Parallel()
	events := trail(3, 1)
	changed := events[1]
	changed.Node = "n9"
	for name, second := range map[string]Event{"hole": events[2], "changed": changed} {
		w, err := NewWriter(&bytes.Buffer{}, Header{Cluster: testCluster, From: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(&events[0]); err != nil {
			t.Fatal(err)
		}
		if err := w.Write(&second); err == nil {
			t.Errorf("%s: the writer signed over it", name)
		}
	}
	unknown := Draft{Def: &Def{Kind: "x.y"}, Fields: []Field{{Name: "f", Value: "v"}}}.Event(1, 1, "n1", model.Actor{})
	new(Head).Append(&unknown)
	w, _ := NewWriter(&bytes.Buffer{}, Header{Cluster: testCluster, From: 1})
	if err := w.Write(&unknown); err == nil || !strings.Contains(err.Error(), "secret") {
		t.Errorf("an unclassified field counts as secret: %v", err)
	}
	if _, err := NewWriter(&bytes.Buffer{}, Header{From: 7}); err == nil {
		t.Error("an export from the middle needs the hash before it")
	}
}

func TestCheckpointIsBoundToItsPlace(t *testing.T) {
	t.Parallel()
	key, sign := signer(1)
	c := Checkpoint{testCluster, 7, bytes.Repeat([]byte{1}, 32)}
	_, sig, _ := sign(c.Message())
	if err := c.Verify(key.Public, sig); err != nil {
		t.Fatal(err)
	}
	other, _ := signer(2)
	for name, bad := range map[string]Checkpoint{
		"cluster": {"f123456789abcdef0123456789abcdef", 7, c.Hash}, "seq": {testCluster, 8, c.Hash},
		"hash": {testCluster, 7, bytes.Repeat([]byte{2}, 32)}, "short": {testCluster, 7, c.Hash[:31]},
	} {
		if bad.Verify(key.Public, sig) == nil {
			t.Errorf("another %s passes", name)
		}
	}
	if c.Verify(other.Public, sig) == nil || c.Verify(nil, sig) == nil || c.Verify(key.Public, nil) == nil {
		t.Error("another key, no key or no signature passes")
	}
}

func writeExport(t *testing.T, name string, n int) (size int) {
	t.Helper()
	file := export(t, trail(n, 1), 1)
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return len(file)
}

// TestHundredThousandEvents is not parallel, because it measures memory.
func TestHundredThousandEvents(t *testing.T) {
	if testing.Short() {
		t.Skip("100,000 events")
	}
	name := t.TempDir() + "/export.jsonl"
	size := writeExport(t, name, 100_000)
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r, err := Verify(f)
	if err != nil || !r.Integrity.OK || !r.Completeness.OK || r.Checkpoints != 1000 {
		t.Fatalf("%v, %+v", err, r)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > int64(size)/2 {
		t.Errorf("verifying %d bytes kept %d: it must stream", size, grown)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(export(f, trail(3, 1), 1))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		key, _ := signer(1)
		r := check(t, file, key.Fingerprint())
		if r.Integrity.OK && r.Completeness.OK && !bytes.Equal(file, export(t, trail(3, 1), 1)) {
			t.Fatal("a file that nobody signed gives two yes")
		}
	})
}
