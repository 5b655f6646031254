package codec_test

import (
	"bytes"
	"testing"

	"cofre/fsm/codec"
)

type value struct {
	A string           `cbor:"a"`
	N int64            `cbor:"n"`
	L []value          `cbor:"l,omitempty"`
	M map[string]int64 `cbor:"m,omitempty"`
	R codec.Raw        `cbor:"r,omitempty"`
}

// What is decoded strictly has one encoding: equal values have equal bytes on every node.
func TestStrict(t *testing.T) {
	t.Parallel()
	good := codec.MustEncode(&value{A: "x", N: 1, M: map[string]int64{"z": 1, "a": 2}})
	for name, b := range map[string][]byte{
		"unknown field":  codec.MustEncode(map[string]int{"new": 1}),
		"duplicate key":  {0xa2, 0x61, 'n', 0x01, 0x61, 'n', 0x02},
		"trailing bytes": append(bytes.Clone(good), 0),
		"cut short":      good[:len(good)-1],
		"indefinite":     {0xbf, 0x61, 'n', 0x01, 0xff},
		"bad UTF-8":      {0xa1, 0x61, 'a', 0x61, 0xff},
		"another type":   {0xa1, 0x61, 'a', 0x01},
		"nothing":        nil,
		"deep":           append(bytes.Repeat([]byte{0xa1, 0x61, 'l', 0x81}, 40), 0xa0),
	} {
		var v value
		if err := codec.Decode(b, &v); err == nil {
			t.Errorf("%s: decoded %+v", name, v)
		}
	}
	for range 20 {
		if !bytes.Equal(good, codec.MustEncode(&value{N: 1, A: "x", M: map[string]int64{"a": 2, "z": 1}})) {
			t.Fatal("a map's order shows in the bytes")
		}
	}
	if _, err := codec.Encode(make(chan int)); err == nil {
		t.Error("a channel was encoded")
	}
}

// FuzzDecode: no input panics, and what decodes keeps its bytes from the first encoding on.
func FuzzDecode(f *testing.F) {
	f.Add(codec.MustEncode(&value{A: "x", N: 1, L: []value{{A: "y"}}, M: map[string]int64{"a": 1}, R: codec.Raw{0x01}}))
	f.Add([]byte{0xa1, 0x61, 'l', 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		var v, w value
		if codec.Decode(b, &v) != nil {
			return
		}
		first := codec.MustEncode(&v)
		if err := codec.Decode(first, &w); err != nil {
			t.Fatalf("its own encoding is refused: %v", err)
		}
		if !bytes.Equal(first, codec.MustEncode(&w)) {
			t.Error("the encoding moved")
		}
	})
}
