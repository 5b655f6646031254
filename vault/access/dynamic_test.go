package access

import (
	"context"
	"testing"
	"time"

	"cofre/fsm/command"
	"cofre/fsm/dynamic"
	"cofre/fsm/fsmtest"
	"cofre/fsm/model"
	"cofre/fsm/state"
)

// A dynamic user that the caller may not see costs as much as one that is not there: both are looked for once more after
// catching up, which takes as long as the leader is far. What the caller may see is found at once.
func TestHiddenLease(t *testing.T) {
	t.Parallel()
	_, log := fsmtest.Log(t, "../../fsm/testdata/expired.txt")
	machine := fsmtest.Open(t)
	for _, l := range log {
		machine.Apply(l)
	}
	v := machine.View()
	at := state.SystemRow(v).At
	var shop, profile string
	for a := range state.Authorizations.All(v, "") {
		if a.Name == "prod" {
			shop = string(a.ID)
		}
	}
	for p := range state.Profiles.All(v, "") {
		profile = string(p.ID)
	}
	var d *model.Device
	for d = range state.Devices.All(v, "") {
		break
	}
	v.Close()
	p := fsmtest.NewProposer(machine, "n1")
	p.Now = func() model.Time { return at }
	admin := model.Actor{Kind: model.ActorClient, Authorization: "admin", Epoch: 1}
	theirs, err := command.Propose(t.Context(), p, dynamic.Request, admin, dynamic.RequestArgs{Profile: model.ProfileID(profile), Device: d.ID})
	if err != nil {
		t.Fatal(err)
	}
	rounds := 0
	s := &Service{views: machine, fresh: func(context.Context) error { rounds++; return nil }}
	own := model.Actor{Kind: model.ActorClient, Authorization: model.AuthorizationID(shop), Epoch: 1}
	early := at.Add(-100 * time.Second) // before the date of the authorization
	for _, c := range []struct {
		by     model.Actor
		at     model.Time
		name   string
		found  bool
		rounds int
	}{
		{admin, at, string(theirs.User), true, 0},
		{admin, at, "999", false, 1},
		{own, early, string(theirs.User), false, 1},
		{own, early, "999", false, 1},
		{own, early, "1", true, 0},
	} {
		rounds = 0
		_, err := s.Lease(t.Context(), c.by, c.at, c.name)
		if (err == nil) != c.found || !c.found && err.Error() != errNoLease.Error() || rounds != c.rounds {
			t.Errorf("%s asks for %s: %v after %d rounds", c.by.Authorization, c.name, err, rounds)
		}
	}
}
