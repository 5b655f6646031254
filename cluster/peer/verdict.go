package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

// ErrRefused says that the other side did not accept us; its text says why.
var ErrRefused = errors.New("the peer refused this node")

const maxVerdict = 512

// exchange tells the other side what we decided about it, and hears what it decided about us, before the first byte of
// the protocol. A TLS alert could carry no reason, and both sides' logs shall name it. A length of zero means accepted.
// The dialling side speaks first.
func exchange(conn net.Conn, ours error, first bool) error {
	var text string
	if ours != nil {
		text = ours.Error()
		text = text[:min(len(text), maxVerdict)]
	}
	write := func() error {
		_, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(text))), text...))
		return err
	}
	var werr, theirs, rerr error
	if first {
		werr = write()
		theirs, rerr = readVerdict(conn)
	} else {
		theirs, rerr = readVerdict(conn)
		werr = write()
	}
	switch {
	case ours != nil:
		return ours
	case theirs != nil:
		return theirs
	}
	return errors.Join(werr, rerr)
}

func readVerdict(r io.Reader) (refusal, err error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, fmt.Errorf("read the peer's verdict: %w", err)
	}
	n := binary.BigEndian.Uint16(head[:])
	if n == 0 {
		return nil, nil
	}
	if n > maxVerdict {
		return nil, errors.New("read the peer's verdict: it is too long")
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, fmt.Errorf("read the peer's verdict: %w", err)
	}
	return fmt.Errorf("%w: %q", ErrRefused, text), nil
}
