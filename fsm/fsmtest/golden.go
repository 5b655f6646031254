package fsmtest

import (
	"os"
	"testing"

	"github.com/hashicorp/raft"

	"cofre/fsm"
)

// Rewrite tells whether golden files are to be written anew.
func Rewrite() bool { return *rewrite }

// Log executes one script and gives its machine and the log that it made.
func Log(t testing.TB, file string) (*fsm.FSM, []*raft.Log) {
	t.Helper()
	in, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := &script{t: t, machine: Open(t), now: Start, vars: map[string]string{}}
	s.run(string(in))
	return s.machine, s.log
}
