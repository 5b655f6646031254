//go:build cofre_nextlevel

package fsm

// Level is that of the release which the rollover test plays.
const Level = 2
