package fsm_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/dynamic"
	"cofre/fsm/fsmtest"
	"cofre/fsm/model"
	"cofre/fsm/node"
	"cofre/fsm/state"
)

// timed are the verbs by which time removes, ends or starts something: the scheduler proposes them when state time says so.
var timed = []command.Kind{
	"operation.prune", "operation.drop_captures", "dynamic.prune", "audit.prune", "credential.prune", "session.close", "chain.run", "authorization.end",
	"credential.end_custody", "credential.defer", "dsm.renew", "dsm.end", "orphan.round", "dynamic.remove",
}

// TestTimeIsNotConfirmed: after a jump of state time of more than a day, none of them does anything that it was proposed for just before
// (RULES 1). The control: after a jump of less than a day each of them does, in some script.
func TestTimeIsNotConfirmed(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	var mu sync.Mutex
	effective := map[command.Kind]bool{}
	t.Run("scripts", func(t *testing.T) {
		for _, f := range files {
			t.Run(filepath.Base(f), func(t *testing.T) {
				t.Parallel()
				in, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				tried := map[command.Kind]int{}
				log := fsmtest.ScriptLog(t, string(in))
				for i, l := range log {
					kind, byTime := timedIn(l)
					if !byTime || tried[kind] == 8 {
						continue
					}
					tried[kind]++
					if !doesSomething(t, log[:i], l, 2) {
						continue
					}
					mu.Lock()
					effective[kind] = true
					mu.Unlock()
					if kind == dynamic.Remove.Kind() && revoked(t, log[:i], l) {
						continue // people want it gone, whatever the time
					}
					if doesSomething(t, log[:i], l, 1) {
						t.Errorf("entry %d: %s does what time makes due, and nobody confirmed the time", l.Index, kind)
					}
				}
			})
		}
	})
	for _, k := range timed {
		if !effective[k] {
			t.Errorf("no script shows that %s does anything", k)
		}
	}
}

// timedIn gives the verb of an entry, if it is one that the scheduler proposes because of the time.
func timedIn(l *raft.Log) (command.Kind, bool) {
	var e command.Entry
	if err := codec.Decode(l.Data, &e); err != nil || len(e.Commands) != 1 || e.Commands[0].Actor.Kind != model.ActorSystem {
		return "", false
	}
	k := e.Commands[0].Kind
	return k, slices.Contains(timed, k)
}

// doesSomething tells whether an entry, thirty hours later than it was, changes rows besides those of time and answers. State time goes
// there in some steps; one is a jump that is to be confirmed.
func doesSomething(t *testing.T, before []*raft.Log, l *raft.Log, steps int) bool {
	t.Helper()
	m := fsmtest.Open(t)
	m.ApplyBatch(before)
	var e command.Entry
	if err := codec.Decode(l.Data, &e); err != nil {
		t.Fatal(err)
	}
	v := m.View()
	at := state.SystemRow(v).At
	v.Close()
	index := l.Index
	apply := func(c command.Envelope) {
		c.Made = at
		m.Apply(&raft.Log{Index: index, Term: 1, Type: raft.LogCommand, Data: codec.MustEncode(&command.Entry{At: at, Term: 1, Commands: []command.Envelope{c}})})
		index++
	}
	for i := range steps {
		at = at.Add(30 * time.Hour / time.Duration(steps))
		apply(command.Envelope{Kind: node.AdvanceClock.Kind(), Version: 1, ID: fsmtest.ID(1<<20 + i), Node: "n1", Actor: model.Actor{Kind: model.ActorSystem, Name: "clock"}, Payload: codec.MustEncode(&node.ClockArgs{To: at})})
	}
	was := rowsOf(fsmtest.Dump(m))
	apply(e.Commands[0])
	return was != rowsOf(fsmtest.Dump(m))
}

// revoked tells whether the dynamic user that an entry removes was revoked.
func revoked(t *testing.T, before []*raft.Log, l *raft.Log) bool {
	t.Helper()
	m := fsmtest.Open(t)
	m.ApplyBatch(before)
	var e command.Entry
	var a dynamic.RemoveArgs
	err := codec.Decode(l.Data, &e)
	if err == nil {
		err = codec.Decode(e.Commands[0].Payload, &a)
	}
	if err != nil {
		t.Fatal(err)
	}
	v := m.View()
	defer v.Close()
	u, ok := state.DynamicUsers.Get(v, string(a.User))
	return ok && state.Revoked(v, u) != ""
}

// rowsOf leaves out what every entry changes.
func rowsOf(dump string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(dump, "\n"), func(l string) bool {
		table, _, _ := strings.Cut(l, " ")
		return slices.Contains([]string{"hash", "system", "answered", "answer"}, table)
	}), "\n")
}
