package systemdcred

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

// Binding says what an encrypted credential is encrypted to.
type Binding string

// The bindings. Only TPM keeps a copy of the machine's disk from opening the vault.
const (
	TPM     Binding = "tpm"
	Host    Binding = "host"    // a key file of the machine: /var/lib/systemd/credential.secret
	Nothing Binding = "nothing" // an empty key: no protection at all
	Unknown Binding = "unknown"
)

// kinds are the first 16 bytes of an encrypted credential, as systemd's format has them.
var kinds = map[string]Binding{
	"5a1c6a86df9d4096b1d5a65e0862f19a": Host,
	"55b9ed1d38594d43a8319d2ebb332ac6": Host, // for one user
	"0c7cc07b117645919c4b0bea08bc20fe": TPM,
	"faf7eb9341e3412ca1a436f95a29362f": TPM, // with a signed policy
	"93a894094874449090caf2fc93cab553": TPM, // and the host's key
	"ef4ac13679a9480ea7db68897f9f165d": TPM, // for one user
	"af4950a849134eb1a73846304ff30c05": TPM,
	"adbc4ca3efb64201ba881b6f2e4095ea": TPM,
	"058469daf6f54324800549da0f8ea2fb": Nothing,
}

// Bound reads from an encrypted credential, as systemd-creds wrote it, what it is bound to.
func Bound(path string) (Binding, error) {
	f, err := os.Open(path)
	if err != nil {
		return Unknown, fmt.Errorf("read the encrypted credential: %w", err)
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, 64))
	if err != nil {
		return Unknown, fmt.Errorf("read the encrypted credential: %w", err)
	}
	return binding(head), nil
}

// binding reads the kind: the file is base64 text as the tool writes it, or the bytes themselves.
func binding(head []byte) Binding {
	const size = 16
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(head)))
	text := bytes.Join(bytes.Fields(head), nil)
	n, err := base64.StdEncoding.Decode(raw, text[:len(text)/4*4])
	if err != nil || n < size {
		raw, n = head, len(head)
	}
	if n < size {
		return Unknown
	}
	if b, ok := kinds[hex.EncodeToString(raw[:size])]; ok {
		return b
	}
	return Unknown
}
