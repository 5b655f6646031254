//go:build !cofre_nextlevel

package fsm

// Level is the highest feature level that this binary knows.
const Level = 1
