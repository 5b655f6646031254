package fsm_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/raft"

	"cofre/fsm"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/fsmtest"
	"cofre/fsm/table"
)

// The golden files of a level are written once, with -rewrite, and must decode and give the same state for ever: the log
// is entries of length and bytes, from index 1 in term 1; the stream is the state after it.
const golden = "testdata/golden/level1."

// TestGolden applies the golden log and restores the golden stream.
func TestGolden(t *testing.T) {
	t.Parallel()
	if fsmtest.Rewrite() {
		rewriteGolden(t)
	}
	m, kinds := fsmtest.Open(t), map[command.Kind]bool{}
	for _, l := range readLog(t) {
		m.Apply(l)
		var e command.Entry
		if err := codec.Decode(l.Data, &e); err != nil {
			t.Fatal(err)
		}
		for _, c := range e.Commands {
			kinds[c.Kind] = true
		}
	}
	for _, f := range fsm.Features {
		for _, c := range f.Commands {
			if !kinds[c.Kind()] {
				t.Errorf("the golden log does not hold %s: add it to testdata/every.txt, and use -rewrite for a level that is not released", c.Kind())
			}
		}
	}
	want, err := os.ReadFile(golden + "hash")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(golden + "stream")
	if err != nil {
		t.Fatal(err)
	}
	restored := fsmtest.Open(t)
	if err := restored.Restore(io.NopCloser(bytes.NewReader(b))); err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]*fsm.FSM{"log": m, "stream": restored} {
		if got := hashOf(m); got != strings.TrimSpace(string(want)) {
			t.Errorf("the golden %s gives the state %s, not %s: what a reducer writes changed", name, got, want)
		}
	}
	if got := streamOf(t, m); !bytes.Equal(got, b) {
		t.Error("the stream of the state is written differently")
	}
}

func hashOf(m *fsm.FSM) string {
	v := m.View()
	defer v.Close()
	h := v.Scrub()
	return fmt.Sprintf("%d %x", v.Applied().Index, h[:])
}

func rewriteGolden(t *testing.T) {
	t.Helper()
	m, log := fsmtest.Log(t, "testdata/every.txt")
	var b []byte
	for _, l := range log {
		b = append(binary.AppendUvarint(b, uint64(len(l.Data))), l.Data...)
	}
	for name, content := range map[string][]byte{"log": b, "stream": streamOf(t, m), "hash": []byte(hashOf(m) + "\n")} {
		if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden+name, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func readLog(t testing.TB) (log []*raft.Log) {
	t.Helper()
	b, err := os.ReadFile(golden + "log")
	if err != nil {
		t.Fatal(err)
	}
	for r := bytes.NewReader(b); r.Len() > 0; {
		n, err := binary.ReadUvarint(r)
		if err != nil || n > uint64(r.Len()) {
			t.Fatal("the golden log is damaged")
		}
		data := make([]byte, n)
		_, _ = io.ReadFull(r, data)
		log = append(log, &raft.Log{Index: uint64(len(log) + 1), Term: 1, Type: raft.LogCommand, Data: data})
	}
	return log
}

func mustRegistry(t testing.TB, level uint16) *command.Registry {
	t.Helper()
	r, err := command.NewRegistry(level, fsm.Features...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func options() table.Options { return table.Options{Cache: 1 << 20, Logger: quiet{}} }

// FuzzApply: whatever stands in the log, a machine either applies it or stops with ErrUndecodable, uncommitted.
func FuzzApply(f *testing.F) {
	for _, l := range readLog(f) {
		f.Add(l.Data)
	}
	f.Add([]byte{})
	m := fsmtest.Open(f) // one for all: opening takes longer than a thousand entries
	f.Fuzz(func(t *testing.T, data []byte) {
		before := m.Applied()
		defer func() {
			switch p := recover(); {
			case p == nil:
			case !undecodable(p):
				panic(p)
			case m.Applied() != before:
				t.Error("an entry that cannot be decoded was committed")
			}
		}()
		m.Apply(&raft.Log{Index: before + 1, Term: 1, Type: raft.LogCommand, Data: data})
	})
}

// FuzzBuild: a stream is refused, or it becomes a store whose hash is that of its rows.
func FuzzBuild(f *testing.F) {
	b, err := os.ReadFile(golden + "stream")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("cofre-state 1\n\x00"))
	m := fsmtest.Open(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := m.Restore(io.NopCloser(bytes.NewReader(b))); err != nil {
			return
		}
		v := m.View()
		defer v.Close()
		if v.StateHash() != v.Scrub() {
			t.Error("a restored state whose hash is not that of its rows")
		}
	})
}
