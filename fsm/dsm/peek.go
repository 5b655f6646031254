package dsm

import (
	"fmt"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/table"
)

// Peek tells what Read would answer now, deciding as Read does and changing nothing. ok is false if Read would refuse, or
// would first have to make something: then only Read can answer.
func Peek(r table.Reader, actor model.Actor, at model.Time, a ReadArgs) (result ReadResult, ok bool) {
	p, err := command.Authorize(r, actor, at, authz.Action{Module: a.Module, Right: model.SecretRead}, nil)
	if err != nil || p == nil {
		return ReadResult{}, false
	}
	if a.ID == "" {
		if missing, _ := unshown(r, p.Application, p.Authorization); len(missing) > 0 {
			return ReadResult{}, false
		}
	}
	all, err := chosen(r, at, p.Authorization, a.ID)
	if err != nil {
		return ReadResult{}, false
	}
	result.Secrets = []ReadSecret{}
	for _, s := range all {
		one := ReadSecret{ID: s.ID, Version: s.Version}
		data := inForce(r, s)
		for _, pair := range data.Ephemerals() {
			live, _ := Newest(r, model.DynamicUse(s.ID, pair.EntryKey(), p.Authorization.ID, a.Pod), at)
			if live == nil {
				return ReadResult{}, false
			}
			one.Users = append(one.Users, ReadUser{pair.EntryKey(), live.ID})
		}
		for _, id := range data.References() {
			account, err := operation.Refer(r, at, p.Authorization.ID, s, id)
			if err != nil {
				return ReadResult{}, false
			}
			one.Accounts = append(one.Accounts, ReadAccount{id, account.Version})
		}
		result.Secrets = append(result.Secrets, one)
	}
	return result, true
}

// UnchangedCount says how often one authorization asked, from one address, for what it had already.
type UnchangedCount struct {
	Authorization model.AuthorizationID `cbor:"authorization"`
	Source        string                `cbor:"source"`
	Count         uint64                `cbor:"count"`
}

// UnchangedArgs are what one node answered so within a minute.
type UnchangedArgs struct {
	Counts []UnchangedCount `cbor:"counts"`
}

// Done is the result of verbs that have nothing to tell.
type Done struct{}

// CountUnchanged audits in aggregate the conditional reads that disclosed nothing, because nothing had changed (RULES 9).
var CountUnchanged = command.Define("dsm.unchanged", 1, func(tx *table.Tx, m command.Meta, a UnchangedArgs) (Done, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{System: true}, nil); err != nil {
		return Done{}, err
	}
	for _, c := range a.Counts {
		tx.Emit(audit.DSMUnchanged.With("authorization", string(c.Authorization), "count", fmt.Sprint(c.Count), "source", c.Source))
	}
	return Done{}, nil
})
