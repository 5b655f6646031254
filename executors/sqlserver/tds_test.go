package sqlserver_test

import (
	"encoding/binary"
	"unicode/utf16"
)

// This file writes the tokens of TDS.

// ack is LOGINACK.
func ack() []byte {
	program := wide("Double")
	body := append([]byte{1, 0x74, 0, 0, 4, byte(len(program) / 2)}, append(program, 15, 0, 0, 0)...)
	return append(binary.LittleEndian.AppendUint16([]byte{0xad}, uint16(len(body))), body...)
}

// done is DONE with a status.
func done(status uint16) []byte {
	return append(binary.LittleEndian.AppendUint16([]byte{0xfd}, status), make([]byte, 10)...)
}

// fault is ERROR.
func fault(number int32, class byte, text string) []byte {
	body := binary.LittleEndian.AppendUint32(nil, uint32(number))
	body = append(body, 1, class)
	w := wide(text)
	body = append(binary.LittleEndian.AppendUint16(body, uint16(len(w)/2)), w...)
	body = append(body, 0, 0, 1, 0, 0, 0) // no server, no procedure, line 1
	return append(binary.LittleEndian.AppendUint16([]byte{0xaa}, uint16(len(body))), body...)
}

func wide(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func narrow(b []byte) string {
	var u []uint16
	for i := 0; i+1 < len(b); i += 2 {
		u = append(u, binary.LittleEndian.Uint16(b[i:]))
	}
	return string(utf16.Decode(u))
}
