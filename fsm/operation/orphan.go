package operation

import (
	"fmt"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// search is a look at the accounts of a device for users of a profile that nobody owns. It has one attempt and changes
// nothing on the target; what it found was told by orphan.report before the attempt ends.
type search struct{ *model.OrphanSearch }

// Search orders a search, unless one of the same is open: then it gives that one. The n-th operation of a command derives
// its id from the command.
func Search(tx *table.Tx, m command.Meta, n int, p *model.DynamicProfile, d *model.Device, by model.AuthorizationID, trigger string) (o *model.Operation, created bool) {
	id := model.OrphanSearchID(p.ID, d.ID)
	s := Spec{Kind: model.SearchOrphans, Trigger: trigger, Requester: by, Dedup: "orphans/" + id}
	if open, ok := state.Operations.First(tx, "dedup", s.Dedup); ok {
		return open, false
	}
	o = &model.Operation{Target: model.TargetRef{Kind: model.TargetOrphans, ID: id}, Device: d.ID, Site: d.Site, Executor: p.Executor, Template: p.Remove, MaxAttempts: 1}
	add(tx, m, n, o, s)
	row, ok := state.OrphanSearches.Get(tx, id)
	if !ok {
		row = &model.OrphanSearch{Profile: p.ID, Device: d.ID}
	}
	row.Operation = o.ID
	(&search{row}).store(tx)
	return o, true
}

// Adopt orders the removal of an account that nobody owned, as a user whose creation is over and whose secret is unknown.
func Adopt(tx *table.Tx, m command.Meta, n int, u *model.DynamicUser, p *model.DynamicProfile) error {
	s := &user{DynamicUser: u, profile: p, policy: state.PolicyOf(tx, u.Account(p)), n: n}
	if err := s.removal(tx, m); err != nil {
		return err
	}
	s.store(tx)
	tx.Emit(audit.DynamicUnwanted.With("user", string(u.ID), "number", fmt.Sprint(u.Number), "reason", u.Unwanted))
	return nil
}

func (s *search) object() *authz.Object {
	return &authz.Object{}
}
func (s *search) busy() *model.OperationID   { return &s.Busy }
func (s *search) account() *model.Credential { return nil } // nobody logs in as the users that are looked for
func (s *search) impossible() error          { return nil }
func (s *search) means(o *model.Operation) (model.ExecutorName, model.TemplateID) {
	return o.Executor, o.Template
}
func (s *search) logins(*model.Operation) int { return 0 }

func (s *search) begin(command.Meta, *model.Operation, BeginArgs) (uint64, error) {
	return 0, model.Errorf(model.Conflict, "a search has nothing to begin")
}

func (s *search) report(_ *table.Tx, m command.Meta, o *model.Operation, a FinishArgs, _ model.Time) error {
	e := exhausted
	if a.Outcome == model.OutcomeApplied {
		e = verified
	}
	return move(o, e, m.At, m.Node, a.Class)
}

func (s *search) lost(command.Meta, *model.Operation) error             { return nil }
func (s *search) stopped(command.Meta, *model.Operation) error          { return nil }
func (s *search) ended(*table.Tx, command.Meta, *model.Operation) error { return nil }

func (s *search) store(tx *table.Tx) {
	s.Revision++
	state.OrphanSearches.Put(tx, s.OrphanSearch)
}
