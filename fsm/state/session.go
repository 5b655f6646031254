package state

import (
	"cofre/fsm/model"
	"cofre/fsm/table"
)

// Sessions are the uses of credentials by persons.
var Sessions = table.Define(42, "session", func(s *model.Session) string { return string(s.ID) },
	table.Index[model.Session]{Name: "number", Unique: true, Drawn: true, Keys: func(s *model.Session) []string { return []string{table.NumberKey(s.Number)} }},
	table.Index[model.Session]{Name: "live", Keys: liveSession},
	table.Index[model.Session]{Name: "until", Keys: sessionEnd})

// liveSession lists the sessions that are not over by their credential.
func liveSession(s *model.Session) []string {
	if !s.Live() {
		return nil
	}
	return []string{string(s.Credential)}
}

// sessionEnd orders them by the moment when they are closed.
func sessionEnd(s *model.Session) []string {
	if !s.Live() {
		return nil
	}
	return []string{table.TimeKey(s.Until)}
}

// overdueKey lists the accounts that could not be inactivated for a while.
func overdueKey(c *model.Credential) []string {
	if !c.Overdue() {
		return nil
	}
	return []string{string(c.Device)}
}

// OpenDebt counts the accounts that could not be inactivated.
func OpenDebt(r table.Reader) int { return Credentials.Count(r, "open_debt", "", "\xff", maxDebt) }

// access tells whether an operation activates or inactivates an account.
func access(k model.OperationKind) bool {
	switch k {
	case model.CredentialActivation, model.CredentialInactivation, model.EphemeralCreate, model.EphemeralRemove:
		return true
	}
	return false
}
