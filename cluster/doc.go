// Package cluster makes several nodes answer as one: proposals that are applied here or forwarded to the leader,
// linearizable reads of the local replica, clocks that agree, and leadership that rests with a node able to do its work.
//
// It guarantees that a proposal is applied at most once however often it is retried; that a result is returned only
// after the rows are readable on this node; that an error tells "certainly not done" (Unavailable) from "perhaps done"
// (Uncertain); and that a leader whose clock or disk is wrong proposes nothing. The rooms below it: raftnode (the log),
// peer (identity and TLS), rpc (questions between nodes), gossip (rumours), membership (coming and going). Services get
// its Proposer and Reader from cmd.
package cluster
