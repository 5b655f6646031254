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

// A run of a chain goes on when the last operation of its phase ends: first the checks, if its script asks for them, then the
// changes, then what restores those that were changed. Each is an operation like any other, with attempts of its own.

// phases begin the ids of a run's operations behind those that the same command may create otherwise.
const phases = 1 << 16

// MayJoin decides whether the actor may let a credential be a member of a run: who runs it, and refers to it, because all
// members get the same password (RULES 8).
func MayJoin(tx table.Reader, m command.Meta, id model.CredentialID) error {
	c, err := command.MayReference(tx, m.Actor, m.At, id, "script")
	if err != nil {
		return err
	}
	_, err = command.Authorize(tx, m.Actor, m.At, run, authz.ObjectOf(c))
	return err
}

// Joinable tells why a run cannot begin with a credential; nil if it can.
func Joinable(r table.Reader, c *model.Credential) error {
	err := Changeable(c)
	switch {
	case err != nil:
		return model.Errorf(model.Conflict, "credential %d: %s", c.Number, text(err))
	case c.Key != nil:
		return model.Errorf(model.Invalid, "credential %d is an SSH key: a chain changes passwords", c.Number).WithField("script")
	case c.ByRole(model.RoleCurrent) == nil:
		return model.Errorf(model.Conflict, "credential %d holds no secret yet: there would be nothing to restore", c.Number)
	}
	for o := range state.Operations.By(r, "open", string(c.ID)) {
		if o.Kind != model.Verify && o.Kind != model.Preflight && o.Kind != model.SecretAutomation {
			return model.Errorf(model.Conflict, "operation %d on credential %d is %s: wait for it, or cancel it", o.Number, c.Number, o.State)
		}
	}
	return nil
}

func text(err error) string {
	if e, ok := err.(*model.Error); ok { //nolint:errorlint // reducers make it themselves
		return e.Msg
	}
	return err.Error()
}

// StartRun stores a run and begins its first phase.
func StartRun(tx *table.Tx, m command.Meta, r *model.ChainRun, check bool) error {
	r.State = model.ChainChanging
	if check {
		r.State = model.ChainChecking
	}
	tx.Emit(audit.ChainStarted.With("run", string(r.ID), "number", fmt.Sprint(r.Number), "chain", string(r.Chain), "members", fmt.Sprint(len(r.Members)), "trigger", r.Trigger))
	return begin(tx, m, r)
}

// begin orders the operations of the state that a run has come to, and stores it. A member that has another password by now
// than the run gave it is not restored.
func begin(tx *table.Tx, m command.Meta, r *model.ChainRun) error {
	n := 0
	for i := range r.Members {
		member := &r.Members[i]
		if r.State == model.ChainRollingBack && member.Result != model.MemberChanged {
			continue
		}
		c, ok := state.Credentials.Get(tx, string(member.Credential))
		if !ok {
			return model.Errorf(model.Internal, "a member of the run is gone")
		}
		if r.State == model.ChainRollingBack && !holds(tx, c, member) {
			member.Result = model.MemberNotRestored
			continue
		}
		n++
		d, ok := state.Devices.Get(tx, string(c.Device))
		if !ok {
			return model.Errorf(model.Invalid, "the credential's device does not exist").WithCode(1011)
		}
		p := state.Tries(tx, c)
		o := &model.Operation{Target: model.TargetRef{Kind: model.TargetCredential, ID: string(c.ID)}, Device: d.ID, Site: d.Site,
			Executor: member.Executor, Template: member.Template, MaxAttempts: p.Attempts, Run: r.ID}
		s := Spec{Kind: model.PasswordChange, Trigger: "chain", Requester: r.Requester, Dedup: fmt.Sprintf("%s/%s/%s", r.State, r.ID, c.ID)}
		switch r.State {
		case model.ChainChecking:
			s.Kind, o.MaxAttempts = model.Preflight, 1
			add(tx, m, phases+i, o, s)
			member.Check = o.ID
		case model.ChainChanging:
			add(tx, m, phases+i, o, s)
			member.Change = o.ID
		default:
			s.Trigger, s.Source = "rollback", member.Before
			add(tx, m, phases+i, o, s)
			member.Restore = o.ID
		}
	}
	if n == 0 { // all were changed again meanwhile
		r.State = model.ChainBroken
		return over(tx, m, r)
	}
	r.Revision++
	state.ChainRuns.Put(tx, r)
	return nil
}

// holds tells whether a credential still has the password that the run gave it.
func holds(tx *table.Tx, c *model.Credential, member *model.RunMember) bool {
	o, ok := state.Operations.Get(tx, string(member.Change))
	v := c.ByRole(model.RoleCurrent)
	return ok && v != nil && v.N == o.Candidate
}

