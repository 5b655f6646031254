package disk_test

import (
	"bytes"
	"encoding/hex"
	"io"
	"testing"

	"cofre/vault/disk"
	"cofre/vault/secret"
)

// What the first release wrote is read for ever.
func TestGolden(t *testing.T) {
	t.Parallel()
	key := must(disk.NewKey(secret.New(bytes.Repeat([]byte{7}, disk.KeySize))))(t)
	decode := func(s string) []byte { return must(hex.DecodeString(s))(t) }

	record := decode("01cf151e2e1c3cc47617181e2199e29ff8574e289e47d11d246765c13336fe21e300000000000000011e276980048e88af1e3c00cee11bbba0e11bb231befaac0a")
	c := must(disk.NewRecordCipher(key, "log"))(t)
	if got, err := c.Open(record, []byte("place")); string(got) != "a record" {
		t.Errorf("record: %q, %v", got, err)
	}

	file := decode("636f6672652066696c650000000000018431acc9cbe497cf4cf20c94e7c4be1e21fe731397d54cf8cd450dca93de86a1b19d8832400ff04bdd166df65dec2778d073d9eb46f11f78ea365ef15f0b9e04")
	f := must(disk.ParseFileHeader(key, "state", disk.Header(file[:disk.HeaderSize])))(t)
	content := file[disk.HeaderSize:]
	if f.XOR(content, 1000); string(content) != "a file's content" {
		t.Errorf("file: %q", content)
	}

	stream := decode("636f6672652073747265616d00000001493cf4c1b9762177a87283c1eafb6f114b0668cd4e9b5c451802ba9eb1c0a369f39ca4c45e3a8069b7e7a92cd84132bc8082f88d86af4f2272e378962ba836ebc86f29cde9fb486f")
	r := must(disk.NewReader(key, "snapshot", bytes.NewReader(stream)))(t)
	if got, err := io.ReadAll(r); string(got) != "a stream" {
		t.Errorf("stream: %q, %v", got, err)
	}
}
