package ops

import (
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// spent lists whose budget of failing logins keeps operations on a credential waiting: its own, that of who logs in for it, and those
// of who logs in on the way to its device.
func spent(r table.Reader, at model.Time, c *model.Credential) (reasons []string) {
	logins := []model.CredentialID{c.ID}
	if door := c.Execution.Authentication; door != c.ID {
		logins = append(logins, door)
	}
	for _, id := range append(logins, state.WayLogins(r, c.Device, c)...) {
		if why := noLogin(r, at, id, c.ID, c.Execution.Authentication); why != "" {
			reasons = append(reasons, why)
		}
	}
	return reasons
}

// noLogin tells why no further login as a credential may fail, for work on an account as which, or for which door logs in; "": one may.
func noLogin(r table.Reader, at model.Time, id, account, door model.CredentialID) string {
	login, ok := state.Credentials.Get(r, string(id))
	if !ok {
		return ""
	}
	p := state.PolicyOf(r, login)
	left, next := login.LoginBudget(p.BadLogins, model.Span(p.BadLoginWindow), at)
	if left > 0 {
		return ""
	}
	who := "the account"
	switch id {
	case account:
	case door:
		who = "the account that logs in for it"
	default:
		hop, ok := state.Devices.Get(r, string(login.Device))
		if !ok {
			hop = &model.Device{Hostname: "a jump host"}
		}
		who = "the account at " + hop.Hostname + ", on the way,"
	}
	if next > at {
		return "no login of " + who + " may fail any more until " + next.String() + ": the target might lock it"
	}
	return "no further login of " + who + " may fail while those at work may"
}
