package model

import (
	"crypto/sha256"
	"encoding/base64"
)

// Fingerprint is how people compare a node's public key (SubjectPublicKeyInfo, DER): SHA256:... as OpenSSH prints keys.
func Fingerprint(publicKey []byte) string {
	sum := sha256.Sum256(publicKey)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

// NodeState is how far a node has come into the cluster.
type NodeState uint8

// The states of a node.
const (
	NodeJoined   NodeState = iota + 1 // admitted, sealed, not approved
	NodeApproved                      // may receive the root key
	NodeRemoved                       // gone; its name is never used again
)

func (s NodeState) String() string {
	if s >= NodeJoined && s <= NodeRemoved {
		return [...]string{"joined", "approved", "removed"}[s-1]
	}
	return "none"
}

// Announcement is what a node says of itself.
type Announcement struct {
	Slots     int            `cbor:"slots"` // 0 while sealed
	Executors []ExecutorName `cbor:"executors,omitempty"`
	Sites     []string       `cbor:"sites,omitempty"` // empty: every site
	Version   string         `cbor:"version"`
	Level     uint16         `cbor:"level"` // highest feature level of the binary
	Sealed    bool           `cbor:"sealed"`
}

// Node is one member, pinned by its public key.
type Node struct {
	ID         NodeID       `cbor:"id"`
	State      NodeState    `cbor:"state"`
	PublicKey  []byte       `cbor:"public_key"` // SubjectPublicKeyInfo, DER, of the peer TLS key
	HPKE       []byte       `cbor:"hpke"`       // X25519 public key that the root key is wrapped to
	Peer       string       `cbor:"peer"`       // host:port of the peer listener
	API        string       `cbor:"api"`        // https://host:port
	Gossip     string       `cbor:"gossip"`     // host:port
	Token      string       `cbor:"token,omitempty"`
	Delivered  bool         `cbor:"delivered"` // the root key went to it
	Announced  Announcement `cbor:"announced"`
	JoinedAt   Time         `cbor:"joined_at"`
	ApprovedAt Time         `cbor:"approved_at,omitempty"`
	RemovedAt  Time         `cbor:"removed_at,omitempty"`
	Lost       bool         `cbor:"lost,omitempty"`      // removed because it may be in foreign hands
	SealBy     Pos          `cbor:"seal_by,omitempty"`   // the order to seal that it has not followed yet
	AuditAck   uint64       `cbor:"audit_ack,omitempty"` // last audit sequence number that its sinks took
	Revision   uint64       `cbor:"revision"`
}

// JoinToken admits one node once.
type JoinToken struct {
	ID      string `cbor:"id"`                 // hex SHA-256 of the token's secret
	Name    NodeID `cbor:"name"`               // the node it admits
	NodeKey string `cbor:"node_key,omitempty"` // SHA256:... of the node's key: pre-approved
	Until   Time   `cbor:"until"`
	Used    bool   `cbor:"used"`
}
