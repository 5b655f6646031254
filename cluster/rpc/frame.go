package rpc

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"cofre/fsm/codec"
	"cofre/fsm/model"
)

// Method is one question.
type Method uint8

// The methods. Numbers are part of house-rpc/1 and never reused.
const (
	Propose   Method = 1
	ReadIndex Method = 2
	Join      Method = 3
	Unwrap    Method = 4
	Status    Method = 5
	Recall    Method = 6
)

func (m Method) String() string {
	if m >= Propose && m <= Recall {
		return [...]string{"propose", "read index", "join", "unwrap", "status", "recall"}[m-1]
	}
	return fmt.Sprintf("method %d", uint8(m))
}

// MaxFrame bounds one request or reply.
const MaxFrame = 4 << 20

type request struct {
	ID     uint64    `cbor:"id"`
	Method Method    `cbor:"method"`
	Budget int64     `cbor:"budget"` // milliseconds that the caller waits
	Body   codec.Raw `cbor:"body"`
}

type reply struct {
	ID    uint64       `cbor:"id"`
	Clock model.Time   `cbor:"clock"` // the answering node's clock
	Body  codec.Raw    `cbor:"body,omitempty"`
	Err   *model.Error `cbor:"err,omitempty"`
}

var errTooLarge = errors.New("the message is larger than 4 MiB")

func encodeFrame(v any) ([]byte, error) {
	body, err := codec.Encode(v)
	if err != nil {
		return nil, err
	}
	if len(body) > MaxFrame {
		return nil, errTooLarge
	}
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(body)), uint32(len(body))), body...), nil
}

func readFrame(r *bufio.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > MaxFrame {
		return errTooLarge
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return fmt.Errorf("read a message: %w", err)
	}
	return codec.Decode(body, v)
}
