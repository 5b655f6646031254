package operator

import (
	"fmt"

	"cofre/cmd/cofre/daemon"
	"cofre/httpapi/compat"
)

// parameters tells what the cluster starts by itself, and which execution parameters hold.
func parameters(s *daemon.Status) []string {
	a := s.Automation
	if a == nil {
		return nil
	}
	state := "automation " + a.State
	if a.Reason != "" {
		state += " (" + a.Reason + ")"
	}
	for _, until := range []struct {
		word string
		at   compat.Time
	}{{"since", a.Stopped}, {"until", a.FrozenUntil}, {"until", a.ClosedUntil}} {
		if until.at != 0 {
			state += " " + until.word + " " + until.at.Short()
		}
	}
	state += fmt.Sprintf("    %d changes due    %d started in this hour%s", a.Due, a.Started, word(a.Left >= 0, fmt.Sprintf(", %d more may", a.Left), ""))
	x := &a.Settings
	wait := func(d compat.Duration) string { return word(d > 0, d.Short(), "of each executor") }
	return []string{
		state,
		fmt.Sprintf("execution parameters: attempts %d, interval %s, after errors %s    timeouts: connection %s, readout %s    records a cycle %d    hours %s",
			x.Attempts, word(x.RetryInterval > 0, x.RetryInterval.Short(), "none"), x.ErrorInterval.Short(), wait(x.ConnectTimeout), wait(x.ReadTimeout), x.Records, x.Window.Short()),
		"templates: " + approval(s.Approval),
	}
}

func approval(a *daemon.Approval) string {
	if a == nil || !a.InForce {
		return "a new version is in force at once, until two authorizations may approve (template.approve)"
	}
	return fmt.Sprintf("a new version needs %d approval%s by others", a.Levels, word(a.Levels > 1, "s", ""))
}
