// Package clustertest runs clusters of several nodes in one process: raft's in-memory transport and the rpc connections
// behind switches that cut them, disks that are kept or lost at a crash, and a small state machine that counts what was
// applied to it. It is made for testing/synctest: nothing in it touches a real clock, file or socket.
//
// Tests only.
package clustertest
