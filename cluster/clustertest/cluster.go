package clustertest

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/sirupsen/logrus"

	"cofre/cluster"
	"cofre/cluster/raftnode"
	"cofre/cluster/rpc"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/table"
	"cofre/vault/disk"
)

// Options shape a cluster.
type Options struct {
	Snapshots, Trailing uint64 // thresholds; 0: the defaults
	Log                 logrus.FieldLogger
	Sealed              func(model.NodeID) bool
	DiskLow             func(model.NodeID) bool // nearly full
	Real                bool                    // run package fsm instead of Machine
	Seed                uint64
	// Binary gives what the binary of a member knows; nil: what this one does.
	Binary func(model.NodeID) (level uint16, features []command.Feature)
	Blind  bool // nobody compares clocks: the control of what the comparison is for
	// Forgetful members do not remember for each other how far each was: what else notices an older copy shows.
	Forgetful bool
}

// Cluster is several members on one network.
type Cluster struct {
	t       testing.TB
	Network *Network
	options Options
	hosts   map[model.NodeID]*host
	ids     []model.NodeID

	mu  sync.Mutex // guards hosts, the member of each, and rng
	rng *rand.Rand
}

// host is what survives the crash of a member, and the member that runs on it, if any.
type host struct {
	disk   *Disk
	state  *vfs.MemFS // of a real replica: what is not synced is lost, in part, when the power goes
	files  *Files
	log    *vfs.MemFS // raft's log: what is confirmed survives the power, torn where it was not
	cipher raftnode.RecordCipher
	member *Member
	ahead  atomic.Int64 // of the true time; see SetClock
	cuts   *cuts        // see PowerCuts; nil: nobody asks
}

// Member is one running node.
type Member struct {
	ID       model.NodeID
	Machine  *Machine // nil when the replica is real
	Replica  *Replica // nil when it is not
	Node     *raftnode.Node
	Client   *rpc.Client
	Proposer *cluster.Proposer
	Reader   *cluster.Reader
	Clock    *cluster.Clock
	Recall   *cluster.Recall
	Gather   func(context.Context) ([]cluster.MemberStatus, error)

	log    *powered
	server *rpc.Server
	ctx    context.Context
	stop   context.CancelFunc
	tasks  sync.WaitGroup
}

// Quiet is a logger that writes nothing.
func Quiet() *logrus.Logger {
	l := logrus.New()
	l.SetOutput(io.Discard)
	return l
}

// Start founds a cluster: the first id bootstraps, the others join as voters.
func Start(t testing.TB, o Options, ids ...model.NodeID) *Cluster {
	t.Helper()
	if o.Log == nil {
		o.Log = Quiet()
	}
	c := &Cluster{t: t, Network: NewNetwork(), options: o, hosts: map[model.NodeID]*host{}, ids: ids, rng: rand.New(rand.NewPCG(o.Seed, 7))}
	for _, id := range ids {
		c.Add(id)
	}
	first := c.Member(ids[0])
	if err := first.Node.Bootstrap(string(ids[0])); err != nil {
		t.Fatal(err)
	}
	c.Leader()
	for _, id := range ids[1:] {
		if err := first.Node.Promote(c.Context(10*time.Second), id, string(id)); err != nil {
			t.Fatal(err)
		}
	}
	c.Await("everybody knows everybody", func() bool {
		for _, m := range c.Members() {
			members, err := m.Node.Members()
			if err != nil || len(members) != len(ids) || m.Node.Leader() == "" {
				return false
			}
		}
		return true
	})
	return c
}

// Context ends after d or with the test.
func (c *Cluster) Context(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	c.t.Cleanup(cancel)
	return ctx
}

// Add installs a new, empty host and starts it.
func (c *Cluster) Add(id model.NodeID) *Member {
	c.t.Helper()
	cipher, err := disk.NewRecordCipher(disk.GenerateKey(), "log")
	if err != nil {
		c.t.Fatal(err)
	}
	h := &host{state: vfs.NewCrashableMem(), disk: NewDisk(), files: NewFiles(), log: vfs.NewCrashableMem(), cipher: cipher}
	c.mu.Lock()
	c.hosts[id] = h
	c.mu.Unlock()
	return c.Restart(id)
}

// Member finds a running member.
func (c *Cluster) Member(id model.NodeID) *Member {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := c.hosts[id]; h != nil {
		return h.member
	}
	return nil
}

func (c *Cluster) host(id model.NodeID) *host {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hosts[id]
}

