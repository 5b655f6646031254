package clustertest

import (
	"context"
	"errors"
	"net"
	"time"

	"cofre/cluster"
	"cofre/cluster/raftnode"
	"cofre/cluster/rpc"
	"cofre/fsm"
	"cofre/fsm/command"
	"cofre/fsm/model"
)

// Restart starts a member on what its host kept.
func (c *Cluster) Restart(id model.NodeID) *Member {
	c.t.Helper()
	m, err := c.TryRestart(id)
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

// TryRestart is Restart of a member that may refuse to start.
func (c *Cluster) TryRestart(id model.NodeID) (*Member, error) {
	h := c.host(id)
	m := &Member{ID: id}
	log, err := m.openLog(h)
	if err != nil {
		return nil, err
	}
	registry, sm, err := c.machine(m, h)
	if err != nil {
		return nil, err
	}
	m.Recall = cluster.NewRecall(sm.Applied, m.hashReport)
	m.ctx, m.stop = context.WithCancel(context.Background())
	transport := c.Network.attach(id)
	dial := func(ctx context.Context, peer model.NodeID) (net.Conn, error) { return c.dial(ctx, id, peer) }
	m.Node, err = raftnode.Start(raftnode.Config{
		ID: id, Log: log, Records: h.files, SnapshotThreshold: c.options.Snapshots, TrailingLogs: c.options.Trailing, SnapshotInterval: time.Second,
		Before: func(began uint64) error { return c.before(m, dial, began) },
	}, sm, transport, c.options.Log)
	if err != nil {
		m.stop()
		if m.Replica != nil {
			err = errors.Join(err, m.Replica.Close())
		}
		return nil, errors.Join(err, m.log.Close())
	}
	m.Clock = c.clock(id, h)
	m.Client = rpc.NewClient(dial, m.Clock.Observe)
	low := func() bool { return c.options.DiskLow != nil && c.options.DiskLow(id) }
	m.Proposer = cluster.NewProposer(m.Node, m.Client, cluster.Admission{Registry: registry, Clock: m.Clock, DiskLow: low})
	m.Reader = cluster.NewReader(m.Node, m.Client, m.Proposer)
	own := func() cluster.Status {
		return cluster.Status{Progress: m.Node.Progress(), Sealed: c.options.Sealed != nil && c.options.Sealed(id), Unfit: m.Clock.Disagrees() || low()}
	}
	m.Gather = func(ctx context.Context) ([]cluster.MemberStatus, error) {
		return cluster.Gather(ctx, m.Node, m.Client, own)
	}
	m.server = &rpc.Server{Log: c.options.Log, Now: m.Clock.Now, Handlers: map[rpc.Method]rpc.Handler{
		rpc.Propose: m.Proposer.Handler(), rpc.ReadIndex: m.Reader.Handler(), rpc.Status: cluster.StatusHandler(own),
		rpc.Recall: m.Recall.Handler(),
	}}
	handover := &cluster.Handover{Node: m.Node, Clock: m.Clock, Log: c.options.Log, Low: low, Sealed: func() bool { return own().Sealed }, Gather: m.Gather}
	runs := []func(context.Context) error{m.Proposer.Run, m.Reader.Run, handover.Run, func(ctx context.Context) error {
		return m.Clock.Run(ctx, func(ctx context.Context, peer model.NodeID) {
			if c.options.Forgetful {
				_ = m.Client.Call(ctx, peer, rpc.Status, struct{}{}, nil)
				return
			}
			m.Recall.Tell(ctx, m.Client, peer)
		})
	}}
	if m.Replica != nil {
		runs = append(runs, (&cluster.StateTime{Node: m.Node, Proposer: m.Proposer, Clock: m.Clock, Now: m.Replica.time, Log: c.options.Log}).Run)
	}
	c.swap(h, m)
	for _, run := range runs {
		m.tasks.Go(func() { _ = run(m.ctx) })
	}
	return m, nil
}

// before asks the others what they remember of a member that starts.
func (c *Cluster) before(m *Member, dial rpc.Dial, began uint64) error {
	if c.options.Forgetful {
		return nil
	}
	client := rpc.NewClient(dial, nil)
	defer client.Close()
	return m.Recall.Before(m.ctx, client, c.others(m.ID), began)
}

func (c *Cluster) machine(m *Member, h *host) (*command.Registry, raftnode.StateMachine, error) {
	if !c.options.Real {
		m.Machine = Open(h.disk)
		return Registry(), m.Machine, nil
	}
	level, features := uint16(fsm.Level), fsm.Features
	if c.options.Binary != nil {
		level, features = c.options.Binary(m.ID)
	}
	registry, err := command.NewRegistry(level, features...)
	if err == nil {
		m.Replica, err = openReplica(h.stateFS(), registry)
	}
	return registry, m.Replica, err
}
