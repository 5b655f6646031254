package fsm_test

import (
	"strings"
	"testing"
	"time"

	"cofre/fsm/command"
	"cofre/fsm/fsmtest"
	"cofre/fsm/model"
	"cofre/fsm/node"
	"cofre/fsm/state"
)

// TestSlotsOfMembers: work is given to slots, so whoever cannot do any has none, whatever its binary says of itself: a newcomer without
// keys, a node whose vault is closed, and one that is gone.
func TestSlotsOfMembers(t *testing.T) {
	t.Parallel()
	m, _ := fsmtest.Log(t, "testdata/device.txt")
	operator, system := model.Actor{Kind: model.ActorOperator, Name: "test"}, model.Actor{Kind: model.ActorSystem, Name: "node"}
	key, token, boasts := []byte("a key"), strings.Repeat("0", 64), model.Announcement{Slots: 4, Version: "test", Level: 1}
	as := func(id model.NodeID) command.Proposer {
		p := fsmtest.NewProposer(m, id)
		p.Now = func() model.Time { return fsmtest.Start.Add(time.Minute) }
		return p
	}
	row := func(when string, sealed bool, slots int) {
		t.Helper()
		v := m.View()
		defer v.Close()
		if n, ok := state.Nodes.Get(v, "n2"); !ok || n.Announced.Sealed != sealed || n.Announced.Slots != slots {
			t.Errorf("%s: sealed %t, %d slots", when, n.Announced.Sealed, n.Announced.Slots)
		}
	}
	propose(t, as("n1"), node.CreateToken, operator, node.TokenArgs{ID: token, Name: "n2", NodeKey: model.Fingerprint(key), TTL: 900_000})
	propose(t, as("n1"), node.Join, system, node.JoinArgs{Token: token, ID: "n2", PublicKey: key, HPKE: key, Announced: boasts})
	row("a newcomer", true, 0)
	propose(t, as("n2"), node.Announce, system, node.AnnounceArgs{Announced: boasts})
	row("an open node", false, 4)
	closed := boasts
	closed.Sealed = true
	propose(t, as("n2"), node.Announce, system, node.AnnounceArgs{Announced: closed})
	row("a closed node", true, 0)
	propose(t, as("n2"), node.Announce, system, node.AnnounceArgs{Announced: boasts})
	propose(t, as("n2"), node.Seal, system, node.SealArgs{Sealed: true})
	row("a node that was sealed", true, 0)
	propose(t, as("n2"), node.Announce, system, node.AnnounceArgs{Announced: boasts})
	propose(t, as("n1"), node.Remove, operator, node.MemberArgs{ID: "n2"})
	row("a node that was removed", false, 0)
}

func propose[A, R any](t *testing.T, p command.Proposer, d command.Def[A, R], actor model.Actor, args A) {
	t.Helper()
	if _, err := command.Propose(t.Context(), p, d, actor, args); err != nil {
		t.Fatal(err)
	}
}