// swap puts another member, or none, on a host.
func (c *Cluster) swap(h *host, m *Member) (was *Member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	was, h.member = h.member, m
	return was
}

// Members lists the running members.
func (c *Cluster) Members() (out []*Member) {
	for _, id := range c.ids {
		if m := c.Member(id); m != nil {
			out = append(out, m)
		}
	}
	return out
}

func (c *Cluster) others(id model.NodeID) (out []model.NodeID) {
	for _, o := range c.ids {
		if o != id {
			out = append(out, o)
		}
	}
	return out
}

func (c *Cluster) dial(_ context.Context, from, to model.NodeID) (net.Conn, error) {
	if c.Network.isCut(from, to) || c.Network.isCut(to, from) {
		return nil, ErrCut
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[to]
	if h == nil || h.member == nil {
		return nil, ErrCut
	}
	m := h.member
	a, b := net.Pipe()
	m.tasks.Go(func() { m.server.Serve(m.ctx, &line{Conn: b, net: c.Network, from: to, to: from}, from) })
	return &line{Conn: a, net: c.Network, from: from, to: to}, nil
}

// Go runs something of the member until it ends.
func (m *Member) Go(run func()) { m.tasks.Go(run) }

// Context ends with the member.
func (m *Member) Context() context.Context { return m.ctx }

// Opens tells whether a binary opens the state of a member that is not running.
func (c *Cluster) Opens(id model.NodeID, level uint16, features []command.Feature) error {
	registry, err := command.NewRegistry(level, features...)
	if err != nil {
		return err
	}
	r, err := openReplica(c.host(id).state, registry)
	if err != nil {
		return err
	}
	return r.Close()
}

// Stop ends a member in order: what it applied is flushed.
func (c *Cluster) Stop(id model.NodeID) {
	m := c.end(c.host(id))
	if m.Replica != nil {
		c.check(m.Replica.Close())
	}
}

// Crash ends a member as a power cut does: rows and log entries that were not synced are lost, in part.
func (c *Cluster) Crash(id model.NodeID) {
	h := c.host(id)
	m := h.member
	if m.Replica == nil {
		m.Machine.Kill()
	} else {
		m.Replica.dead.Store(true)
	}
	c.Network.detach(id) // first: what raft does until it notices reaches nobody
	c.mu.Lock()
	cut := vfs.CrashCloneCfg{UnsyncedDataPercent: c.rng.IntN(101), RNG: c.rng}
	state := h.state.CrashClone(cut) // before the log: that is never behind the rows
	log := m.log.cut(func() *vfs.MemFS { return h.log.CrashClone(cut) })
	c.mu.Unlock()
	c.end(h)
	if m.Replica != nil {
		c.check(m.Replica.Close())
	}
	h.state, h.log = state, log
}

// Keep copies what the host of a stopped member holds; the result puts it back.
func (c *Cluster) Keep(id model.NodeID) (putBack func()) {
	all := vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))}
	h := c.host(id)
	state, log, files := h.state.CrashClone(all), h.log.CrashClone(all), h.files.clone()
	return func() { h.state, h.log, h.files = state, log, files }
}

func (c *Cluster) check(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *Cluster) end(h *host) *Member {
	m := c.swap(h, nil)
	c.Network.detach(m.ID)
	m.stop()
	m.Client.Close()
	// Raft never answers a command that it was handed in the moment of its shutdown, and who waits for it would wait for
	// ever. So the tasks end first, as in the daemon; a leader that is cut off answers when its lease is over.
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.tasks.Wait()
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
	}
	_ = m.Node.Shutdown() // a killed machine cannot flush
	<-done
	c.check(m.log.Close())
	return m
}

// Close ends every member.
func (c *Cluster) Close() {
	for _, m := range c.Members() {
		c.Stop(m.ID)
	}
}

// Write proposes one command.
func Write(ctx context.Context, p command.Proposer, key, value string) (command.Result, error) {
	return p.Propose(ctx, SetCommand(key, value))
}

// SetCommand is one command.
func SetCommand(key, value string) command.Envelope {
	return command.Envelope{Kind: SetKind, Version: 1, Payload: codec.MustEncode(Set{key, value})}
}

// Registry knows the one command.
func Registry() *command.Registry {
	d := command.Define(SetKind, 1, func(*table.Tx, command.Meta, Set) (string, error) { return "", nil })
	r, err := command.NewRegistry(1, command.Feature{Name: "register", Commands: []command.Erased{d}})
	if err != nil {
		panic(err)
	}
	return r
}
