package sim

import (
	"slices"

	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/fsm/trail"
)

// ledger is a second, simple book of leases, kept from the answers alone: the state machine must agree with it.
type ledger struct {
	live map[model.OperationID]hold
}

type hold struct {
	token  model.Pos
	node   model.NodeID
	slot   int
	target string
}

func (l *ledger) holds(token model.Pos) bool {
	for _, h := range l.live {
		if h.token == token {
			return true
		}
	}
	return false
}

// writes notes that a slot starts a writing step.
func (l *ledger) writes(w *world, a *attempt) {
	if l.holds(a.token) {
		return
	}
	w.count("writes after the lease was lost")
	if a.trusted() {
		w.fail("token %d: a trusted lease was taken away before a writing step", a.token)
	}
}

// inspect takes the answers of an entry into the ledger and then looks whether the world is in order. It tells whether
// the entry did more than renew leases.
func (w *world) inspect(e *entry, index uint64, results []command.Result) bool {
	changed, secrets, seen := false, false, map[command.ID]bool{}
	for i, c := range e.calls {
		r := results[i]
		w.logf("%d.%d %s from %s: %s", index, i, c.Kind, c.Node, brief(r))
		if r.Index != index || seen[c.ID] {
			continue // a repeat: the answer is the remembered one
		}
		seen[c.ID] = true
		switch c.Kind {
		case operation.Renew.Kind(), trail.Ack.Kind():
		case operation.Request.Kind(), operation.Grant.Kind():
			changed, w.stirred = true, true
		case operation.Retry.Kind():
			changed, secrets, w.stirred = true, true, true
			w.forgive(c, r)
		case operation.Begin.Kind():
			changed, secrets = true, true
		default:
			changed, secrets, w.stirred = true, true, true
		}
		if r.Err == nil {
			w.book(c, model.PosOf(index, i), r)
		}
	}
	if secrets && !w.over {
		w.observe()
		w.order()
		w.joint.inspect(w)
		w.directory.observe()
		w.directory.order()
	}
	return changed
}

func brief(r command.Result) string {
	if r.Err != nil {
		return r.Err.Kind.String() + ": " + r.Err.Msg
	}
	return "ok"
}

func decode[T any](w *world, b codec.Raw) (v T) {
	if err := codec.Decode(b, &v); err != nil {
		w.fail("decode: %v", err)
	}
	return v
}

func (w *world) book(c *call, pos model.Pos, r command.Result) {
	l := w.leases.live
	switch c.Kind {
	case operation.Grant.Kind():
		a, g := decode[operation.GrantArgs](w, c.Payload), decode[operation.GrantResult](w, r.Body)
		if g.Ended {
			return
		}
		o, _ := w.operation(a.Operation)
		h := hold{pos, a.Node, a.Slot, o.Target.ID}
		for id, other := range l {
			switch {
			case id == a.Operation:
				w.fail("operation %d was granted twice", o.Number)
			case other.node == h.node && other.slot == h.slot:
				w.fail("slot %d of %s holds two leases", h.slot, h.node)
			case other.target == h.target:
				w.fail("two operations work on one credential (%d)", o.Number)
			}
		}
		if g.Token != pos {
			w.fail("the token %d is not the position of the grant %d", g.Token, pos)
		}
		l[a.Operation] = h
	case operation.Begin.Kind():
		a := decode[operation.BeginArgs](w, c.Payload)
		if !decode[operation.LeaseResult](w, r.Body).Fenced {
			w.held(c, a.Operation, a.Token)
		}
	case operation.Finish.Kind():
		a := decode[operation.FinishArgs](w, c.Payload)
		if f := decode[operation.FinishResult](w, r.Body); !f.Fenced {
			w.held(c, a.Operation, a.Token)
			w.count("attempts ended: " + f.State.String())
			delete(l, a.Operation)
		}
	case operation.Expire.Kind():
		if a := decode[operation.ExpireArgs](w, c.Payload); l[a.Operation].token == a.Token {
			w.count("leases expired")
			delete(l, a.Operation)
		}
	}
}

// forgive: a person who asks for another try gives a new budget.
func (w *world) forgive(c *call, r command.Result) {
	if r.Err != nil {
		return
	}
	if o, ok := w.operation(decode[operation.ControlArgs](w, c.Payload).Operation); ok {
		if t := w.account(o.Target.ID); t != nil {
			t.bad = nil
		}
	}
}

// held says that a command which needed the live lease had it.
func (w *world) held(c *call, id model.OperationID, token model.Pos) {
	if h, ok := w.leases.live[id]; !ok || h.token != token || h.node != c.Node {
		w.fail("%s was taken under the token %d of %s, which is not the live lease", c.Kind, token, c.Node)
	}
}

func (w *world) operation(id model.OperationID) (*model.Operation, bool) {
	v := w.machine.View()
	defer v.Close()
	return state.Operations.Get(v, string(id))
}

// observe reads what the vault holds for each account.
func (w *world) observe() {
	v := w.machine.View()
	defer v.Close()
	for _, t := range w.accounts {
		c, ok := state.Credentials.Get(v, string(t.id))
		if !ok {
			w.fail("%s: the credential is gone", t.name)
			return
		}
		t.row, t.kept, t.current = *c, t.kept[:0], ""
		roles := map[model.VersionRole]int{}
		for _, s := range c.Versions {
			t.kept = append(t.kept, string(s.Secret.Box))
			roles[s.Role]++
			if s.Role == model.RoleCurrent {
				t.current = string(s.Secret.Box)
			}
		}
		if roles[model.RoleCurrent] > 1 || roles[model.RoleCandidate] > 1 {
			w.fail("%s: %d current and %d candidate versions", t.name, roles[model.RoleCurrent], roles[model.RoleCandidate])
		}
	}
}

// order is what must hold at every moment.
func (w *world) order() {
	for _, t := range w.accounts {
		switch {
		case !slices.Contains(t.kept, t.password):
			w.fail("%s: the password in force is lost", t.name)
		case t.password == t.current:
			t.disturbed = t.disturbed && t.row.Busy != "" // an operation at work may have looked before the packet came
		case !t.disturbed && t.row.Busy == "" && t.row.Sync == model.SyncInSync:
			w.fail("%s: the vault believes in a secret that is not in force, and no late packet explains it", t.name)
		}
	}
}

// chain reads the trail from its beginning: no hole, every hash right.
func (w *world) chain(v *table.View) {
	var seq uint64
	prev := string(make([]byte, 32))
	for e := range table.Audit.All(v, "") {
		if seq++; e.Seq != seq || string(e.Prev) != prev || string(e.Sum()) != string(e.Hash) {
			w.fail("the audit chain breaks at event %d", seq)
			return
		}
		prev = string(e.Hash)
	}
	if seq == 0 {
		w.fail("the audit trail is empty")
	}
}
