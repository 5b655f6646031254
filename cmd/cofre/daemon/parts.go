package daemon

import (
	"context"
	"net"
	"time"

	"cofre/cluster"
	"cofre/cluster/membership"
	"cofre/cluster/peer"
	"cofre/cluster/rpc"
	"cofre/fsm/model"
)

// base lists what the others need of a member, and it of them: a node that stops on request runs it until it took its leave. An error
// of a part ends the process.
func (m *member) base() []func(context.Context) error {
	return []func(context.Context) error{
		m.servePeers, m.proposer.Run, m.reader.Run,
		func(ctx context.Context) error { return m.clock.Run(ctx, m.probe) },
	}
}

// parts lists everything else that a member runs, each until its context ends.
func (m *member) parts() []func(context.Context) error {
	handover := m.handover()
	reconciler := &membership.Reconciler{Node: m.node, Rows: m.rows, Gather: m.gather, Log: m.part("cluster")}
	stateTime := &cluster.StateTime{Node: m.node, Proposer: m.proposer, Clock: m.clock, Now: m.stateTime, Log: m.part("clock")}
	renewer := &peer.Renewer{Holder: m.self, Issue: m.renewOwn, Save: m.save, Log: m.part("peer")}
	return []func(context.Context) error{
		m.serveAPI, m.serveMetrics, m.rumour, m.followDiskRing, m.writeNotes, m.echo,
		handover.Run, reconciler.Run, stateTime.Run, renewer.Run,
		m.opener.run, m.opener.fetch, m.announceOften, m.rememberMembers, m.watchDisk, m.scrub, m.divergence().Run,
		func(ctx context.Context) error { m.node.EachTerm(ctx, m.lead); return nil },
		func(ctx context.Context) error { m.node.EachTerm(ctx, m.checkpoints); return nil },
		func(ctx context.Context) error { m.node.EachTerm(ctx, m.raiseLevel); return nil },
		func(ctx context.Context) error { m.node.EachTerm(ctx, m.prune); return nil },
		m.runner().Run,
		func(ctx context.Context) error { m.node.EachTerm(ctx, m.reencrypt); return nil },
	}
}

func (m *member) gather(ctx context.Context) ([]cluster.MemberStatus, error) {
	return cluster.Gather(ctx, m.node, m.client, m.status)
}

func (m *member) handover() *cluster.Handover {
	return &cluster.Handover{Node: m.node, Sealed: m.keys.Sealed, Clock: m.clock, Low: m.low.Load, Rotten: m.unsound.Load, Gather: m.gather, Log: m.part("cluster")}
}

func (m *member) probe(ctx context.Context, id model.NodeID) {
	m.recall.Tell(ctx, m.client, id) // the clock comes with every answer
}

// servePeers answers raft, the members' questions, and newcomers, on one port.
func (m *member) servePeers(ctx context.Context) error {
	members := &rpc.Server{Log: m.part("rpc"), Handlers: map[rpc.Method]rpc.Handler{
		rpc.Propose: m.proposer.Handler(), rpc.ReadIndex: m.reader.Handler(), rpc.Status: cluster.StatusHandler(m.status),
		rpc.Recall: m.recall.Handler(), rpc.Unwrap: membership.UnwrapHandler(m.deliver),
	}}
	strangers := &rpc.Server{Log: m.part("join"), Handlers: map[rpc.Method]rpc.Handler{rpc.Join: m.admitter().Handler()}}
	l := &peer.Listener{Self: m.self.Get, Pinned: m.directory.Pinned, Raft: m.directory.PinnedRaft, Log: m.part("peer"), Handlers: map[string]peer.Handler{
		peer.ProtoRaft: m.streams.Serve,
		peer.ProtoRPC:  members.Serve,
		peer.ProtoJoin: func(ctx context.Context, c net.Conn, _ model.NodeID) {
			ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
			defer cancel()
			strangers.Serve(ctx, c, "")
		},
	}}
	return l.Serve(ctx, m.listens.peer)
}
