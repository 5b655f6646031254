package winrpc

import (
	"crypto/des" //nolint:gosec // MS-SAMR demands it; SMB 3 encrypts the whole call besides
	"crypto/md5" //nolint:gosec // as above
	"crypto/rand"
	"crypto/rc4" //nolint:gosec // as above
	"encoding/binary"
	"errors"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/crypto/md4" //nolint:gosec,staticcheck // the hash that Windows keeps
)

// maxUnits is how many UTF-16 units a password has at most: the buffer of the protocol.
const maxUnits = 256

var errPassword = errors.New("expected a password of 1 to 256 characters in UTF-8, without NUL")

// wide is text as Windows keeps it.
func wide(text []byte) ([]byte, error) {
	if len(text) == 0 || !utf8.Valid(text) {
		return nil, errPassword
	}
	units := utf16.Encode([]rune(string(text)))
	if len(units) > maxUnits {
		return nil, errPassword
	}
	var out []byte
	for _, u := range units {
		if u == 0 {
			return nil, errPassword
		}
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return out, nil
}

// hash is the NT hash of a password.
func hash(password []byte) []byte {
	h := md4.New() //nolint:gosec // as above
	h.Write(password)
	return h.Sum(nil)
}

// buffer is the 516 bytes of MS-SAMR 2.2.6.21 before encryption: noise, the password at its end, and its length.
func buffer(password []byte) []byte {
	b := make([]byte, 2*maxUnits)
	_, _ = rand.Read(b) // never fails
	copy(b[len(b)-len(password):], password)
	return binary.LittleEndian.AppendUint32(b, uint32(len(password)))
}

func stream(key, data []byte) ([]byte, error) {
	c, err := rc4.NewCipher(key) //nolint:gosec // the protocol's cipher
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(data))
	c.XORKeyStream(out, data)
	return out, nil
}

// underHash is a new password under the NT hash of the old one, and the proof that the old one is known: its hash under
// the hash of the new one (MS-SAMR 3.1.5.10.3).
func underHash(old, fresh []byte) (sealed, proof []byte, err error) {
	oldHash, freshHash := hash(old), hash(fresh)
	if sealed, err = stream(oldHash, buffer(fresh)); err != nil {
		return nil, nil, err
	}
	for i := range 2 {
		c, err := des.NewCipher(spread(freshHash[7*i : 7*i+7])) //nolint:gosec // the protocol's cipher
		if err != nil {
			return nil, nil, err
		}
		block := make([]byte, 8)
		c.Encrypt(block, oldHash[8*i:8*i+8])
		proof = append(proof, block...)
	}
	return sealed, proof, nil
}

// spread makes a DES key of 56 bits.
func spread(in []byte) []byte {
	var n uint64
	for _, b := range in {
		n = n<<8 | uint64(b)
	}
	out := make([]byte, 8)
	for i := range out {
		out[7-i] = byte(n>>(7*i)) << 1
	}
	return out
}

// underSession is a new password under the key of the SMB session (MS-SAMR 2.2.6.22): with a salt of its own.
func underSession(key, fresh []byte) ([]byte, error) {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt)
	k := md5.Sum(append(append([]byte(nil), salt...), key...)) //nolint:gosec // the protocol's hash
	sealed, err := stream(k[:], buffer(fresh))
	return append(sealed, salt...), err
}
