package sim

import (
	"cofre/fsm/model"
	"cofre/fsm/state"
)

// way is the jump host before a target, as executors/runner/way.go passes it: with the password that its account had when the
// attempt looked, and never again once it may have been refused. When nothing but the hop dies, its attempt learns no more
// than from any other lost answer; what is its own are the logins that are reserved, failed and counted there.
type way struct {
	hop      *account // nil: the target is reached straight
	password string
	shut     bool // the login there may have failed
}

func (n *node) wayTo(o *model.Operation) way {
	for _, id := range state.WayLogins(n.view, o.Device, nil) {
		return way{hop: n.w.account(string(id)), password: string(n.credential(string(id)).ByRole(model.RoleCurrent).Secret.Box)}
	}
	return way{}
}

// pass logs in at the hop.
func (y *way) pass() bool {
	if y.hop == nil || y.shut {
		return !y.shut
	}
	told := y.hop.login(y.password)
	y.shut = told.connected && !told.in
	return told.in
}
