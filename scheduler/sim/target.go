package sim

import (
	"slices"
	"time"

	"cofre/fsm/model"
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
	bad       []time.Duration  // failed logins, as the target saw them
}

// login answers, or (reached is false) does not.
func (t *account) login(password string) (in, reached bool) {
	if t.down || !t.w.calm && t.w.chance(20) {
		return false, false
	}
	if in = password == t.password; !in {
		t.bad = append(t.bad, t.w.now)
		window, n := t.w.span(t.w.policy.BadLoginWindow), 0
		for _, at := range t.bad {
			if at > t.w.now-window {
				n++
			}
		}
		t.w.report.Events["most failing logins in a window"] = max(n, t.w.report.Events["most failing logins in a window"])
	}
	return in, true
}

// change sends the packet that changes the password. answer is called on the sending node, or never.
func (t *account) change(a *attempt, answer func(yes bool)) {
	w, password := t.w, a.secret
	if !slices.Contains(t.kept, password) {
		w.fail("%s: a password was sent to the target that is not in the vault (token %d)", t.name, a.token)
	}
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
			t.lands(a, d+w.between(0, 10*time.Minute), password, true, nil)
		}
	}
	t.lands(a, d, password, false, answer)
}

func (t *account) lands(a *attempt, d time.Duration, password string, copied bool, answer func(yes bool)) {
	w := t.w
	w.landing = max(w.landing, w.now+d)
	w.after(d, func() {
		if t.down {
			w.logf("%s: the packet of token %d found nobody", t.name, a.token)
			return
		}
		yes := !t.refuses
		if yes {
			if t.password != password {
				if copied || !w.leases.holds(a.token) {
					t.disturbed = true
					w.count("late packets that changed a password")
				}
			}
			t.password = password
		}
		w.logf("%s: the packet of token %d landed: %v", t.name, a.token, yes)
		w.order()
		if answer == nil {
			return
		}
		if !w.calm && w.chance(60) {
			w.fault("reply lost", true)
			return
		}
		w.after(w.between(2*time.Millisecond, 200*time.Millisecond), func() { a.n.run(a.life, func() { answer(yes) }) })
	})
}
