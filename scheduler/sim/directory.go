package sim

import (
	"time"

	"cofre/fsm/dynamic"
	"cofre/fsm/model"
	"cofre/fsm/state"
)

// directory is the target of dynamic users: it obeys every packet that reaches it.
type directory struct {
	w       *world
	profile model.ProfileID
	users   map[string]string // name and password
	rows    map[model.DynamicUserID]model.DynamicUser
	down    bool
	refuses bool
}

// latest is how long after the check of its lease a packet about a user can still land. It is the assumption under the
// ten minutes between the two proofs (RULES 5): a later one is reported as an orphan, never removed by itself.
const latest = model.GoneApart

func (d *directory) create(a *attempt, answer func(yes bool)) {
	name, password := a.account().Username, a.secret
	d.w.packet(a, func(copied bool) (there, yes bool) {
		if d.down || d.refuses {
			return !d.down, false
		}
		if _, exists := d.users[name]; exists {
			return true, false
		}
		if copied || !d.w.leases.holds(a.token) {
			d.w.count("late creations")
		}
		d.users[name] = password
		d.order()
		return true, true
	}, answer)
}

func (d *directory) drop(a *attempt, answer func(yes bool)) {
	name := a.account().Username
	d.w.packet(a, func(bool) (there, yes bool) {
		if d.down || d.refuses {
			return !d.down, false
		}
		delete(d.users, name)
		return true, true
	}, answer)
}

func (d *directory) login(name, password string) answer {
	w := d.w
	if d.down {
		return answer{}
	}
	if !w.calm && w.chance(20) {
		return answer{connected: true}
	}
	known, exists := d.users[name]
	return answer{connected: true, reached: true, in: exists && known == password}
}

// observe reads what the vault says of each user.
func (d *directory) observe() {
	v := d.w.machine.View()
	defer v.Close()
	for u := range state.DynamicUsers.All(v, "") {
		old, known := d.rows[u.ID]
		if known && (old.Username != u.Username || old.Row != "" && u.Row != "" && (old.Row != u.Row || string(old.Secret.Box) != string(u.Secret.Box))) {
			d.w.fail("user %d: its name or secret is not the same for all attempts", u.Number)
		}
		if known && old.State == model.DynamicRemoved && u.State != model.DynamicRemoved {
			d.w.fail("user %d came back", u.Number)
		}
		if _, open := state.Operations.First(v, "open", string(u.ID)); !open && (u.State == model.DynamicRemoving || u.State == model.DynamicRequested) {
			d.w.fail("user %d is %s, and no operation works on that: a dropped debt", u.Number, u.State)
		}
		if known && old.State != u.State {
			d.w.count("users " + u.State.String())
		}
		if u.Debt() && !(known && old.Debt()) {
			d.w.count("users that are debt")
		}
		d.rows[u.ID] = *u
	}
}

// order is what must hold at every moment: whoever exists on the target is known, with its password, and not yet Removed.
func (d *directory) order() {
	for _, id := range sorted(d.rows) {
		u := d.rows[id]
		password, exists := d.users[u.Username]
		switch {
		case exists && u.State == model.DynamicRemoved:
			d.w.fail("user %d exists on the target after it was proven gone: a late create after the drop", u.Number)
		case exists && password != string(u.Secret.Box):
			d.w.fail("user %d was created with a password that is not in the vault", u.Number)
		}
	}
}

// demand requests a user, or ends one.
func (d *directory) demand(n *node) {
	if d.w.chance(600) {
		ask(n, dynamic.Request, dynamic.RequestArgs{Profile: d.profile})
		return
	}
	for _, id := range sorted(d.rows) {
		if u := d.rows[id]; u.State != model.DynamicRemoved && d.w.chance(500) {
			ask(n, dynamic.Remove, dynamic.RemoveArgs{User: u.ID, Reason: "revoked"})
			return
		}
	}
}

// vacate waits until every user is gone: their time ends by itself.
func (d *directory) vacate() {
	end := d.w.now + 12*time.Hour
	for !d.w.over && d.w.now < end {
		left := 0
		for _, u := range d.rows {
			if u.State != model.DynamicRemoved {
				left++
			}
		}
		if left == 0 {
			if len(d.users) > 0 {
				d.w.fail("%d users are left on the target", len(d.users))
			}
			return
		}
		d.w.until(d.w.now+time.Minute, nil)
	}
	if !d.w.over {
		d.w.fail("the users are not removed within 12 hours")
	}
}

// touched tells whether an attempt runs against the directory.
func (d *directory) touched() bool {
	for _, n := range d.w.nodes {
		for _, a := range n.active {
			if a.begun && !a.done && a.user() {
				return true
			}
		}
	}
	return false
}
