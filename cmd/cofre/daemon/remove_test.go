package daemon

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"cofre/cluster"
	"cofre/cluster/peer"
	"cofre/cluster/raftnode"
	"cofre/fsm/model"
)

// TestExpelled: a node that was off when it was removed finds out from the others, of whom one that takes it is enough to the contrary.
func TestExpelled(t *testing.T) {
	t.Parallel()
	member := func(id model.NodeID, err error) cluster.MemberStatus {
		s := cluster.MemberStatus{Member: raftnode.Member{ID: id}, Err: err}
		if err == nil {
			s.Status = &cluster.Status{}
		}
		return s
	}
	refused := fmt.Errorf("status: %w: %q", peer.ErrRefused, fmt.Errorf("%w: n3", peer.ErrNotMember).Error())
	silent := errors.New("connection refused")
	for name, c := range map[string]struct {
		others []cluster.MemberStatus
		want   bool
	}{
		"all refuse it":             {[]cluster.MemberStatus{member("n1", refused), member("n2", refused)}, true},
		"one refuses, one is off":   {[]cluster.MemberStatus{member("n1", silent), member("n2", refused)}, true},
		"one refuses, one takes it": {[]cluster.MemberStatus{member("n1", nil), member("n2", refused)}, false},
		"all are off":               {[]cluster.MemberStatus{member("n1", silent), member("n2", silent)}, false},
		"it is alone":               {nil, false},
	} {
		if got := expelled("n3", append(c.others, member("n3", nil))); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if text := removedText("/data"); !strings.Contains(text, "empty /data") || !strings.Contains(text, "new name") {
		t.Errorf("it does not say what to do: %s", text)
	}
}

// TestOnlyVoter stays while others wait for their vote.
func TestOnlyVoter(t *testing.T) {
	t.Parallel()
	voter, waits := raftnode.Member{ID: "n1", Voter: true}, raftnode.Member{ID: "n2"}
	for name, c := range map[string]struct {
		members []raftnode.Member
		id      model.NodeID
		refused bool
	}{
		"another one waits":      {[]raftnode.Member{voter, waits}, "n1", true},
		"the one that waits":     {[]raftnode.Member{voter, waits}, "n2", false},
		"another one has a vote": {[]raftnode.Member{voter, waits, {ID: "n3", Voter: true}}, "n1", false},
		"it is alone":            {[]raftnode.Member{voter}, "n1", false},
		"nobody knows it":        {[]raftnode.Member{voter, waits}, "n9", false},
	} {
		if err := votesBesides(c.members, c.id); (err != nil) != c.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWhoMayGo: a voter stays while the cluster would stop without it; and when it has stopped already, nobody is told to take out others
// first, which cannot be done.
func TestWhoMayGo(t *testing.T) {
	t.Parallel()
	member := func(id model.NodeID, voter, answers bool) cluster.MemberStatus {
		s := cluster.MemberStatus{Member: raftnode.Member{ID: id, Voter: voter}}
		if answers {
			s.Status = &cluster.Status{}
		}
		return s
	}
	const stops, stopped = "without n3 the cluster stops: of the 2 voters that remain n2 cannot", "1 of 3 voters answer. A member is taken out by a majority"
	for name, c := range map[string]struct {
		second, third bool // answer
		id            model.NodeID
		want          string
	}{
		"all answer":                  {true, true, "n3", ""},
		"what is off":                 {false, true, "n2", ""},
		"one is off, and another one": {false, true, "n3", stops},
		"too many are off":            {false, false, "n3", stopped},
		"nobody can take another out": {false, false, "n4", stopped},
		"who has no vote":             {false, true, "n4", ""},
	} {
		err := mayGo([]cluster.MemberStatus{member("n1", true, true), member("n2", true, c.second), member("n3", true, c.third), member("n4", false, true)}, c.id)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
