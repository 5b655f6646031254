package fsm_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones of TestZones, also where the machine has none

	"github.com/google/go-cmp/cmp"

	"cofre/fsm"
	"cofre/fsm/codec"
	"cofre/fsm/fsmtest"
	"cofre/fsm/node"
)

func streamOf(t *testing.T, m *fsm.FSM) []byte {
	t.Helper()
	s, err := m.Open()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(s)
	if err != nil || int64(len(b)) != s.Size() || s.Position().Index != m.Applied() {
		t.Fatalf("%d bytes of %d, position %d: %v", len(b), s.Size(), s.Position().Index, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return b
}

// A damaged stream never becomes a state: cut short anywhere, one bit flipped anywhere, of another format or level.
func TestBuildRefuses(t *testing.T) {
	t.Parallel()
	m := start(t)
	m.one(t0, "test.add", struct{}{})
	m.one(t0, "test.panic", struct{}{})
	good := streamOf(t, m.FSM)
	into := start(t)
	refused := func(what string, b []byte) {
		t.Helper()
		if dir, _, err := into.Build(bytes.NewReader(b)); err == nil {
			t.Errorf("%s: built %s", what, dir)
		}
	}
	for i := 0; i < len(good); i++ {
		if i > 200 && i < len(good)-40 {
			i += 12 // every place of the header and the trailer, a sample of the rows
		}
		flipped := bytes.Clone(good)
		flipped[i] ^= 1 << (i % 8)
		refused("flipped byte "+string(rune('0'+i%10)), flipped)
		if i%7 == 0 {
			refused("cut", good[:i])
		}
	}
	refused("another format", []byte(strings.Replace(string(good), "cofre-state 1", "cofre-state 2", 1)))
	refused("nothing", nil)
	refused("a field as long as the disk", binary.AppendUvarint([]byte("cofre-state 1\n"), 1<<62))
	refused("a higher level", streamOf(t, levelTwo(t, t.TempDir()).FSM))
	if into.Applied() != 0 || into.Directory() != "0-first" {
		t.Error("a refused stream changed the state")
	}
	dir, index, err := into.Build(bytes.NewReader(good))
	if err != nil || index != m.Applied() || into.Applied() != 0 {
		t.Fatalf("the good stream: %s %d %v", dir, index, err)
	}
	// A pointer puts what was built into use, twice as well as once; a pointer to nothing does not.
	for range 2 {
		if err := into.Restore(io.NopCloser(strings.NewReader("cofre-pointer 1\n" + dir + "\n"))); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []string{"cofre-pointer 1\n9-gone\n", "cofre-pointer 1\n../x\n", "cofre-pointer 1\n", "", "short"} {
		if err := into.Restore(io.NopCloser(strings.NewReader(p))); err == nil {
			t.Errorf("restored from %q", p)
		}
	}
	if diff := cmp.Diff(fsmtest.Dump(m.FSM), fsmtest.Dump(into.FSM)); diff != "" {
		t.Error(diff)
	}
	// A whole stream replaces a state that went on, and wakes those who wait.
	into.index = m.index
	into.one(t0.Add(time.Second), "test.add", struct{}{})
	changed := into.Changed()
	if err := into.Restore(io.NopCloser(bytes.NewReader(good))); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
	default:
		t.Error("a restore woke nobody")
	}
	if diff := cmp.Diff(fsmtest.Dump(m.FSM), fsmtest.Dump(into.FSM)); diff != "" || into.Applied() != m.Applied() {
		t.Error(diff)
	}
}

// levelTwo is a machine of a later release whose cluster raised its level.
func levelTwo(t *testing.T, dir string) *machine {
	t.Helper()
	m := &machine{FSM: openLevel(t, dir, 2), t: t}
	if r := m.one(t0, "cluster.level", node.LevelArgs{Level: 2}); kind(r) != "ok" || m.Level() != 2 {
		t.Fatalf("raise the level: %v", r)
	}
	var told uint64
	if r := m.one(t0, "test.level", struct{}{}); codec.Decode(r.Body, &told) != nil || told != 2 {
		t.Errorf("a reducer is told the level %d", told)
	}
	return m
}

// A binary below the state's level refuses to start.
func TestLevelTooHigh(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := levelTwo(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := fsm.Open(dir, mustRegistry(t, 1), options()); err == nil || !strings.Contains(err.Error(), "install the cluster's version") {
		t.Errorf("opened: %v", err)
	}
}

// The state does not depend on the zone of the node that computes it (RULES 1).
func TestZones(t *testing.T) {
	t.Parallel()
	hashes := map[string]string{}
	for _, zone := range []string{"UTC", "America/Sao_Paulo", "Asia/Kathmandu"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestZoneChild$", "-test.v")
		cmd.Env = append(os.Environ(), "TZ="+zone, "COFRE_ZONE_CHILD=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", zone, err, out)
		}
		_, rest, ok := strings.Cut(string(out), "zone-child ")
		offset, hash, _ := strings.Cut(strings.Split(rest, "\n")[0], " ")
		if !ok || (offset == "0") != (zone == "UTC") {
			t.Fatalf("the child in %s is %s s off UTC: %s", zone, offset, out)
		}
		hashes[hash] = zone
	}
	if len(hashes) != 1 {
		t.Errorf("the state depends on the zone: %v", hashes)
	}
}

// TestZoneChild runs in a process of its own; see TestZones.
func TestZoneChild(t *testing.T) {
	if os.Getenv("COFRE_ZONE_CHILD") == "" {
		t.Skip("only as a child of TestZones")
	}
	m, _ := fsmtest.Log(t, filepath.Join("testdata", "every.txt"))
	_, offset := time.UnixMilli(int64(t0)).Zone()
	v := m.View()
	defer v.Close()
	sum := v.StateHash()
	t.Logf("zone-child %d %x", offset, sum[:])
}
