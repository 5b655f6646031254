package sim

import (
	"slices"
	"time"

	"cofre/fsm/model"
	"cofre/fsm/state"
)

// account is one account on a target: it has exactly one password, and obeys every packet that reaches it.
type account struct {
	w         *world
	name      string
	id        model.CredentialID
	password  string
	down      bool
	refuses   bool             // answers no to changes
	disturbed bool             // a packet landed that nobody waited for any more: vault and target may differ
	kept      []string         // every value that the vault holds for it
	current   string           // the one that the vault believes in
	row       model.Credential // as the state shows it
	bad       []model.Time     // failed logins, in state time: a leader whose clock leaps shortens the window for all
}

// answer is what became of a login.
type answer struct{ connected, reached, in bool }

// login answers, or (reached is false) does not: nobody was there, or the answer, or already the question, was lost.
func (t *account) login(password string) answer {
	w := t.w
	lost := !w.calm && w.chance(20)
	switch {
	case t.down:
		return answer{}
	case lost && w.chance(500):
		return answer{connected: true}
	}
	in := password == t.password
	if !in {
		t.refused()
	}
	return answer{connected: true, reached: !lost, in: in && !lost}
}

// refused counts a failing login, as a target that locks accounts does.
func (t *account) refused() {
	w := t.w
	v := w.machine.View()
	now := state.SystemRow(v).At
	v.Close()
	t.bad = append(t.bad, now)
	n := 0
	for _, at := range t.bad {
		if at.Add(w.span(w.policy.BadLoginWindow)) > now {
			n++
		}
	}
	w.report.Events["most failing logins in a window"] = max(n, w.report.Events["most failing logins in a window"])
	if n > w.policy.BadLogins {
		w.fail("%s: %d failing logins in a window, the budget is %d", t.name, n, w.policy.BadLogins)
	}
}

// change sends the packet that changes the password. answer is called on the sending node, or never.
func (t *account) change(a *attempt, answer func(yes bool)) {
	w, password := t.w, a.secret
	if !slices.Contains(t.kept, password) {
		w.fail("%s: a password was sent to the target that is not in the vault (token %d)", t.name, a.token)
	}
	w.packet(a, func(copied bool) (there, yes bool) { return !t.down, t.lands(a, password, copied) }, answer)
}

// lands is the target obeying.
func (t *account) lands(a *attempt, password string, copied bool) bool {
	if t.down || t.refuses {
		return false
	}
	if t.password != password && (copied || !t.w.leases.holds(a.token)) {
		t.disturbed = true
		t.w.count("late packets that changed a password")
	}
	t.password = password
	t.w.order()
	return true
}

// packet carries what a slot sends to a target: it may be lost, doubled, or outlive its lease, and so may the answer.
func (w *world) packet(a *attempt, land func(copied bool) (there, yes bool), answer func(yes bool)) {
	d := w.between(2*time.Millisecond, 200*time.Millisecond)
	if !w.calm {
		switch {
		case w.chance(60):
			w.fault("packet outlives its lease", true)
			d = w.between(10*time.Second, 10*time.Minute)
		case w.chance(60):
			w.fault("packet lost", true)
			return
		}
		if w.chance(60) {
			w.fault("packet doubled", true)
			w.deliver(a, d+w.between(0, 10*time.Minute), func() (bool, bool) { return land(true) }, nil)
		}
	}
	w.deliver(a, d, func() (bool, bool) { return land(false) }, answer)
}

func (w *world) deliver(a *attempt, d time.Duration, land func() (there, yes bool), answer func(yes bool)) {
	if a.user() && w.now+d > a.checked+latest {
		w.logf("the packet of token %d is too late: the connection is gone", a.token)
		return
	}
	w.landing = max(w.landing, w.now+d)
	w.after(d, func() {
		there, yes := land()
		w.logf("the packet of token %d landed: %v, %v", a.token, there, yes)
		if !there || answer == nil {
			return
		}
		if !w.calm && w.chance(60) {
			w.fault("reply lost", true)
			return
		}
		w.after(w.between(2*time.Millisecond, 200*time.Millisecond), func() { a.n.run(a.life, func() { answer(yes) }) })
	})
}
