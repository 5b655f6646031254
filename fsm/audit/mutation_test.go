package audit

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// mutation is one way to tamper with an export. lines are the header, n events, the signed end.
type mutation struct {
	name string
	// make gives the tampered lines; i is the event's place (1 to n), j another one.
	make func(lines [][]byte, i, j int) [][]byte
	// integrity and completeness are the verdicts that must be no.
	integrity, completeness bool
}

func without(lines [][]byte, i, j int) [][]byte { return slices.Concat(lines[:i], lines[j:]) }

// flipped changes one bit of a line, at a share of its length.
func flipped(share float64) func([][]byte, int, int) [][]byte {
	return func(lines [][]byte, i, _ int) [][]byte {
		out, l := slices.Clone(lines), slices.Clone(lines[i])
		l[int(share*float64(len(l)-1))] ^= 1
		out[i] = l
		return out
	}
}

var mutations = []mutation{
	{"flip at the line's begin", flipped(0), true, false},
	{"flip within the line", flipped(0.4), true, false},
	{"flip in the hash", flipped(0.97), true, false},
	{"drop one", func(l [][]byte, i, _ int) [][]byte { return without(l, i, i+1) }, false, true},
	{"drop many", func(l [][]byte, i, _ int) [][]byte { return without(l, i, min(i+500, len(l)-1)) }, false, true},
	{"swap neighbours", func(l [][]byte, i, _ int) [][]byte {
		k := max(2, i)
		out := slices.Clone(l)
		out[k-1], out[k] = l[k], l[k-1]
		return out
	}, true, true},
	{"swap far", func(l [][]byte, i, j int) [][]byte {
		out := slices.Clone(l)
		out[i], out[j] = l[j], l[i]
		return out
	}, true, true},
	{"insert a copy", func(l [][]byte, i, j int) [][]byte { return slices.Concat(l[:i], l[j:j+1], l[i:]) }, true, false},
	{"insert a stranger's line", func(l [][]byte, i, _ int) [][]byte {
		return slices.Concat(l[:i], [][]byte{[]byte("{\"seq\":1}\n")}, l[i:])
	}, true, false},
	{"cut the tail", func(l [][]byte, i, _ int) [][]byte { return l[:i] }, false, true},
	{"cut the tail and keep the signed end", func(l [][]byte, i, _ int) [][]byte { return without(l, i, len(l)-1) }, false, true},
	{"tear the last line", func(l [][]byte, i, _ int) [][]byte {
		return slices.Concat(l[:i], [][]byte{l[i][:len(l[i])/2]})
	}, true, true},
}

// everywhere tries every mutation of 100,000 events at every place: minutes instead of seconds.
var everywhere = flag.Bool("everywhere", false, "every mutation of 100,000 events at every place")

// TestMutationsAreFound tampers in every way, at the begin, in the middle, at a checkpoint, and at the end.
func TestMutationsAreFound(t *testing.T) {
	t.Parallel()
	tamper(t, 3000, func(_, _ int) bool { return true })
}

// TestMutationsOfHundredThousandEvents does so with an export of the size that the verifier must be good for: every way,
// each at another place.
func TestMutationsOfHundredThousandEvents(t *testing.T) {
	if testing.Short() {
		t.Skip("100,000 events")
	}
	t.Parallel()
	tamper(t, 100_000, func(way, place int) bool { return *everywhere || way%places == place })
}

const places = 4

func tamper(t *testing.T, n int, wanted func(way, place int) bool) {
	t.Helper()
	key, _ := signer(1)
	file := export(t, trail(n, 1), 1)
	if r := check(t, file, key.Fingerprint()); !r.Integrity.OK || !r.Completeness.OK || r.Count != uint64(n) {
		t.Fatalf("the file as it was written: %s, %s", r.Integrity, r.Completeness) // or everything below would be found
	}
	lines := bytes.SplitAfter(file, []byte("\n"))
	lines = lines[:len(lines)-1]
	rng := rand.New(rand.NewPCG(7, uint64(n)))
	began, tried := time.Now(), 0
	var work sync.WaitGroup
	lanes := make(chan struct{}, 2)
	for way, m := range mutations {
		for place, i := range [places]int{1, 2 + rng.IntN(n-3), 100 * (1 + rng.IntN(n/100-2)), n} {
			if !wanted(way, place) {
				continue
			}
			j := 1 + (i+n/2+rng.IntN(n/4))%(n-1)
			bad := bytes.Join(m.make(lines, i, j), nil)
			if bytes.Equal(bad, file) {
				t.Fatalf("%s at event %d changed nothing", m.name, i)
			}
			tried++
			lanes <- struct{}{}
			work.Go(func() {
				defer func() { <-lanes }()
				r, err := Verify(bytes.NewReader(bad), key.Fingerprint())
				if err != nil {
					t.Error(err)
					return
				}
				if m.integrity && r.Integrity.OK || m.completeness && r.Completeness.OK || max(r.Integrity.Seq, r.Completeness.Seq) > uint64(n+1) {
					t.Errorf("%s at event %d (and %d): integrity %s, completeness %s", m.name, i, j, r.Integrity, r.Completeness)
				}
			})
		}
	}
	work.Wait()
	t.Logf("%d mutations of %d events (%d KiB) were found in %s", tried, n, len(file)>>10, time.Since(began).Round(time.Second))
}
