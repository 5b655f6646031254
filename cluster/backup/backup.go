// Package backup is the file that holds a whole cluster at one moment: its format, who can open it, and how it is checked
// (ADR 0035).
//
// It guarantees that a file is useless without the recovery shares that were in force when it was made, host names and the
// trail included; that nobody who lacks the root key can make one that opens; and that every changed, missing or added byte
// is found, with the shares and without. It knows nothing of what the state stream says: fsm makes and examines that. cmd
// calls it.
package backup

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"cofre/fsm/codec"
	"cofre/fsm/model"
	"cofre/vault/disk"
	"cofre/vault/keyring"
	"cofre/vault/seal"
	"cofre/vault/secret"
)

// The file, format 2:
//
//	"cofre-backup 2\n"  uvarint(len) header(CBOR)
//	the state stream, encrypted as a stream of vault/disk under a key of its own
//	SHA-256 of everything before
//
// The digest finds damage without a key. Who changes a file can compute it anew; that the stream still opens, he cannot: its
// last frame says that it is the last one. So nobody needs to know the size before, and the state is read once.
//
// Format 1 differs in its first line, and in a header that says the size of the stream. It is read for ever.
const (
	firstLine = "cofre-backup 2\n"
	formerly  = "cofre-backup 1\n"
	purpose   = "backup"
	maxHeader = 64 << 10
)

// Header is what can be read of a backup without shares. The key of the stream is bound to all of it.
type Header struct {
	Cluster model.ClusterID `cbor:"cluster"`
	At      model.Time      `cbor:"at"`             // state time
	Node    model.NodeID    `cbor:"node"`           // that made it
	Version string          `cbor:"version"`        // of its binary
	Level   uint16          `cbor:"level"`          // feature level of the state
	Term    uint64          `cbor:"term,omitempty"` // of raft, of the newest entry in it; 0: of before it was kept
	Index   uint64          `cbor:"index"`          // of the log
	Event   uint64          `cbor:"event"`          // last one of the trail
	Size    int64           `cbor:"size,omitempty"` // of format 1: bytes of the state stream
	Ring    model.Keyring   `cbor:"ring"`           // as much of it as the recovery shares need to find the root key
	Key     []byte          `cbor:"key"`            // the stream's key, sealed under the root key
}

// label binds the stream's key to the header.
func (h Header) label() string {
	h.Key = nil
	return fmt.Sprintf("key of a backup of cluster %q, header %x", h.Cluster, sha256.Sum256(codec.MustEncode(&h)))
}

// Backup is a file on its way out.
type Backup struct {
	head []byte
	key  disk.Key
}

// New makes the head of a file under the root key of the ring h.Ring.
func New(h Header, root secret.Value) (*Backup, error) {
	r := h.Ring
	h.Ring = model.Keyring{Cluster: r.Cluster, Dev: r.Dev, Root: r.Root, Check: r.Check, Recovery: r.Recovery}
	if err := keyring.Check(h.Ring, root); err != nil {
		return nil, err
	}
	b := make([]byte, disk.KeySize)
	_, _ = rand.Read(b)
	work := secret.New(b)
	var err error
	if h.Key, err = seal.Box(root, h.label(), work); err != nil {
		return nil, err
	}
	key, err := disk.NewKey(work)
	if err != nil {
		return nil, err
	}
	header := codec.MustEncode(&h)
	head := binary.AppendUvarint([]byte(firstLine), uint64(len(header)))
	return &Backup{append(head, header...), key}, nil
}

// Write writes the file of a state stream.
func (b *Backup) Write(to io.Writer, state io.Reader) error {
	defer b.key.Wipe()
	digest := sha256.New()
	w := io.MultiWriter(to, digest)
	if _, err := w.Write(b.head); err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	s, err := disk.NewWriter(b.key, purpose, w)
	if err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	if _, err = io.Copy(s, state); err == nil {
		err = s.Close()
	}
	if err == nil {
		_, err = to.Write(digest.Sum(nil))
	}
	if err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	return nil
}

// ErrDamaged says that a byte was changed, is missing or was added.
var ErrDamaged = errors.New("the backup is damaged or cut short")
