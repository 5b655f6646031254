package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"cofre/fsm/model"
)

// Checkpoint is the statement that the chain of a cluster, up to and including event Seq, ends in Hash. A chain of plain
// hashes can be recomputed by anyone; a signed checkpoint cannot.
type Checkpoint struct {
	Cluster model.ClusterID
	Seq     uint64
	Hash    []byte
}

// Message is what the audit key signs. It names its purpose and every part has its own place, so that a signature for
// one purpose, cluster or position is none for another.
func (c Checkpoint) Message() []byte {
	m := message("cofre audit checkpoint 1", string(c.Cluster))
	m = binary.BigEndian.AppendUint64(m, c.Seq)
	return append(m, c.Hash...)
}

// Verify checks a signature of the checkpoint.
func (c Checkpoint) Verify(key ed25519.PublicKey, signature []byte) error {
	if len(c.Hash) != sha256.Size {
		return fmt.Errorf("the checkpoint's hash has %d bytes", len(c.Hash))
	}
	return verify(key, c.Message(), signature)
}

// SignedCheckpoint is a checkpoint as an event of the trail carries it.
type SignedCheckpoint struct {
	Checkpoint
	Key       uint32 // id of the audit key
	Signature []byte
}

// CheckpointOf reads the checkpoint that an event of kind audit.checkpoint carries.
func CheckpointOf(e *Event, cluster model.ClusterID) (SignedCheckpoint, error) {
	c := SignedCheckpoint{Checkpoint: Checkpoint{Cluster: cluster}}
	if e.Kind != AuditCheckpoint.Kind {
		return c, fmt.Errorf("event %d is no checkpoint", e.Seq)
	}
	var err error
	if c.Seq, err = strconv.ParseUint(e.Field("seq"), 10, 64); err != nil {
		return c, errors.New("its position is not a number")
	}
	key, err := strconv.ParseUint(e.Field("key"), 10, 32)
	if err != nil {
		return c, errors.New("its key is not a number")
	}
	c.Key = uint32(key)
	if c.Hash, err = hex.DecodeString(e.Field("hash")); err != nil {
		return c, errors.New("its hash is not hexadecimal")
	}
	if c.Signature, err = hex.DecodeString(e.Field("signature")); err != nil {
		return c, errors.New("its signature is not hexadecimal")
	}
	return c, nil
}

// message starts what is signed: strings with their lengths.
func message(parts ...string) []byte {
	var m []byte
	for _, p := range parts {
		m = binary.BigEndian.AppendUint32(m, uint32(len(p)))
		m = append(m, p...)
	}
	return m
}

func verify(key ed25519.PublicKey, message, signature []byte) error {
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, message, signature) {
		return errors.New("the signature is not of this key")
	}
	return nil
}
