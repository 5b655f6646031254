package raftnode

import (
	"io"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/sirupsen/logrus"
)

// gate is a StableStore whose term of one number is stored only when it opens.
type gate struct {
	raft.StableStore
	term       uint64
	came, open chan struct{}
}

func (g *gate) SetUint64(key []byte, n uint64) error {
	if string(key) == currentTerm && n == g.term {
		close(g.came)
		<-g.open
	}
	return g.StableStore.SetUint64(key, n)
}

// idle is a state machine that nothing is applied to.
type idle struct{}

func (idle) Apply(*raft.Log) any                  { return nil }
func (idle) Snapshot() (raft.FSMSnapshot, error)  { return nil, io.EOF }
func (idle) Restore(snapshot io.ReadCloser) error { return snapshot.Close() }

// TestTheTermFalls: a node gets a heartbeat of term 5, whose term the disk takes slowly, and meanwhile a vote for term 6. With raft alone it
// has voted in term 6 and ends in term 5: the control, without which steady is not needed any more. With steady it ends in term 6.
func TestTheTermFalls(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		steady bool
		want   uint64
	}{"control: raft alone": {false, 5}, "steady": {true, 6}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := logrus.New()
			log.SetOutput(io.Discard)
			wire := func() *raft.NetworkTransport {
				w, err := raft.NewTCPTransportWithLogger("127.0.0.1:0", nil, 2, 10*time.Second, bridge(log))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = w.Close() })
				return w
			}
			own, other := wire(), wire()
			conf := raft.DefaultConfig()
			conf.LocalID, conf.Logger = "n1", bridge(log)
			conf.HeartbeatTimeout, conf.ElectionTimeout, conf.LeaderLeaseTimeout = time.Hour, time.Hour, time.Hour // it stays a follower
			store, snapshots := raft.NewInmemStore(), raft.NewInmemSnapshotStore()
			servers := []raft.Server{{ID: "n1", Address: own.LocalAddr()}, {ID: "n2", Address: other.LocalAddr()}, {ID: "n3", Address: "192.0.2.3:1"}}
			if err := raft.BootstrapCluster(conf, store, store, snapshots, own, raft.Configuration{Servers: servers}); err != nil {
				t.Fatal(err)
			}
			slow := &gate{StableStore: store, term: 5, came: make(chan struct{}), open: make(chan struct{})}
			var stable raft.StableStore = slow
			var transport raft.Transport = own
			var s *steady
			if c.steady {
				kept, err := newTerms(slow)
				if err != nil {
					t.Fatal(err)
				}
				s = newSteady(own, kept)
				stable, transport = kept, s
			}
			r, err := raft.NewRaft(conf, idle{}, store, stable, snapshots, transport)
			if err != nil {
				t.Fatal(err)
			}
			if s != nil {
				s.started(r)
			}
			t.Cleanup(func() { _ = r.Shutdown().Error() })
			answered := make(chan error, 2)
			go func() {
				h := raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte("n2"), Addr: other.EncodePeer("n2", other.LocalAddr())}
				answered <- other.AppendEntries("n1", own.LocalAddr(), &raft.AppendEntriesRequest{RPCHeader: h, Term: 5}, &raft.AppendEntriesResponse{})
			}()
			<-slow.came
			var vote raft.RequestVoteResponse
			go func() {
				h := raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte("n3"), Addr: other.EncodePeer("n3", "192.0.2.3:1")}
				answered <- other.RequestVote("n1", own.LocalAddr(), &raft.RequestVoteRequest{RPCHeader: h, Term: 6, LastLogIndex: 9, LastLogTerm: 4, LeadershipTransfer: true}, &vote)
			}()
			await := func() {
				if err := <-answered; err != nil {
					t.Fatal(err)
				}
			}
			if c.steady { // the vote waits behind the heartbeat
				close(slow.open)
				await()
			} else { // the loop is free: it votes
				await()
				close(slow.open)
			}
			await()
			stored, err := store.GetUint64([]byte(currentTerm))
			if err != nil || !vote.Granted || stored != c.want || r.CurrentTerm() != c.want {
				t.Errorf("it voted in term 6 (%v), has stored term %d (%v) and is in term %d; want %d", vote.Granted, stored, err, r.CurrentTerm(), c.want)
			}
		})
	}
}
