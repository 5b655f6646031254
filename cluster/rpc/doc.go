// Package rpc carries the few questions that nodes ask each other: Propose, ReadIndex, Join, Unwrap and Status. Every
// one is a CBOR frame on one persistent connection per peer, with many in flight.
//
// It guarantees that a caller learns whether its request certainly was not sent (ErrNotSent), that no frame is larger
// than 4 MiB, that a request ends with its deadline on both sides, and that every reply carries the peer's UTC clock
// (RULES 1). Who the peer is, cluster/peer has decided. cluster and cluster/membership call it.
package rpc
