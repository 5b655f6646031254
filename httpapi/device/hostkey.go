package device

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"cofre/fsm/model"
)

// readKeys reads the keys that a client wants to pin.
func readKeys(list []TrustedKey) ([]model.HostKey, error) {
	var keys []model.HostKey
	for i, k := range list {
		field := fmt.Sprintf("keys[%d]", i)
		switch {
		case k.Key != "":
			h, ok := parseHostKey(k.Key)
			if !ok {
				return nil, model.Errorf(model.Invalid, "%s.key is not an SSH public key such as ssh-ed25519 AAAA...", field).WithField(field + ".key")
			}
			if k.Fingerprint != "" && k.Fingerprint != h.Fingerprint {
				return nil, model.Errorf(model.Invalid, "%s.fingerprint is not the fingerprint of the key", field).WithField(field + ".fingerprint")
			}
			keys = append(keys, h)
		case validFingerprint(k.Fingerprint):
			keys = append(keys, model.HostKey{Fingerprint: k.Fingerprint})
		default:
			return nil, model.Errorf(model.Invalid, "%s needs a key or a fingerprint SHA256:...", field).WithField(field)
		}
	}
	return keys, nil
}

// Valid tells whether a key can be pinned.
func (k TrustedKey) Valid() bool {
	_, err := readKeys([]TrustedKey{k})
	return err == nil
}

func validFingerprint(s string) bool {
	sum, ok := strings.CutPrefix(s, "SHA256:")
	b, err := base64.RawStdEncoding.DecodeString(sum)
	return ok && err == nil && len(b) == 32
}

// parseHostKey reads a line of known_hosts or of a .pub file: the key's blob must begin with the algorithm's name that
// stands before it.
func parseHostKey(line string) (model.HostKey, bool) {
	words := strings.Fields(line)
	for i := 0; i+1 < len(words); i++ {
		blob, err := base64.StdEncoding.DecodeString(words[i+1])
		if err != nil || len(blob) < 4 {
			continue
		}
		n := binary.BigEndian.Uint32(blob)
		if uint64(n)+4 >= uint64(len(blob)) || !bytes.Equal(blob[4:4+n], []byte(words[i])) {
			continue
		}
		return model.HostKey{Fingerprint: model.Fingerprint(blob), Line: words[i] + " " + words[i+1]}, true
	}
	return model.HostKey{}, false
}
