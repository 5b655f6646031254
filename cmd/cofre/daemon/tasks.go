package daemon

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"cofre/cluster"
	"cofre/cmd/cofre/config"
	"cofre/executors"
	"cofre/executors/all"
	"cofre/executors/browser"
	"cofre/executors/runner"
	"cofre/fsm"
	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/node"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/fsm/template"
	"cofre/fsm/trail"
	"cofre/scheduler/lead"
	"cofre/vault/access"
	"cofre/vault/seal/keyfile"
	"cofre/vault/seal/systemdcred"
)

var nodeActor = model.Actor{Kind: model.ActorSystem, Name: "node"}

// announcement is what a sealed newcomer says of itself.
func announcement(c config.Config, version string) model.Announcement {
	a := model.Announcement{Sites: c.Sites, Version: version, Level: fsm.Level, Sealed: true}
	for _, e := range all.List() {
		if e.Name() != browser.Name || c.Browser != "" {
			a.Executors = append(a.Executors, e.Name())
		}
	}
	return a
}

// announcement is what this node says of itself now.
func (m *member) announcement() model.Announcement {
	a := announcement(m.config, m.version)
	if a.Sealed = m.keys.Sealed(); !a.Sealed {
		a.Slots = m.config.Slots
	}
	return a
}

func (m *member) announce(ctx context.Context) {
	_, err := command.Propose(ctx, m.proposer, node.Announce, nodeActor, node.AnnounceArgs{
		Announced: m.announcement(), Peer: m.config.Peer.Advertise, API: "https://" + m.config.API.Advertise, Gossip: m.config.Gossip.Advertise,
	})
	if err != nil && ctx.Err() == nil {
		m.part("node").WithError(err).Debug("announce this node")
	}
}

// announceOften keeps this node's row current: it proposes when the row differs from what the node is.
func (m *member) announceOften(ctx context.Context) error {
	told := false
	for {
		if m.removed() && !told {
			told = true
			m.part("cluster").Warn(removedText(m.config.DataDir))
		}
		if n, ok := m.row(m.id()); ok && n.State != model.NodeRemoved {
			a := m.announcement()
			if fmt.Sprint(n.Announced) != fmt.Sprint(a) || n.Peer != m.config.Peer.Advertise || n.API != "https://"+m.config.API.Advertise {
				m.announce(ctx)
			}
		}
		if err := pause(ctx, 2*time.Second); err != nil {
			return err
		}
	}
}

// lead is what the leader does during one term: the catalogue is brought up to this binary's, then the scheduler runs.
func (m *member) lead(ctx context.Context, term uint64) {
	for m.node.Barrier(ctx) != nil {
		if pause(ctx, 100*time.Millisecond) != nil {
			return
		}
	}
	p := m.proposer.TermBound(term)
	log := m.log.WithField("part", "scheduler").WithField("term", term)
	if err := m.seed(ctx, p); err != nil && ctx.Err() == nil {
		log.WithError(err).Warn("bring the template catalogue up to date")
	}
	_ = lead.Run(ctx, lead.Config{Proposer: p, View: m.fsm.View, Changed: m.watches.due, Alive: m.able, Log: log, Felt: m.proposer.Felt})
}

func (m *member) seed(ctx context.Context, p command.Proposer) error {
	v := m.fsm.View()
	var args template.SeedArgs
	for _, c := range all.Catalogue() {
		t, ok := state.Templates.First(v, "name", state.TemplateKey(c.Executor, c.Name))
		if !ok || (t.BuiltIn && t.Versions[len(t.Versions)-1].Content != c.Content) {
			args.Templates = append(args.Templates, template.PutArgs{Name: c.Name, Executor: c.Executor, Kind: c.Kind, Content: c.Content})
		}
	}
	v.Close()
	if len(args.Templates) == 0 {
		return nil
	}
	_, err := command.Propose(ctx, p, template.Seed, nodeActor, args)
	return err
}

// runner makes this node's slots.
func (m *member) runner() *runner.Runner {
	return runner.New(runner.Config{
		Node: m.id(), Proposer: m.proposer, View: m.fsm.View, Changed: m.watches.slots, Keys: m.keys, Place: access.Place,
		Executors: m.executor,
		Refuse:    m.isClusterAddress, Ended: m.attempts.ended, Lost: m.attempts.lost.Inc, Log: m.log.WithField("part", "runner"),
	})
}

