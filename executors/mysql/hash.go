package mysql

import (
	"crypto/sha1" //nolint:gosec // the server's own format
	"encoding/hex"
	"strings"

	"cofre/executors/mask"
)

// hash is what MariaDB stores for a password: "*" and the hexadecimal SHA-1 of the SHA-1. The format is the server's;
// it is no weaker in the statement than in the server's own tables.
func hash(password []byte) []byte {
	first := sha1.Sum(password)  //nolint:gosec // see above
	second := sha1.Sum(first[:]) //nolint:gosec // see above
	return []byte("*" + strings.ToUpper(hex.EncodeToString(second[:])))
}

// hashed returns the parts of a statement with IDENTIFIED BY PASSWORD in front of every hole of that kind.
func hashed(parts []mask.Part) []mask.Part {
	out := append([]mask.Part(nil), parts...)
	for i, p := range out {
		if p.Context == inPassword {
			before := &out[i-1]
			before.Literal = strings.TrimSuffix(before.Literal, "'") + "PASSWORD '"
		}
	}
	return out
}
