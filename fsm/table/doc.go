// Package table gives the replicated state its shape: typed tables with secondary indexes over Pebble.
//
// It owns the store on disk, and it is the only package that imports Pebble. Pebble's write-ahead log is off: the Raft
// log is the log, and the applied index is written in the same batch as the rows. A Tx holds one command's changes,
// which are applied or dropped whole; a View is a pinned, consistent reading of one applied index. Every table keeps a
// rolling hash of its rows, so that the hash of the whole state costs nothing to read.
//
// A storage error is never a result: it panics with Failure, which stops the node without acknowledging (RULES 4).
// Reducers and readers reach tables through fsm/state.
package table
