package model

import (
	"crypto/sha256"
	"encoding/hex"
)

// Identifiers are opaque strings: 32 hexadecimal digits of 128 bits that the proposer drew at random or a reducer
// derived (DeriveID), except NodeID, which is the name that an operator gave. Distinct types keep them apart.
type (
	// ClusterID names one cluster for ever.
	ClusterID string
	// NodeID names one node; a removed name is never used again.
	NodeID string
	// ApplicationID names a client application.
	ApplicationID string
	// AuthorizationID names one set of keys and rights of an application.
	AuthorizationID string
	// DeviceID names a target system.
	DeviceID string
	// CredentialID names an account on a device together with its secret versions.
	CredentialID string
	// PolicyID names a password policy.
	PolicyID string
	// TemplateID names a template.
	TemplateID string
	// OperationID names one operation.
	OperationID string
	// CustodyID names one checkout that was not released yet.
	CustodyID string
	// ProfileID names a profile of dynamic users.
	ProfileID string
	// DynamicUserID names one dynamic user.
	DynamicUserID string
	// ExecutorName names a protocol engine, for example "ssh".
	ExecutorName string
)

// Pos is a position in the replicated log: raft index << 16 | ordinal of the command in its entry. It only grows,
// nobody can choose it, and therefore it serves as fencing token, audit position and seed of derived identifiers.
type Pos uint64

// PosOf packs a log index and the ordinal of a command in that entry.
func PosOf(index uint64, ordinal int) Pos { return Pos(index<<16 | uint64(ordinal)&0xffff) }

// Index is the raft log index of the position.
func (p Pos) Index() uint64 { return uint64(p) >> 16 }

// DeriveID makes an identifier from the identity of its origin, so that every node, and every retry, derives the
// same one. Parts are separated unambiguously.
func DeriveID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		var n [4]byte
		n[0], n[1], n[2], n[3] = byte(len(p)>>24), byte(len(p)>>16), byte(len(p)>>8), byte(len(p))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
