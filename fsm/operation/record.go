package operation

import (
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Of an operation that is tried for ever, such as the removal of a user from a host that is gone, the first attempts and the
// newest ones are kept. At one an hour all of them were 8,760 a year, for each user.
const (
	firstAttempts = 8
	keptAttempts  = 64
)

// record keeps what became of an attempt.
func record(tx *table.Tx, a *model.Attempt) {
	state.Attempts.Put(tx, a)
	keys := attemptsOf(tx, a.Operation)
	if extra := len(keys) - keptAttempts; extra > 0 {
		for _, k := range keys[firstAttempts : firstAttempts+extra] {
			state.Attempts.Delete(tx, k)
			state.Captures.Delete(tx, k)
		}
	}
}

// attemptsOf lists the keys of an operation's attempts, oldest first.
func attemptsOf(tx *table.Tx, id model.OperationID) (keys []string) {
	for a := range state.Attempts.All(tx, string(id)+"/") {
		if a.Operation != id {
			break
		}
		keys = append(keys, state.AttemptKey(a))
	}
	return keys
}
