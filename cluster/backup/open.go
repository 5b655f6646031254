package backup

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
	"cofre/vault/disk"
	"cofre/vault/seal"
	"cofre/vault/secret"
)

// File is a backup that is being read, once: by Check or by State.
type File struct {
	Header Header
	in     *bufio.Reader
	digest hash.Hash
}

// Open reads the header.
func Open(r io.Reader) (*File, error) {
	f := &File{in: bufio.NewReaderSize(r, 64<<10), digest: sha256.New()}
	line := make([]byte, len(firstLine))
	if _, err := io.ReadFull(f.in, line); err != nil || string(line) != firstLine && string(line) != formerly {
		return nil, model.Errorf(model.Invalid, "this is no backup of a format that this version knows")
	}
	n, err := binary.ReadUvarint(f.in)
	if err != nil || n > maxHeader {
		return nil, fmt.Errorf("read the header: %w", ErrDamaged)
	}
	head := make([]byte, n)
	if _, err := io.ReadFull(f.in, head); err != nil {
		return nil, fmt.Errorf("read the header: %w", ErrDamaged)
	}
	if err := codec.Decode(head, &f.Header); err != nil || (f.Header.Size > 0) != (string(line) == formerly) {
		return nil, fmt.Errorf("read the header: %w", ErrDamaged)
	}
	f.digest.Write(line)
	f.digest.Write(binary.AppendUvarint(nil, n))
	f.digest.Write(head)
	return f, nil
}

// Check reads the file to its end and finds damage. It needs no key, and proves nothing against who changes a file on purpose.
func (f *File) Check() error {
	if _, err := io.Copy(io.Discard, body{f}); err != nil {
		return fmt.Errorf("read the backup: %w", err)
	}
	return f.end()
}

// State gives the state stream of the file. It ends well only if the whole file is as it was written.
func (f *File) State(root secret.Value) (io.Reader, error) {
	work, err := seal.Unbox(root, f.Header.label(), f.Header.Key)
	if errors.Is(err, seal.ErrWrongKey) {
		return nil, fmt.Errorf("its header was changed: %w", ErrDamaged)
	}
	if err != nil {
		return nil, err
	}
	key, err := disk.NewKey(work)
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	r, err := disk.NewReader(key, purpose, body{f})
	if err != nil {
		return nil, damaged(err)
	}
	return &whole{f, r, nil}, nil
}

// body is what stands between the header and the digest, which is what the file ends with.
type body struct{ f *File }

func (b body) Read(p []byte) (int, error) {
	if _, err := b.f.in.Peek(sha256.Size + 1); err != nil {
		return 0, err
	}
	n, err := b.f.in.Read(p[:min(len(p), b.f.in.Buffered()-sha256.Size)])
	b.f.digest.Write(p[:n])
	return n, err
}

// end compares the digest, which is all that is left.
func (f *File) end() error {
	got, err := io.ReadAll(f.in)
	if err == nil && !bytes.Equal(got, f.digest.Sum(nil)) {
		err = ErrDamaged
	}
	return err
}

// whole is the state stream, whose end is that of the file.
type whole struct {
	f   *File
	r   io.Reader
	err error // sticky
}

func (w *whole) Read(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.r.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		if w.err = w.f.end(); w.err == nil {
			w.err = io.EOF
		}
	case err != nil:
		w.err = damaged(err)
	}
	if n > 0 {
		return n, nil
	}
	return 0, w.err
}

// damaged says it of a stream that does not open, which is no secret of ours.
func damaged(err error) error {
	if errors.Is(err, disk.ErrTampered) || errors.Is(err, disk.ErrFormat) || errors.Is(err, disk.ErrWrongKey) {
		return ErrDamaged
	}
	return err
}
