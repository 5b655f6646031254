// Package membership brings nodes into the cluster and out of it: join tokens, the newcomer's and the member's side of
// joining, the leader's loop that makes raft's configuration follow the node table, and the newcomer's way to the root
// key.
//
// It guarantees that a token admits and does not unlock; that the newcomer talks only to the cluster whose authority its
// token pins; that only an approved and caught-up node gets a vote; and that what the node table does not know is never
// removed from raft (RULES 6). Keys and commands arrive as functions; cmd wires them.
package membership
