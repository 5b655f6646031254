// Package codec is the one encoding of log entries, table rows and audit events: CBOR (RFC 8949) in core
// deterministic form, so that equal values have equal bytes on every node.
//
// Decoding is strict: an unknown field, a duplicate key or trailing bytes are errors, because a node that skips what
// it does not know forks the state (DESIGN 5.1). Everybody may import it.
package codec

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// Raw is an encoded value inside another one.
type Raw = cbor.RawMessage

var enc = must(cbor.CoreDetEncOptions().EncMode())

var dec = must(cbor.DecOptions{
	DupMapKey:         cbor.DupMapKeyEnforcedAPF,
	ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	IndefLength:       cbor.IndefLengthForbidden,
	UTF8:              cbor.UTF8RejectInvalid,
	MaxNestedLevels:   16,
	MaxArrayElements:  1 << 17,
	MaxMapPairs:       1 << 16,
}.DecMode())

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Encode gives the canonical bytes of v.
func Encode(v any) ([]byte, error) {
	b, err := enc.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return b, nil
}

// MustEncode is Encode for types of the house, whose encoding cannot fail.
func MustEncode(v any) []byte { return must(Encode(v)) }

// Decode reads v from the whole of data.
func Decode(data []byte, v any) error {
	if err := dec.Unmarshal(data, v); err != nil {
		return fmt.Errorf("decode %T: %w", v, err)
	}
	return nil
}
