package operation

import (
	"strconv"
	"strings"

	"cofre/fsm/model"
)

// Columns are the names of an operation's cells on a terminal.
const Columns = "NUMBER KIND CREDENTIAL HOSTNAME STATE ATTEMPT TRIGGER NODE CREATED FINISHED MESSAGE WAITS_FOR"

// Wide are those of CSV, the same in the API and on a terminal: what reports want besides.
const Wide = Columns + " LABEL STATE_LABEL USERNAME TYPE MODEL SITE TAGS EXECUTOR TEMPLATE RECONCILIATION MODULE REQUESTER SCHEDULED LAST_ATTEMPT"

// Row are an operation's cells.
func (o View) Row() []string {
	return []string{
		strconv.FormatUint(o.Number, 10), string(o.Kind), o.Credential.Identifier, o.Credential.Hostname, o.State,
		o.Tried("/"), o.Trigger, string(o.Node), o.CreatedAt.Short(), o.FinishedAt.Short(), o.Message, o.WaitsFor,
	}
}

// Tried is how often it was tried, of how often at most. A verification of a target that is away is tried until that is back, or somebody
// cancels it.
func (o View) Tried(of string) string {
	if o.Kind == model.Verify {
		return strconv.Itoa(o.Attempt)
	}
	return strconv.Itoa(o.Attempt) + of + strconv.Itoa(o.MaxAttempts)
}

// WideRow are its cells in CSV.
func (o View) WideRow() []string {
	yes := "no"
	if o.Reconcile {
		yes = "yes"
	}
	return append(o.Row(), o.KindLabel, o.StateLabel, o.Credential.Username, o.Credential.Type, o.Credential.Model, o.Credential.Site, strings.Join(o.Credential.Tags, ","), string(o.Executor),
		o.TemplateName, yes, o.Module, o.RequesterName, o.ScheduledAt.Short(), o.LastAttemptAt.Short())
}
