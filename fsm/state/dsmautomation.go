package state

import (
	"cofre/fsm/model"
	"cofre/fsm/table"
)

// The tables of automations of secrets, and of what failed for secrets.
var (
	DSMAutomations = table.Define(80, "dsm_automation", func(a *model.DSMAutomation) string { return string(a.ID) },
		table.Index[model.DSMAutomation]{Name: "number", Unique: true, Drawn: true, Keys: func(a *model.DSMAutomation) []string { return []string{table.NumberKey(a.Number)} }},
		table.Index[model.DSMAutomation]{Name: "name", Unique: true, Keys: func(a *model.DSMAutomation) []string { return []string{a.Name} }},
		table.Index[model.DSMAutomation]{Name: "waits", Keys: waitKeys},
		table.Index[model.DSMAutomation]{Name: "about", Keys: aboutKeys})
	DSMPulses = table.Define(81, "dsm_pulse", func(p *model.DSMPulse) string { return p.Subject })
	DSMErrors = table.Define(82, "dsm_error", func(e *model.DSMError) string { return DSMErrorKey(e.Secret, e.N) })
)

// waitKeys list what an enabled automation waits for.
func waitKeys(a *model.DSMAutomation) []string {
	var keys []string
	for _, e := range a.Events {
		if !a.Enabled {
			break
		}
		for _, app := range a.Applications {
			keys = append(keys, WaitKey(e, "application/"+string(app)))
		}
		for _, s := range a.Secrets {
			if !e.OfAuthorization() {
				keys = append(keys, WaitKey(e, "secret/"+string(s)))
			}
		}
	}
	return keys
}

// aboutKeys list what an automation is about, enabled or not.
func aboutKeys(a *model.DSMAutomation) []string {
	var keys []string
	for _, app := range a.Applications {
		keys = append(keys, "application/"+string(app))
	}
	for _, s := range a.Secrets {
		keys = append(keys, "secret/"+string(s))
	}
	return keys
}

// WaitKey finds the automations that wait for an event of an application or a secret.
func WaitKey(e model.DSMEvent, of string) string { return string(e) + "/" + of }

// DSMErrorKey orders the errors of a secret by time.
func DSMErrorKey(id model.DSMSecretID, n uint64) string {
	return string(id) + "/" + table.NumberKey(n)
}

// DSMErrorsOf lists what failed for a secret, oldest first.
func DSMErrorsOf(r table.Reader, id model.DSMSecretID) []model.DSMError {
	out := []model.DSMError{}
	for e := range DSMErrors.All(r, DSMErrorKey(id, 0)) {
		if e.Secret != id {
			break
		}
		out = append(out, *e)
	}
	return out
}

// NoteDSMError keeps what failed for a secret, and forgets the oldest beyond the limit.
func NoteDSMError(tx *table.Tx, e model.DSMError) {
	all := DSMErrorsOf(tx, e.Secret)
	for i := 0; len(all)-i >= model.MaxDSMErrors; i++ {
		DSMErrors.Delete(tx, DSMErrorKey(e.Secret, all[i].N))
	}
	e.N = Next(tx, "dsm_error")
	DSMErrors.Put(tx, &e)
}
