package raftlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// The chunks of a manifest: LevelDB's log format, blocks of 32 KiB, a header of masked CRC-32C, length and type.
const (
	blockSize  = 32 << 10
	headerSize = 4 + 2 + 1
	sectorSize = 512 // what a disk writes whole or not at all
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checkManifests refuses a store whose list of files was damaged. Pebble takes a bad record for the unfinished last
// write of a machine that lost power and forgets what follows, with it the files that hold confirmed entries; here a bad
// record that was written to its end is damage.
func checkManifests(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return nil //nolint:nilerr // there is no store yet
	}
	for _, name := range names {
		if !strings.HasPrefix(name, "MANIFEST-") {
			continue
		}
		data, err := readAll(fs, fs.PathJoin(dir, name))
		if err != nil {
			return err
		}
		if at := damagedChunk(data); at >= 0 {
			return fmt.Errorf("%w: %s, byte %d", ErrDamaged, fs.PathJoin(dir, name), at)
		}
	}
	return nil
}

func readAll(fs vfs.FS, path string) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return data, f.Close()
}

// damagedChunk gives the place of the first chunk that was written to its end and is not what was written; -1: none.
func damagedChunk(data []byte) int {
	for at := 0; at+headerSize <= len(data); {
		if left := blockSize - at%blockSize; left < headerSize {
			at += left
			continue
		}
		end, ok := chunk(data, at)
		switch {
		case ok:
			at = end
		case finished(data, at, end):
			return at
		default:
			return -1
		}
	}
	return -1
}

// chunk tells where a chunk ends by its own words, and whether it is what was written.
func chunk(data []byte, at int) (end int, ok bool) {
	end = at + headerSize + int(binary.LittleEndian.Uint16(data[at+4:]))
	return end, end <= len(data) && end <= (at/blockSize+1)*blockSize && matches(data, at, end)
}

func matches(data []byte, at, end int) bool {
	c := crc32.Checksum(data[at+6:end], castagnoli)
	return binary.LittleEndian.Uint32(data[at:]) == (c>>15|c<<17)+0xa282ead8
}

// finished tells that a bad chunk was written to its end: because others follow it, because only its length is wrong, or
// because it is all there. A write that power cut short ends the file too early, or left a sector empty.
func finished(data []byte, at, end int) bool {
	for next := at + 1; next+headerSize <= len(data); next++ {
		if to, ok := chunk(data, next); ok && to > next+headerSize {
			return true
		}
	}
	return matches(data, at, len(data)) || end <= len(data) && !emptySector(data[at:])
}

// emptySector tells whether some sector's length of bytes in a row is zero. Records of a manifest hold no such run.
func emptySector(data []byte) bool {
	run := 0
	for _, b := range data {
		if run++; b != 0 {
			run = 0
		}
		if run >= sectorSize/2 { // the ends of a sector may lie outside of the chunk
			return true
		}
	}
	return false
}
