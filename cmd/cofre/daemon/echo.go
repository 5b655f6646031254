package daemon

import (
	"context"
	"path/filepath"
	"time"

	"cofre/cluster/gossip"
	"cofre/cluster/siem"
	"cofre/fsm"
	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/table"
	"cofre/fsm/trail"
)

// echo sends this node's audit events to its syslog and the configured receivers.
func (m *member) echo(ctx context.Context) error {
	f, err := siem.New(m.config.Audit, siem.Options{
		Node: m.id(), Version: m.version, Trail: trailReader{m.fsm}, Adopted: m.adopted, Ack: m.acknowledge, Refuse: m.isClusterAddress,
		Dir: filepath.Join(m.config.DataDir, "audit"), Log: m.part("siem"),
	})
	if err != nil {
		return err
	}
	m.echoes.Store(f)
	return f.Run(ctx)
}

type trailReader struct{ *fsm.FSM }

// Events reads the trail of this replica.
func (t trailReader) Events(after uint64, limit int) ([]audit.Event, error) {
	v := t.View()
	defer v.Close()
	var out []audit.Event
	for e := range table.Audit.All(v, table.NumberKey(after+1)) {
		if out = append(out, *e); len(out) == limit {
			break
		}
	}
	return out, nil
}

// Last is the newest event of this replica.
func (t trailReader) Last() uint64 {
	v := t.View()
	defer v.Close()
	return table.TrailHead(v).Seq
}

func (m *member) acknowledge(ctx context.Context, origin model.NodeID, seq uint64) error {
	args := trail.AckArgs{Seq: seq}
	if origin != m.id() {
		args.Node = origin
	}
	_, err := command.Propose(ctx, m.proposer, trail.Ack, nodeActor, args)
	return err
}

// adoptAfter is how long a member is dead to gossip before the leader sends its events.
const adoptAfter = 30 * time.Second

// adopted lists whose events the leader sends besides its own: those of removed nodes and of nodes that have been dead for
// a while, from the position that was acknowledged for them last. What they sent after that arrives twice, with the same sequence
// numbers.
func (m *member) adopted() []siem.Adoption {
	if now, _ := m.node.Leadership(); !now.Leading {
		return nil
	}
	health := m.health()
	var list []siem.Adoption
	for _, n := range m.rows() {
		switch {
		case n.ID == m.id():
		case n.State == model.NodeRemoved, m.deadFor(n.ID, health[n.ID]) >= adoptAfter:
			list = append(list, siem.Adoption{Node: n.ID, From: n.AuditAck})
		}
	}
	return list
}

// deadFor tells for how long gossip has called a node dead.
func (m *member) deadFor(id model.NodeID, h gossip.Health) time.Duration {
	m.deaths.Lock()
	defer m.deaths.Unlock()
	if h != gossip.Dead {
		delete(m.deaths.since, id)
		return 0
	}
	if m.deaths.since[id].IsZero() {
		m.deaths.since[id] = time.Now()
	}
	return time.Since(m.deaths.since[id])
}
