package fsm_test

import (
	"crypto/rand"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"cofre/fsm"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/credential"
	"cofre/fsm/fsmtest"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// BenchmarkApply is what one replica pays for a command of the hot paths, alone in its log entry and coalesced with 15
// others: the whole of ApplyBatch, encoded entry in, results out. cpu-us/command is the time of the processor, which other
// jobs on the machine hardly move.
func BenchmarkApply(b *testing.B) {
	for _, n := range []int{1, 16} {
		b.Run(fmt.Sprintf("create-%d", n), func(b *testing.B) {
			l := newLoad(b)
			defer l.spent(n)()
			for i := 0; b.Loop(); i++ {
				l.apply(n, func(k int) command.Envelope { return l.create(fmt.Sprintf("new-%d-%d", i, k)) })
			}
		})
		b.Run(fmt.Sprintf("checkout-%d", n), func(b *testing.B) {
			l := newLoad(b)
			defer l.spent(n)()
			for i := 0; b.Loop(); i++ {
				l.apply(n, func(k int) command.Envelope {
					return l.envelope(credential.Checkout.Kind(), codec.MustEncode(&credential.CheckoutArgs{Credential: l.known[(i*n+k)%len(l.known)]}))
				})
			}
		})
	}
}

// BenchmarkView is what a request pays for its own reading beside a busy log: a view, a row that stands in memory, one that does not
// exist, with 16 requests to each entry of 16 commands, whose price BenchmarkApply tells.
func BenchmarkView(b *testing.B) {
	l := newLoad(b)
	defer l.spent(16)()
	for i := 0; b.Loop(); i++ {
		l.apply(16, func(k int) command.Envelope { return l.create(fmt.Sprintf("new-%d-%d", i, k)) })
		for k := range 16 {
			v := l.m.View()
			if !state.Credentials.Has(v, string(l.known[k])) || state.Credentials.Has(v, fmt.Sprintf("none-%d-%d", i, k)) {
				b.Fatal("a credential is missing, or there without having been made")
			}
			v.Close()
		}
	}
}

// load is a machine with a client, a device and credentials, and the log in front of it.
type load struct {
	b     *testing.B
	m     *fsm.FSM
	index uint64
	at    model.Time
	actor model.Actor
	dev   model.DeviceID
	known []model.CredentialID
}

func newLoad(b *testing.B) *load {
	b.StopTimer()
	defer b.StartTimer()
	_, log := fsmtest.Log(b, "testdata/device.txt")
	m, err := fsm.Open(b.TempDir(), mustRegistry(b, fsm.Level), table.Options{Logger: quiet{}}) // with the daemon's cache
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = m.Close() })
	for _, e := range log {
		m.Apply(e)
	}
	l := &load{b: b, m: m, index: log[len(log)-1].Index,
		actor: model.Actor{Kind: model.ActorClient, Authorization: "admin", Epoch: 1}}
	v := m.View()
	defer v.Close()
	l.at = state.SystemRow(v).At
	for d := range state.Devices.All(v, "") {
		if d.Enabled {
			l.dev = d.ID
		}
	}
	for i := range 500 {
		r := l.apply(1, func(int) command.Envelope { return l.create(fmt.Sprintf("known-%d", i)) })
		var put credential.PutResult
		if r[0].Err != nil {
			b.Fatal(r[0].Err)
		}
		if err := codec.Decode(r[0].Body, &put); err != nil {
			b.Fatal(err)
		}
		l.known = append(l.known, put.Credential.ID)
	}
	return l
}

// spent reports the processor's time for each of n commands of an iteration.
func (l *load) spent(n int) func() {
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			l.b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	return func() {
		l.b.ReportMetric(float64((used()-before).Microseconds())/float64(l.b.N*n), "cpu-us/command")
	}
}

func (l *load) create(name string) command.Envelope {
	a := credential.PutArgs{Identifier: name, Device: l.dev, Username: &name, Tags: &[]string{"bench"},
		Secret: &credential.NewSecret{Row: name, Secret: model.Sealed{Term: 1, Box: make([]byte, 1040)}}}
	return l.envelope(credential.Put.Kind(), codec.MustEncode(&a))
}

func (l *load) envelope(k command.Kind, payload codec.Raw) command.Envelope {
	e := command.Envelope{Kind: k, Version: 1, Made: l.at, Actor: l.actor, Node: "n1", Payload: payload}
	_, _ = rand.Read(e.ID[:])
	return e
}

// apply applies one entry of n commands, a millisecond after the last one.
func (l *load) apply(n int, make func(int) command.Envelope) []command.Result {
	e := command.Entry{At: l.at, Term: 1}
	for k := range n {
		e.Commands = append(e.Commands, make(k))
	}
	l.index++
	l.at += 1
	res := l.m.Apply(&raft.Log{Index: l.index, Term: 1, Type: raft.LogCommand, Data: codec.MustEncode(&e)}).([]command.Result)
	for _, r := range res {
		if r.Err != nil {
			l.b.Fatal(r.Err)
		}
	}
	return res
}
