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
		Overwritten: m.node.Overwritten(), Began: m.node.Began(), Reported: func() uint64 {
			v := m.fsm.View()
			defer v.Close()
			if h, ok := state.Hashes.Get(v, string(m.id())); ok {
				return h.Index
			}
			return 0
		},
		Mark: m.mark,
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
