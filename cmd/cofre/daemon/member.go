package daemon

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"cofre/cluster"
	"cofre/cluster/gossip"
	"cofre/cluster/membership"
	"cofre/cluster/peer"
	"cofre/cluster/raftlog"
	"cofre/cluster/raftnode"
	"cofre/cluster/rpc"
	"cofre/cluster/siem"
	"cofre/cmd/cofre/config"
	"cofre/fsm"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/fsm/table/cryptfs"
	"cofre/scheduler/ops"
	"cofre/vault/access"
	"cofre/vault/disk"
	"cofre/vault/keyring"
)

// member is this node as a part of its cluster.
type member struct {
	config  config.Config
	version string
	log     *logrus.Logger
	diskKey disk.Key
	self    *peer.Holder
	save    func(*peer.Identity) error

	fsm       *fsm.FSM
	watches   watches
	logs      *raftnode.Log
	node      *raftnode.Node
	directory *membership.Directory
	client    *rpc.Client
	streams   *peer.Streams
	clock     *cluster.Clock
	recall    *cluster.Recall
	proposer  *cluster.Proposer
	reader    *cluster.Reader

	keys     *keyring.Holder
	named    *access.NamedKeys
	access   *access.Service
	ops      *ops.Service
	opener   *opener
	notes    *notes
	echoes   atomic.Pointer[siem.Forwarder]
	deaths   deaths
	attempts attempts
	rescuing sync.Mutex // held while a rescue is written
	gossip   atomic.Pointer[gossip.Gossip]
	low      atomic.Bool // the disk is nearly full
	unsound  atomic.Bool // rows are not those of the state's hash
	founded  atomic.Bool // there is a keyring: this is a cluster
	listens  listeners
}

// deaths remembers since when gossip calls members dead.
type deaths struct {
	sync.Mutex // guards since
	since      map[model.NodeID]time.Time
}

type listeners struct{ peer, api net.Listener }

// newMember opens what is on disk and builds everything that runs; nothing is started yet.
func (d *Daemon) newMember(id *peer.Identity, key disk.Key) (_ *member, err error) {
	m := &member{config: d.config, version: d.version, log: d.log, diskKey: key, self: peer.NewHolder(id), keys: keyring.NewHolder(), notes: newNotes(), attempts: newAttempts(), deaths: deaths{since: map[model.NodeID]time.Time{}},
		save: func(id *peer.Identity) error { return d.saveIdentity(id, key) }}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.close())
		}
	}()
	registry, err := verbs()
	if err != nil {
		return m, err
	}
	if err := m.lostLog(); err != nil {
		return m, err
	}
	if err := os.RemoveAll(rescueDir(d.config.DataDir)); err != nil { // of a process that was killed
		return m, fmt.Errorf("remove a copy of the state: %w", err)
	}
	if err := m.openStores(id.Node, registry); err != nil {
		return m, err
	}
	if err := m.willRun(); err != nil {
		return m, err
	}
	m.watches = watchesOf(m.fsm)
	records, err := raftnode.Folder(filepath.Join(d.config.DataDir, "raft", "snapshots"))
	if err != nil {
		return m, err
	}
	var started atomic.Pointer[raftnode.Node] // raft's own streams ask it before Start returns
	m.directory = &membership.Directory{Self: m.self, Row: m.row, InRaft: func(id model.NodeID) bool { n := started.Load(); return n != nil && n.Has(id) }}
	dialer := &peer.Dialer{Self: m.self.Get, Pinned: m.directory.Pinned, Log: m.part("peer")}
	m.clock = cluster.NewClock(m.voters, m.clockTurned)
	m.recall = cluster.NewRecall(m.fsm.Applied, m.hashReport)
	dial := func(ctx context.Context, to model.NodeID) (net.Conn, error) {
		address := m.directory.Peer(to)
		if address == "" {
			return nil, model.Errorf(model.Unavailable, "the address of node %s is not known", to)
		}
		return dialer.To(ctx, peer.ProtoRPC, to, address)
	}
	m.client = rpc.NewClient(dial, m.clock.Observe)
	address := raftnode.PeerAddress(id.Node, d.config.Peer.Advertise)
	m.streams = peer.NewStreams(d.leave.last, &peer.Dialer{Self: m.self.Get, Pinned: m.directory.PinnedRaft, Log: m.part("peer")}, address)
	m.node, err = raftnode.Start(raftnode.Config{ID: id.Node, Log: m.logs, Records: records, Scale: d.config.Timing, Before: m.askBefore(d.ctx, dial)},
		machine{m.fsm}, raftnode.NewTransport(m.streams, m.part("raft")), m.part("raft"))
	if err != nil {
		return m, err
	}
	started.Store(m.node)
	m.proposer = cluster.NewProposer(m.node, m.client, cluster.Admission{Registry: registry, Clock: m.clock, DiskLow: m.low.Load})
	m.reader = cluster.NewReader(m.node, m.client, m.proposer)
	m.named = access.NewNamedKeys(m.fsm, m.keys)
	m.access = access.New(m.proposer, m.fsm, m.keys, m.named, m.fresh, checkTemplate)
	m.ops = ops.New(m.proposer, m.fsm, m.fresh, m.alive)
	m.opener = newOpener(m)
	return m, nil
}

