package membership_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofre/cluster"
	"cofre/cluster/membership"
	"cofre/cluster/peer"
	"cofre/cluster/raftnode"
	"cofre/fsm/model"
)

func TestNext(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	row := func(id model.NodeID, s model.NodeState) model.Node {
		return model.Node{ID: id, State: s, Peer: string(id) + ":1"}
	}
	voter := func(id model.NodeID) cluster.MemberStatus {
		return cluster.MemberStatus{Member: raftnode.Member{ID: id, Address: string(id) + ":1", Voter: true}, Status: &cluster.Status{}}
	}
	learner := func(id model.NodeID) cluster.MemberStatus { m := voter(id); m.Voter = false; return m }
	long, short := now.Add(-3*time.Second), now.Add(-time.Second)
	for name, c := range map[string]struct {
		rows    []model.Node
		members []cluster.MemberStatus
		since   time.Time
		want    membership.Change
		need    bool
	}{
		"agree":                {[]model.Node{row("a", model.NodeApproved)}, []cluster.MemberStatus{voter("a")}, long, membership.Change{}, false},
		"joined":               {[]model.Node{row("b", model.NodeJoined)}, []cluster.MemberStatus{voter("a")}, long, membership.Change{Do: membership.AddNonvoter, Node: "b", Peer: "b:1"}, true},
		"not approved":         {[]model.Node{row("b", model.NodeJoined)}, []cluster.MemberStatus{voter("a"), learner("b")}, long, membership.Change{}, false},
		"approved":             {[]model.Node{row("b", model.NodeApproved)}, []cluster.MemberStatus{voter("a"), learner("b")}, long, membership.Change{Do: membership.Promote, Node: "b", Peer: "b:1"}, true},
		"not stable yet":       {[]model.Node{row("b", model.NodeApproved)}, []cluster.MemberStatus{voter("a"), learner("b")}, short, membership.Change{}, false},
		"not caught up":        {[]model.Node{row("b", model.NodeApproved)}, []cluster.MemberStatus{voter("a"), learner("b")}, time.Time{}, membership.Change{}, false},
		"removed":              {[]model.Node{row("b", model.NodeRemoved)}, []cluster.MemberStatus{voter("a"), voter("b")}, long, membership.Change{Do: membership.Remove, Node: "b"}, true},
		"removed and gone":     {[]model.Node{row("b", model.NodeRemoved)}, []cluster.MemberStatus{voter("a")}, long, membership.Change{}, false},
		"the leader itself":    {[]model.Node{row("a", model.NodeRemoved)}, []cluster.MemberStatus{voter("a"), voter("b")}, long, membership.Change{Do: membership.Remove, Node: "a"}, true},
		"unknown to table":     {nil, []cluster.MemberStatus{voter("a"), voter("z")}, long, membership.Change{}, false},
		"moved":                {[]model.Node{{ID: "b", State: model.NodeApproved, Peer: "new:1"}}, []cluster.MemberStatus{voter("a"), voter("b")}, long, membership.Change{Do: membership.Move, Node: "b", Peer: "new:1"}, true},
		"announced no address": {[]model.Node{{ID: "b", State: model.NodeJoined}}, []cluster.MemberStatus{voter("a")}, long, membership.Change{}, false},
	} {
		since := map[model.NodeID]time.Time{}
		if !c.since.IsZero() {
			since["b"] = c.since
		}
		got, need := membership.Next(c.rows, c.members, since, now)
		if diff := cmp.Diff(c.want, got); diff != "" || need != c.need {
			t.Errorf("%s: %v %s", name, need, diff)
		}
	}
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	self := peer.NewHolder(&peer.Identity{Contacts: []peer.Contact{{Node: "a", Peer: "a:1", PublicKey: []byte("ka")}, {Node: "b", Peer: "b:1", PublicKey: []byte("kb")}}})
	rows := map[model.NodeID]model.Node{
		"b": {ID: "b", State: model.NodeRemoved, Peer: "b:2", PublicKey: []byte("kb")},
		"c": {ID: "c", State: model.NodeJoined, Peer: "c:1", PublicKey: []byte("kc")},
	}
	inRaft := true
	d := &membership.Directory{Self: self, Row: func(id model.NodeID) (model.Node, bool) { n, ok := rows[id]; return n, ok },
		InRaft: func(id model.NodeID) bool { return inRaft }}
	for id, want := range map[model.NodeID]bool{"a": true, "b": false, "c": true, "z": false} {
		if _, ok := d.Pinned(id); ok != want {
			t.Errorf("%s is pinned: %v", id, ok)
		}
	}
	if _, ok := d.PinnedRaft("b"); !ok {
		t.Error("a node may not help to remove itself from raft")
	}
	inRaft = false
	if _, ok := d.PinnedRaft("b"); ok {
		t.Error("a node that left raft may still speak raft")
	}
	if d.Peer("a") != "a:1" || d.Peer("c") != "c:1" || d.Peer("z") != "" || d.Peer("b") != "" {
		t.Error("addresses")
	}
	told := membership.Contacts([]model.Node{rows["b"], rows["c"]})
	if diff := cmp.Diff([]peer.Contact{{Node: "c", Peer: "c:1", PublicKey: []byte("kc")}}, told); diff != "" {
		t.Errorf("a newcomer is told of who was removed: %s", diff)
	}
}
