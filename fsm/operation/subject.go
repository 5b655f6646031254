package operation

import (
	"fmt"
	"slices"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// subject is what an operation works on: a noun with what operations do to it. The verbs of this package move the
// operation; a subject says what that means for the noun. Nothing is stored before store.
type subject interface {
	object() *authz.Object
	busy() *model.OperationID
	// account is the credential whose own failing logins count; nil for an account that nobody minds being locked.
	account() *model.Credential
	// impossible tells why no new attempt may begin; nil if it may. Settling is always possible.
	impossible() error
	// means is what an attempt works by: the executor and the template that the noun names now, so that who corrects it reaches
	// the operations that wait.
	means(o *model.Operation) (model.ExecutorName, model.TemplateID)
	// logins is how many logins as the account itself an attempt may fail.
	logins(o *model.Operation) int
	// begin takes what has to be committed before the target is touched, and gives the version number of the secret.
	begin(m command.Meta, o *model.Operation, a BeginArgs) (uint64, error)
	// report takes what an attempt came to: it moves the operation. clear is when the lease and its grace end.
	report(tx *table.Tx, m command.Meta, o *model.Operation, a FinishArgs, clear model.Time) error
	// lost takes the end of a lease without a report; it may move the operation further.
	lost(m command.Meta, o *model.Operation) error
	// stopped is asked when a waiting operation is cancelled.
	stopped(m command.Meta, o *model.Operation) error
	// ended takes that the operation is final, and tells the trail what is special about that.
	ended(tx *table.Tx, m command.Meta, o *model.Operation) error
	store(tx *table.Tx)
}

func subjectOf(tx *table.Tx, o *model.Operation) (subject, error) {
	switch o.Target.Kind {
	case model.TargetCredential:
		if c, ok := state.Credentials.Get(tx, o.Target.ID); ok {
			s := credential{Credential: c, policy: state.Tries(tx, c), reconcile: o.Reconcile}
			switch {
			case o.Kind == model.Preflight:
				return &preflight{s}, nil
			case isAccess(o.Kind):
				return &account{s}, nil
			case o.Kind == model.SecretAutomation && o.Occasion != nil:
				return &automated{s, tx, *o.Occasion}, nil
			}
			return &s, nil
		}
	case model.TargetDynamicUser:
		if u, ok := state.DynamicUsers.Get(tx, o.Target.ID); ok {
			if p, ok := state.Profiles.Get(tx, string(u.Profile)); ok {
				return &user{DynamicUser: u, profile: p, policy: state.Tries(tx, u.Account(p))}, nil
			}
		}
	case model.TargetOrphans:
		if s, ok := state.OrphanSearches.Get(tx, o.Target.ID); ok {
			return &search{s}, nil
		}
	}
	return nil, model.Errorf(model.Internal, "the operation's target is gone")
}

// reserve keeps the logins that an attempt may fail, on the account, on the one that logs in for it, and on those on its way.
// It refuses when there are none left: the target, or a jump host, might lock the account.
func reserve(tx *table.Tx, m command.Meta, o *model.Operation, s subject) error {
	own, door := s.account(), state.LoginOf(tx, o)
	if most := s.logins(o); own != nil && most > 0 {
		n := min(most, state.LoginsLeft(tx, own, m.At))
		if n <= 0 {
			return spent(own)
		}
		own.ReserveLogins(o.Lease.Token, n)
	}
	if own == nil || door != own.ID {
		ok, err := reserveOne(tx, m, o, door)
		if err != nil {
			return err
		}
		if ok {
			o.Lease.Door = door
		}
	}
	for _, id := range state.WayLogins(tx, o.Device, own) { // an attempt gives up when one is refused
		if own != nil && id == own.ID { // which keeps logins of its own
			continue
		}
		ok, err := reserveOne(tx, m, o, id)
		if err != nil {
			return err
		}
		if ok {
			o.Lease.Way = append(o.Lease.Way, id)
		}
	}
	return nil
}

// reserveOne keeps one login as a credential; false if it is gone: the attempt will say so.
func reserveOne(tx *table.Tx, m command.Meta, o *model.Operation, id model.CredentialID) (bool, error) {
	c, ok := state.Credentials.Get(tx, string(id))
	if !ok {
		return false, nil
	}
	if state.LoginsLeft(tx, c, m.At) <= 0 {
		return false, spent(c)
	}
	c.ReserveLogins(o.Lease.Token, 1)
	putCredential(tx, c)
	return true, nil
}

func spent(c *model.Credential) error {
	return model.Errorf(model.Conflict, "the budget of failing logins of credential %d is used up: the target might lock the account", c.Number)
}

// settleLogins gives the reserve of a lease back, less what failed. A device that fits the pattern of an SSH key may have a way of its
// own, on which nothing was reserved: what failed there counts all the same.
func settleLogins(tx *table.Tx, m command.Meta, l *model.Lease, s subject, failed model.Logins) {
	if failed.Every {
		failed = model.Logins{Own: model.MaxVersions, Door: model.MaxVersions, Way: l.Way}
	}
	account, own := s.account(), failed.Own
	if l.Door == "" {
		own = max(own, failed.Door)
	} else if !slices.Contains(l.Way, l.Door) {
		settleOne(tx, m, l, l.Door, failed.Door)
	}
	for _, id := range l.Way {
		n := 0
		if slices.Contains(failed.Way, id) {
			n = 1
		}
		if id == l.Door {
			n += failed.Door
		}
		settleOne(tx, m, l, id, n)
	}
	for _, id := range failed.Way {
		if account != nil && id == account.ID {
			own++
			continue
		}
		if c, ok := state.Credentials.Get(tx, string(id)); ok && !slices.Contains(l.Way, id) {
			c.FailLogins(1, m.At)
			putCredential(tx, c)
		}
	}
	if account != nil {
		account.SettleLogins(l.Token, own, m.At)
	}
}

func settleOne(tx *table.Tx, m command.Meta, l *model.Lease, id model.CredentialID, failed int) {
	if c, ok := state.Credentials.Get(tx, string(id)); ok {
		c.SettleLogins(l.Token, failed, m.At)
		putCredential(tx, c)
	}
}

// everyLogin is the report of an attempt of which nothing is known.
var everyLogin = model.Logins{Every: true}

// rest keeps the target bound to an operation that is uncertain or at work, and free otherwise.
func rest(tx *table.Tx, o *model.Operation, s subject) {
	if b := s.busy(); (o.State == model.OpReady || o.State.Final() || idle(o)) && *b == o.ID {
		*b = ""
	}
	putOperation(tx, o)
	s.store(tx)
}

// idle tells that a verification waits for its next try and has learned nothing yet, as while its target is away: whoever changes the
// account meanwhile takes nothing from it.
func idle(o *model.Operation) bool {
	return o.Kind == model.Verify && o.State == model.OpUncertain && len(o.Refused) == 0
}

// end frees the target of a final operation and tells the trail.
func end(tx *table.Tx, m command.Meta, o *model.Operation, s subject) error {
	if b := s.busy(); *b == o.ID {
		*b = ""
	}
	putOperation(tx, o)
	tx.Emit(audit.OperationFinished.With(told(tx, o, "state", o.State.String(), "attempts", fmt.Sprint(o.Attempt))...))
	if err := s.ended(tx, m, o); err != nil {
		return err
	}
	countFailure(tx, m, o)
	s.store(tx)
	return advance(tx, m, o)
}

// told is what an event says of an operation, so that whoever asked for it, or the module that did, may be told: what it is, why it
// is, and for whom.
func told(tx *table.Tx, o *model.Operation, more ...string) []string {
	fields := append([]string{"operation", string(o.ID), "number", fmt.Sprint(o.Number), "kind", string(o.Kind), "target", o.Target.ID, "trigger", o.Trigger, "module", o.Module()}, more...)
	auth, ok := state.Authorizations.Look(tx, string(o.Requester))
	if !ok {
		return fields // nobody asked
	}
	by := auth.Name
	if app, ok := state.Applications.Look(tx, string(auth.Application)); ok {
		by = app.Name + "/" + auth.Name
	}
	return append(fields, "requester", string(o.Requester), "requested_by", by)
}
