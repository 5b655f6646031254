package ops

import (
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// spent lists whose budget of failing logins keeps operations on a credential waiting: its own, that of who logs in for it, and those
// of who logs in on the way to its device.
func spent(r table.Reader, at model.Time, c *model.Credential) (reasons []string) {
	look := func(id model.CredentialID, who func(*model.Credential) string) {
		login, ok := state.Credentials.Get(r, string(id))
		if !ok {
			return
		}
		p := state.PolicyOf(r, login)
		left, next := login.LoginBudget(p.BadLogins, model.Span(p.BadLoginWindow), at)
		switch {
		case left > 0:
		case next > at:
			reasons = append(reasons, "no login of "+who(login)+" may fail any more until "+next.String()+": the target might lock it")
		default:
			reasons = append(reasons, "no further login of "+who(login)+" may fail while those at work may")
		}
	}
	look(c.ID, func(*model.Credential) string { return "the account" })
	if door := c.Execution.Authentication; door != c.ID {
		look(door, func(*model.Credential) string { return "the account that logs in for it" })
	}
	for _, id := range state.WayLogins(r, c.Device, c) {
		look(id, func(login *model.Credential) string {
			hop, ok := state.Devices.Get(r, string(login.Device))
			if !ok {
				hop = &model.Device{Hostname: "a jump host"}
			}
			return "the account at " + hop.Hostname + ", on the way,"
		})
	}
	return reasons
}
