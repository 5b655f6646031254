package fsm

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"cofre/fsm/codec"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// The state stream, format 1:
//
//	"cofre-state 1\n"  uvarint(len) header(CBOR)
//	per table:  uvarint(len) name, then per row uvarint(len+1) key uvarint(len) value, then uvarint(0)
//	uvarint(0)  SHA-256 of everything before
//
// A golden stream of every released format stays in testdata and must restore for ever.
const streamLine = "cofre-state 1\n"

const maxField = 16 << 20 // bytes of one key, value or name in a stream

type streamHeader struct {
	Cluster model.ClusterID `cbor:"cluster"`
	Level   uint16          `cbor:"level"`
	Applied table.Applied   `cbor:"applied"`
	Hash    []byte          `cbor:"hash"`
}

// Stream is one pinned state on its way out.
type Stream struct {
	view   *table.View
	pos    table.Applied
	size   int64
	reader *io.PipeReader
	done   chan struct{}
}

// Open pins the committed state, counts its bytes exactly, and streams it.
func (f *FSM) Open() (*Stream, error) {
	v := f.View()
	var n counter
	if err := writeStream(&n, v); err != nil {
		v.Close()
		return nil, err
	}
	return stream(v, int64(n)), nil
}

// OpenUncounted is Open for who needs no size: the rows are read once, as fast as the stream is. Its Size is 0.
func (f *FSM) OpenUncounted() *Stream { return stream(f.View(), 0) }

func stream(v *table.View, size int64) *Stream {
	pr, pw := io.Pipe()
	s := &Stream{view: v, pos: v.Applied(), size: size, reader: pr, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		_ = pw.CloseWithError(writeStream(pw, v))
	}()
	return s
}

// Position is the log position of the pinned state.
func (s *Stream) Position() table.Applied { return s.pos }

// View is the pinned state.
func (s *Stream) View() *table.View { return s.view }

// Size is the exact number of bytes of the stream.
func (s *Stream) Size() int64 { return s.size }

func (s *Stream) Read(p []byte) (int, error) { return s.reader.Read(p) }

// Close ends the stream and unpins the state.
func (s *Stream) Close() error {
	err := s.reader.Close()
	<-s.done
	s.view.Close()
	return err
}

type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

func writeStream(w io.Writer, v *table.View) error {
	sum := v.StateHash()
	h := streamHeader{Level: state.SystemRow(v).Level, Applied: v.Applied(), Hash: sum[:]}
	if k, ok := state.Keyring.Get(v, state.SystemKey); ok {
		h.Cluster = k.Cluster
	}
	digest := sha256.New()
	bw := bufio.NewWriterSize(io.MultiWriter(w, digest), 64<<10)
	put := func(b []byte, offset uint64) bool { // errors stay in bw until Flush
		_, _ = bw.Write(binary.AppendUvarint(nil, uint64(len(b))+offset))
		_, err := bw.Write(b)
		return err == nil
	}
	_, _ = bw.WriteString(streamLine)
	put(codec.MustEncode(&h), 0)
	var open string
	v.Rows(func(t table.Erased, key, value []byte) bool {
		if t.Name() != open {
			if open != "" {
				_ = bw.WriteByte(0)
			}
			open = t.Name()
			put([]byte(open), 0)
		}
		return put(key, 1) && put(value, 0)
	})
	if open != "" {
		_ = bw.WriteByte(0)
	}
	_ = bw.WriteByte(0)
	if err := bw.Flush(); err != nil {
		return fmt.Errorf("write the state stream: %w", err)
	}
	if _, err := w.Write(digest.Sum(nil)); err != nil {
		return fmt.Errorf("write the state stream: %w", err)
	}
	return nil
}

type streamReader struct {
	r      *bufio.Reader
	digest hash.Hash
	header streamHeader
	table  string
}

var errTruncated = errors.New("the state stream is damaged or cut short")

func newStreamReader(r io.Reader) (*streamReader, error) {
	d := &streamReader{r: bufio.NewReaderSize(r, 64<<10), digest: sha256.New()}
	line := make([]byte, len(streamLine))
	if _, err := io.ReadFull(d.r, line); err != nil {
		return nil, fmt.Errorf("restore the state: %w: %w", errTruncated, err)
	}
	if string(line) != streamLine {
		return nil, fmt.Errorf("restore the state: the stream has no header of a known format")
	}
	d.digest.Write(line)
	n, err := d.uvarint()
	if err != nil {
		return nil, err
	}
	b, err := d.bytes(n)
	if err != nil {
		return nil, err
	}
	if err := codec.Decode(b, &d.header); err != nil {
		return nil, fmt.Errorf("restore the state: %w", err)
	}
	return d, nil
}

// next gives the next row, or io.EOF after the trailer was verified.
func (d *streamReader) next() (table.Row, error) {
	for {
		n, err := d.uvarint()
		if err != nil {
			return table.Row{}, err
		}
		switch {
		case n == 0 && d.table == "":
			return table.Row{}, d.trailer()
		case n == 0:
			d.table = ""
		case d.table == "":
			name, err := d.bytes(n)
			if err != nil {
				return table.Row{}, err
			}
			d.table = string(name)
		default:
			return d.row(n - 1)
		}
	}
}

func (d *streamReader) row(keyLen uint64) (table.Row, error) {
	key, err := d.bytes(keyLen)
	if err != nil {
		return table.Row{}, err
	}
	n, err := d.uvarint()
	if err != nil {
		return table.Row{}, err
	}
	value, err := d.bytes(n)
	return table.Row{Table: d.table, Key: key, Value: value}, err
}

func (d *streamReader) trailer() error {
	want := d.digest.Sum(nil)
	got := make([]byte, sha256.Size)
	if _, err := io.ReadFull(d.r, got); err != nil || !bytes.Equal(got, want) {
		return errTruncated
	}
	return io.EOF
}

func (d *streamReader) uvarint() (uint64, error) {
	n, err := binary.ReadUvarint(hashedBytes{d})
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errTruncated, err)
	}
	return n, nil
}

func (d *streamReader) bytes(n uint64) ([]byte, error) {
	if n > maxField {
		return nil, errTruncated
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(d.r, b); err != nil {
		return nil, fmt.Errorf("%w: %w", errTruncated, err)
	}
	d.digest.Write(b)
	return b, nil
}

// hashedBytes reads single bytes through the digest.
type hashedBytes struct{ d *streamReader }

func (h hashedBytes) ReadByte() (byte, error) {
	b, err := h.d.r.ReadByte()
	if err == nil {
		h.d.digest.Write([]byte{b})
	}
	return b, err
}
