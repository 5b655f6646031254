package disk

import (
	"bufio"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A stream is a header and frames of 64 KiB, each sealed by AES-256-GCM with a nonce of its number and a flag on the
// last one (the STREAM construction): frames that are missing, moved, repeated or appended do not open.
const (
	frameSize = 64 << 10
	frameTag  = 16
)

// StreamSize is the length of a stream that carries n bytes.
func StreamSize(n int64) int64 {
	frames := max(1, (n+frameSize-1)/frameSize)
	return HeaderSize + n + frames*frameTag
}

type writer struct {
	to    io.Writer
	aead  cipher.AEAD
	frame uint64
	plain []byte // what is not sealed yet; a full frame waits until it is known not to be the last
	box   []byte
	err   error // the first failure; sticky
}

// NewWriter encrypts what is written to it. Close writes the last frame and does not close w; without it the stream
// does not open.
func NewWriter(key Key, purpose string, w io.Writer) (io.WriteCloser, error) {
	h, work, err := newHeader(key, streamMagic, "stream", purpose)
	if err != nil {
		return nil, err
	}
	defer clear(work)
	aead, err := newGCM(work)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(h[:]); err != nil {
		return nil, fmt.Errorf("write stream header: %w", err)
	}
	return &writer{to: w, aead: aead, plain: make([]byte, 0, frameSize), box: make([]byte, 0, frameSize+frameTag)}, nil
}

func (w *writer) Write(p []byte) (int, error) {
	n := 0
	for w.err == nil && n < len(p) {
		if len(w.plain) == frameSize {
			w.flush(false)
			continue
		}
		k := copy(w.plain[len(w.plain):frameSize], p[n:])
		w.plain, n = w.plain[:len(w.plain)+k], n+k
	}
	return n, w.err
}

var errClosed = errors.New("the stream is closed")

// Close seals the last frame.
func (w *writer) Close() error {
	if w.err != nil {
		return w.err
	}
	w.flush(true)
	clear(w.plain[:frameSize])
	err := w.err
	if err == nil {
		w.err = errClosed
	}
	return err
}

func (w *writer) flush(last bool) {
	nonce := frameNonce(w.frame, last)
	box := w.aead.Seal(w.box, nonce[:], w.plain, nil)
	if _, err := w.to.Write(box); err != nil {
		w.err = fmt.Errorf("write stream frame %d: %w", w.frame, err)
	}
	w.frame++
	w.plain = w.plain[:0]
}

type reader struct {
	from  *bufio.Reader
	aead  cipher.AEAD
	frame uint64
	box   []byte
	plain []byte // opened and not yet read
	err   error  // io.EOF after the last frame, or the first failure; sticky
}

// NewReader decrypts a stream until the end of r. It gives out no byte that was not authenticated. Truncation at any
// place is an error and never a silent end.
func NewReader(key Key, purpose string, r io.Reader) (io.Reader, error) {
	var h Header
	if _, err := io.ReadFull(r, h[:]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, ErrFormat
		}
		return nil, fmt.Errorf("read stream header: %w", err)
	}
	work, err := parseHeader(key, h, streamMagic, "stream", purpose)
	if err != nil {
		return nil, err
	}
	defer clear(work)
	aead, err := newGCM(work)
	return &reader{from: bufio.NewReaderSize(r, frameSize+frameTag), aead: aead, box: make([]byte, frameSize+frameTag)}, err
}

func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.plain) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.next()
	}
	n := copy(p, r.plain)
	r.plain = r.plain[n:]
	return n, nil
}

// next opens one frame. The last frame is the one after which the input ends.
func (r *reader) next() {
	n, err := io.ReadFull(r.from, r.box)
	last := errors.Is(err, io.ErrUnexpectedEOF)
	if err == nil {
		_, err = r.from.Peek(1)
		last = errors.Is(err, io.EOF)
	}
	switch {
	case errors.Is(err, io.EOF) && n == 0, n < frameTag && last:
		r.err = ErrTampered // not even a tag: cut between frames or inside one
		return
	case err != nil && !last:
		r.err = fmt.Errorf("read stream frame %d: %w", r.frame, err)
		return
	}
	nonce := frameNonce(r.frame, last)
	plain, err := r.aead.Open(r.box[:0], nonce[:], r.box[:n], nil)
	if err != nil || len(plain) == 0 && r.frame > 0 {
		r.err = ErrTampered
		return
	}
	r.plain = plain
	r.frame++
	if last {
		r.err = io.EOF
	}
}

func frameNonce(n uint64, last bool) (nonce [12]byte) {
	binary.BigEndian.PutUint64(nonce[3:11], n)
	if last {
		nonce[11] = 1
	}
	return nonce
}