// executor finds one by name. The browser is this node's own, if it has one.
func (m *member) executor(n model.ExecutorName) (executors.Executor, bool) {
	if socket := m.config.Browser; n == browser.Name && socket != "" {
		return browser.New(func(ctx context.Context) (io.ReadWriteCloser, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}), true
	}
	e := all.Find(n)
	return e, e != nil
}

func (m *member) isClusterAddress(addr string) bool {
	for _, n := range m.rows() {
		for _, a := range []string{n.Peer, n.Gossip} {
			if hostOf(a) == addr {
				return true
			}
		}
	}
	return false
}

// checkpoints signs the trail while this node leads and is open: at least every 10 s when there is something new, and
// every 1000 events.
func (m *member) checkpoints(ctx context.Context, _ uint64) {
	last := time.Now()
	for {
		changed := m.fsm.Changed()
		v := m.fsm.View()
		head, signed := trailHead(v)
		v.Close()
		if fresh := head.Seq - signed; fresh > 0 && (fresh >= 1000 || time.Since(last) >= 10*time.Second) && !m.keys.Sealed() {
			if err := m.checkpoint(ctx, head); err != nil && ctx.Err() == nil {
				m.part("audit").WithError(err).Debug("sign a checkpoint")
			}
			last = time.Now()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
		if pause(ctx, 500*time.Millisecond) != nil {
			return
		}
	}
}

// trailHead finds the end of the trail, and how far it is signed; checkpoints themselves do not count.
func trailHead(v *table.View) (head audit.Head, signed uint64) {
	head = table.TrailHead(v)
	if e, ok := table.Audit.Get(v, table.NumberKey(head.Seq)); ok && e.Kind == audit.AuditCheckpoint.Kind {
		return head, head.Seq // nothing after the newest checkpoint
	}
	for e := range table.Audit.Reverse(v, "kind", audit.AuditCheckpoint.Kind, audit.AuditCheckpoint.Kind+"\x01") {
		return head, e.Seq
	}
	return head, 0
}

func (m *member) checkpoint(ctx context.Context, head audit.Head) error {
	id, sig, err := m.named.Sign(access.KeyAudit, audit.Checkpoint{Cluster: m.self.Get().Cluster, Seq: head.Seq, Hash: head.Hash}.Message())
	if err != nil {
		return err
	}
	_, err = command.Propose(ctx, m.proposer, trail.Checkpoint, nodeActor, trail.CheckpointArgs{Seq: head.Seq, Hash: head.Hash, Key: id, Signature: sig})
	return err
}

// watchDisk keeps the flag that stops proposals before the disk is full.
func (m *member) watchDisk(ctx context.Context) error {
	for {
		if low := diskLow(m.config.DataDir); low != m.low.Swap(low) {
			if text := m.part("disk"); low {
				text.Warnf("the disk of %s is nearly full: this node hands leadership over and proposes nothing as a leader; make room, more than 1 GiB and 5 %%: without any it stops", m.config.DataDir)
			} else {
				text.Infof("the disk of %s has room again", m.config.DataDir)
			}
		}
		if err := pause(ctx, 2*time.Second); err != nil {
			return err
		}
	}
}

func (m *member) clockTurned(disagrees bool, offset time.Duration) {
	m.part("clock").WithField("offset", offset.String()).WithField("disagrees", disagrees).Warn("the clock of this node against the majority's")
}

func (m *member) status() cluster.Status {
	s := cluster.Status{Progress: m.node.Progress(), Sealed: m.keys.Sealed(), Unfit: m.low.Load() || m.clock.Disagrees() || m.unsound.Load(), Fresh: m.reader.Fresh(), Version: m.version, Level: fsm.Level}
	if m.low.Load() {
		s.Notes = append(s.Notes, "the disk of its data directory is nearly full: make room, more than 1 GiB and 5 %; without any this node stops")
	}
	if m.unsound.Load() {
		s.Notes = append(s.Notes, "the rows of its state are not those of the hash that was kept: "+replaceAdvice(m.config))
	}
	if m.clock.Disagrees() {
		s.Notes = append(s.Notes, "the clock disagrees with the majority")
	}
	if m.config.Seal == keyfile.Name || m.config.Seal == systemdcred.Name {
		s.Notes = append(s.Notes, m.config.Seal+" seal: "+sealNote(m.config))
	}
	if note := m.certificateNote(); note != "" {
		s.Notes = append(s.Notes, note)
	}
	return s
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
