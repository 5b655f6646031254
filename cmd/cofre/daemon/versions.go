package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"cofre/cluster"
	"cofre/cluster/rpc"
	"cofre/fsm/model"
	"cofre/fsm/node"
	"cofre/fsm/state"
	"cofre/vault/disk"
)

// quarantineFile says why the node must not start again.
const quarantineFile = "quarantine"

// divergence stops this node when a majority has another state (RULES 4).
func (m *member) divergence() *cluster.Divergence {
	return &cluster.Divergence{
		Node: m.id(), Proposer: m.proposer, Changed: m.fsm.Changed,
		Last: func() (uint64, []byte) { h := m.fsm.LastHash(); return h.Index, h.Hash[:] },
		Compare: func(index uint64) (node.HashResult, bool) {
			v := m.fsm.View()
			defer v.Close()
			return node.CompareHashes(v, index)
		},
		Overwritten: m.node.Overwritten(), PutBack: m.recall.PutBack(), Began: m.node.Began(),
		Reported: func() uint64 { return m.hashReport(m.id()) },
		Mark:     m.mark,
	}
}

// hashReport is the index of a member's newest hash report in the local replica; 0: none.
func (m *member) hashReport(id model.NodeID) uint64 {
	v := m.fsm.View()
	defer v.Close()
	if h, ok := state.Hashes.Get(v, string(id)); ok {
		return h.Index
	}
	return 0
}

// askBefore asks the other members, before this node votes, whether it once had more than its log holds (an older copy).
func (m *member) askBefore(ctx context.Context, dial rpc.Dial) func(began uint64) error {
	return func(began uint64) error {
		var others []model.NodeID
		for _, n := range m.rows() {
			if n.State != model.NodeRemoved && n.ID != m.id() {
				others = append(others, n.ID)
			}
		}
		client := rpc.NewClient(dial, nil) // the clocks are compared when there is a configuration to tell whose
		defer client.Close()
		err := m.recall.Before(ctx, client, others, began)
		if errors.Is(err, cluster.ErrPutBack) {
			err = fmt.Errorf("%w: %s", err, replaceAdvice(m.config))
			err = errors.Join(err, m.mark(err.Error()))
		}
		return err
	}
}

// mark keeps this node from starting again.
func (m *member) mark(reason string) error {
	if err := disk.WriteFile(filepath.Join(m.config.DataDir, quarantineFile), []byte(reason+"\n")); err != nil {
		return fmt.Errorf("mark the node as quarantined: %w", err)
	}
	return nil
}

// checkQuarantine refuses to start a node that quarantined itself.
func (d *Daemon) checkQuarantine() error {
	b, err := os.ReadFile(filepath.Join(d.config.DataDir, quarantineFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look whether the node is quarantined: %w", err)
	}
	return fmt.Errorf("this node is quarantined: %s", strings.TrimSpace(string(b)))
}

// raiseLevel activates what every member's binary knows, while this node leads.
func (m *member) raiseLevel(ctx context.Context, term uint64) {
	l := &cluster.Level{Every: 2 * time.Second, Members: func() (levels []uint16, active uint16) {
		v := m.fsm.View()
		defer v.Close()
		for n := range state.Nodes.All(v, "") {
			if n.State != model.NodeRemoved {
				levels = append(levels, n.Announced.Level)
			}
		}
		return levels, state.SystemRow(v).Level
	}}
	l.Raise(ctx, m.proposer.TermBound(term))
}
