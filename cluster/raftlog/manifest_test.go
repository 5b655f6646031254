package raftlog

import (
	"bytes"
	"testing"

	"github.com/cockroachdb/pebble/v2/record"
)

// manifest writes records as Pebble does, and tells where the last one begins.
func manifest(t *testing.T, sizes ...int) (data []byte, last int) {
	t.Helper()
	var b bytes.Buffer
	w := record.NewWriter(&b)
	for i, n := range sizes {
		last = b.Len()
		if _, err := w.WriteRecord(bytes.Repeat([]byte{byte(i + 1), 7}, n/2)); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes(), last
}

func TestDamagedChunk(t *testing.T) {
	t.Parallel()
	for name, sizes := range map[string][]int{"one": {300}, "several": {40, 900, 60}, "over blocks": {20_000, 30_000, 70_000, 2000}} {
		data, last := manifest(t, sizes...)
		if at := damagedChunk(data); at != -1 {
			t.Errorf("%s: whole, but byte %d is called damaged", name, at)
		}
		for at := 0; at < len(data); at += 1 + len(data)/500 {
			flipped := bytes.Clone(data)
			flipped[at] ^= 4
			if damagedChunk(flipped) == -1 {
				t.Errorf("%s: a change of byte %d of %d is not noticed", name, at, len(data))
			}
		}
		for cut := last + 1; cut < len(data); cut += 1 + (len(data)-last)/50 {
			if at := damagedChunk(data[:cut]); at != -1 {
				t.Errorf("%s: cut at %d of %d, byte %d is called damaged", name, cut, len(data), at)
			}
			if len(data)-cut > 2*sectorSize { // the file grew, but its end was not written
				if at := damagedChunk(append(bytes.Clone(data[:cut]), make([]byte, len(data)-cut)...)); at != -1 {
					t.Errorf("%s: empty from %d of %d, byte %d is called damaged", name, cut, len(data), at)
				}
			}
		}
	}
}