// advance moves the run of an operation that ended.
func advance(tx *table.Tx, m command.Meta, o *model.Operation) error {
	if o.Run == "" {
		return nil
	}
	r, ok := state.ChainRuns.Get(tx, string(o.Run))
	if !ok || r.State.Final() {
		return nil
	}
	open, failed := look(tx, r)
	changed := 0
	for i := range r.Members {
		if r.Members[i].Result == model.MemberChanged {
			changed++
		}
	}
	switch {
	case open > 0:
		r.Revision++
		state.ChainRuns.Put(tx, r)
		return nil
	case r.State == model.ChainChecking && failed == 0:
		r.State = model.ChainChanging
		return begin(tx, m, r)
	case r.State == model.ChainChanging && failed > 0 && r.Rollback && changed > 0:
		r.State, r.Row, r.Secret = model.ChainRollingBack, "", model.Sealed{}
		return begin(tx, m, r)
	case r.State == model.ChainChecking:
		r.State = model.ChainAborted
	case r.State == model.ChainRollingBack && !whole(r):
		r.State = model.ChainBroken
	case r.State == model.ChainRollingBack, failed > 0 && r.Rollback && whole(r):
		r.State = model.ChainRolledBack
	case failed > 0 && r.Rollback:
		r.State = model.ChainBroken
	case failed > 0:
		r.State = model.ChainFailed
	default:
		r.State = model.ChainSucceeded
	}
	return over(tx, m, r)
}

// look takes what the operations of a run's phase came to, and counts those that are open and those that failed.
func look(tx *table.Tx, r *model.ChainRun) (open, failed int) {
	for i := range r.Members {
		member := &r.Members[i]
		id := member.Phase(r.State)
		if id == "" {
			continue // was not changed: nothing to restore
		}
		o, ok := state.Operations.Get(tx, string(id))
		if ok && !o.State.Final() {
			open++
			continue
		}
		good, bad := model.MemberReached, model.MemberUnreachable
		switch r.State {
		case model.ChainChanging:
			good, bad = model.MemberChanged, model.MemberUnchanged
		case model.ChainRollingBack:
			good, bad = model.MemberRestored, model.MemberNotRestored
		}
		switch {
		case ok && o.State == model.OpSucceeded:
			member.Result = good
			continue
		case ok && o.State == model.OpOutOfSync && r.State == model.ChainChanging:
			bad = model.MemberUnknown
		}
		member.Result = bad
		failed++
	}
	return open, failed
}

// whole tells whether every member has the password that it had before.
func whole(r *model.ChainRun) bool {
	for i := range r.Members {
		if got := r.Members[i].Result; got != model.MemberRestored && got != model.MemberUnchanged {
			return false
		}
	}
	return true
}

// over ends a run, and frees its chain.
func over(tx *table.Tx, m command.Meta, r *model.ChainRun) error {
	r.Row, r.Secret, r.EndedAt = "", model.Sealed{}, m.At
	r.Revision++
	state.ChainRuns.Put(tx, r)
	kind := audit.ChainEnded
	if r.State == model.ChainBroken {
		kind = audit.ChainBroken
	}
	tx.Emit(kind.With("run", string(r.ID), "number", fmt.Sprint(r.Number), "chain", string(r.Chain), "state", string(r.State), "members", fmt.Sprint(len(r.Members))))
	if c, ok := state.Chains.Get(tx, string(r.Chain)); ok && c.Run == r.ID {
		c.Run = ""
		c.Started = c.Started || r.State == model.ChainSucceeded && r.Requester != ""
		c.Plan()
		c.Revision++
		state.Chains.Put(tx, c)
	}
	return nil
}

// ShareArgs offer the common password of a run, in the name of one of its operations.
type ShareArgs struct {
	Operation model.OperationID `cbor:"operation"`
	Token     model.Pos         `cbor:"token"`
	Row       string            `cbor:"row"` // id that the ciphertext is bound to
	Secret    model.Sealed      `cbor:"secret"`
}

// ShareResult is the common password that all members get: the first one that was offered.
type ShareResult struct {
	Fenced bool         `cbor:"fenced,omitempty"`
	Row    string       `cbor:"row,omitempty"`
	Secret model.Sealed `cbor:"secret"`
}

// Share commits the common password of a run, before anything is sent to the target of any member. The first offer holds.
var Share = command.Define("operation.share", 1, func(tx *table.Tx, m command.Meta, a ShareArgs) (ShareResult, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return ShareResult{}, err
	}
	o, ok := leased(tx, m, a.Operation, a.Token, "share")
	if !ok {
		return ShareResult{Fenced: true}, nil
	}
	r, ok := state.ChainRuns.Get(tx, string(o.Run))
	if !ok || r.State != model.ChainChanging {
		return ShareResult{}, model.Errorf(model.Conflict, "the operation is none of a run that changes")
	}
	if r.Row == "" {
		if a.Row == "" || a.Secret.IsZero() {
			return ShareResult{}, model.Errorf(model.Invalid, "share without a password")
		}
		if err := state.CheckTerm(tx, a.Secret); err != nil {
			return ShareResult{}, err
		}
		r.Row, r.Secret = a.Row, a.Secret
		r.Revision++
		state.ChainRuns.Put(tx, r)
	}
	return ShareResult{Row: r.Row, Secret: r.Secret}, nil
})
