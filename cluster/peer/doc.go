// Package peer is how nodes prove to each other who they are: the node's identity, the cluster's certificate authority,
// and the one TLS 1.3 listener that carries raft, rpc and join by ALPN.
//
// It guarantees that raft/1 and house-rpc/1 reach only a peer whose public key is pinned in the node table and whose
// certificate names this cluster; that an expired certificate of a pinned key is an alarm and not a refusal, so that a
// cluster which was off for months comes back; and that a node of another cluster is told so by name (RULES 6).
// cluster, cluster/membership and cmd call it.
package peer
