package cluster

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"

	"cofre/cluster/raftnode"
	"cofre/fsm/model"
)

// Handover gives leadership away when this node cannot do a leader's work: it is sealed, its clock disagrees, or its
// disk is nearly full. Where nobody is better, it keeps leading: a sealed leader still replicates.
type Handover struct {
	Node   *raftnode.Node
	Sealed func() bool
	Clock  *Clock
	Low    func() bool // disk
	Rotten func() bool // rows that are not those of the state's hash
	Gather func(context.Context) ([]MemberStatus, error)
	Log    logrus.FieldLogger
}

const handoverEvery = time.Second

// Run watches during every term that this node leads.
func (h *Handover) Run(ctx context.Context) error {
	h.Node.EachTerm(ctx, h.watch)
	return nil
}

func (h *Handover) watch(ctx context.Context, _ uint64) {
	for {
		if why, need := h.reason(); need {
			h.give(ctx, why)
		}
		select {
		case <-time.After(handoverEvery):
		case <-ctx.Done():
			return
		}
	}
}

// Leave hands over because this node stops, if it leads and another one can.
func (h *Handover) Leave(ctx context.Context) {
	if now, _ := h.Node.Leadership(); now.Leading {
		h.give(ctx, "this node stops")
	}
}

func (h *Handover) reason() (string, bool) {
	switch {
	case h.Low != nil && h.Low():
		return "the disk is nearly full", true
	case h.Rotten != nil && h.Rotten():
		return "the rows of the state are not those of its hash", true
	case h.Clock != nil && h.Clock.Disagrees():
		return "the clock disagrees with the majority", true
	case h.Sealed != nil && h.Sealed():
		return "the vault is sealed here", true
	}
	return "", false
}

func (h *Handover) give(ctx context.Context, why string) {
	members, err := h.Gather(ctx)
	if err != nil {
		return // raft is shutting down
	}
	to, ok := Successor(h.Node.ID(), members)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, statusTime)
	defer cancel()
	log := h.Log.WithFields(logrus.Fields{"to": string(to), "reason": why})
	if err := h.Node.TransferLeader(ctx, to); err != nil {
		log.WithError(err).Warn("leadership could not be handed over")
		return
	}
	log.Info("leadership was handed over")
}

// Successor chooses the most caught-up voter that answers, is unsealed and fit; false if there is none.
func Successor(self model.NodeID, members []MemberStatus) (model.NodeID, bool) {
	var best *MemberStatus
	for i, m := range members {
		if m.ID == self || !m.Voter || m.Status == nil || m.Status.Sealed || m.Status.Unfit {
			continue
		}
		if best == nil || m.Status.Progress.LastIndex > best.Status.Progress.LastIndex {
			best = &members[i]
		}
	}
	if best == nil {
		return "", false
	}
	return best.ID, true
}