// openStores opens the state and the log of raft side by side, since each replays what its last process had not yet
// written to its tables and a start waits for both. What is opened when the other fails is left for close.
func (m *member) openStores(id model.NodeID, registry *command.Registry) error {
	stateDir, logDir, advice := filepath.Join(m.config.DataDir, "state"), filepath.Join(m.config.DataDir, "raft", "log"), replaceAdvice(m.config)
	stateLog, logLog := newPebbleLog(m.log, "state", stateDir, advice), newPebbleLog(m.log, "log", logDir, advice)
	cipher, err := disk.NewRecordCipher(m.diskKey, "raft-log")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(logDir), 0o700); err != nil {
		return fmt.Errorf("create the log's directory: %w", err)
	}
	var g errgroup.Group
	g.Go(func() (err error) {
		m.fsm, err = fsm.Open(stateDir, registry, table.Options{
			FS: cryptfs.OnDisk(m.diskKey, diskFull, stateLog.failed), Logger: stateLog, Failed: stateLog.failed, Stagger: rand.Float64(), //nolint:gosec // nobody gains by guessing it
			Reindexing: func() {
				m.log.Info("this version finds things by other indexes than the one that ran here before: they are built anew, which may take a minute")
			},
		})
		return err
	})
	g.Go(func() (err error) {
		m.logs, err = raftnode.OpenLog(logDir, id, cipher, raftlog.Options{Full: diskFull, Logger: logLog, Failed: logLog.failed})
		return err
	})
	return g.Wait()
}

// start binds the listeners and runs everything in the group. What the others need of this node runs on until it took its leave.
func (m *member) start(ctx context.Context, g *errgroup.Group, leave leaving) error {
	var lc net.ListenConfig
	var err error
	if m.listens.peer, err = lc.Listen(ctx, "tcp", m.config.Peer.Listen); err != nil {
		return fmt.Errorf("listen for members: %w", err)
	}
	if m.listens.api, err = lc.Listen(ctx, "tcp", m.config.API.Listen); err != nil {
		return errors.Join(fmt.Errorf("listen for applications: %w", err), m.listens.peer.Close())
	}
	var work sync.WaitGroup
	run := func(ctx context.Context, part func(context.Context) error) func() error {
		return func() error {
			err := part(ctx)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}
	}
	for _, p := range m.base() {
		g.Go(run(leave.last, p))
	}
	for _, p := range m.parts() {
		work.Add(1)
		g.Go(func() error { defer work.Done(); return run(ctx, p)() })
	}
	g.Go(func() error {
		<-ctx.Done()
		asked := leave.asked() // and not because something failed
		work.Wait()
		defer leave.end()
		if asked {
			m.takeLeave(leave.last)
		}
		return ctx.Err()
	})
	return nil
}

// close ends in the order that keeps the log and the state in step: raft first, then the state, flushed.
func (m *member) close() error {
	var errs []error
	if m.node != nil {
		errs = append(errs, m.node.Shutdown())
	}
	if m.client != nil {
		m.client.Close()
	}
	m.rescuing.Lock() // a rescue reads both stores: its request has ended, and it with that
	defer m.rescuing.Unlock()
	if m.fsm != nil {
		errs = append(errs, m.fsm.Close())
	}
	if m.logs != nil {
		errs = append(errs, m.logs.Close())
	}
	m.keys.Seal()
	m.diskKey.Wipe()
	return errors.Join(errs...)
}

func (m *member) part(name string) logrus.FieldLogger { return m.log.WithField("part", name) }

func (m *member) id() model.NodeID { return m.self.Get().Node }

func (m *member) fresh(ctx context.Context) error { _, err := m.reader.ReadIndex(ctx); return err }

func (m *member) row(id model.NodeID) (model.Node, bool) {
	v := m.fsm.View()
	defer v.Close()
	n, ok := state.Nodes.Get(v, string(id))
	if !ok {
		return model.Node{}, false
	}
	return *n, true
}

func (m *member) rows() []model.Node {
	v := m.fsm.View()
	defer v.Close()
	var rows []model.Node
	for n := range state.Nodes.All(v, "") {
		rows = append(rows, *n)
	}
	return rows
}

func (m *member) ring() (model.Keyring, bool) {
	v := m.fsm.View()
	defer v.Close()
	k, ok := state.Keyring.Get(v, state.SystemKey)
	if !ok {
		return model.Keyring{}, false
	}
	return *k, true
}

func (m *member) stateTime() model.Time {
	v := m.fsm.View()
	defer v.Close()
	return state.SystemRow(v).At
}

func (m *member) voters() []model.NodeID {
	members, err := m.node.Members()
	if err != nil {
		return nil
	}
	var ids []model.NodeID
	for _, o := range members {
		if o.Voter && o.ID != m.node.ID() {
			ids = append(ids, o.ID)
		}
	}
	return ids
}
