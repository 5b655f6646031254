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
