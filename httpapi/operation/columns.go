package operation

import "strconv"

// Columns are the names of an operation's cells in tables, the same in the API's CSV and on a terminal.
const Columns = "NUMBER KIND CREDENTIAL HOSTNAME STATE ATTEMPT TRIGGER NODE CREATED FINISHED MESSAGE"

// Row are an operation's cells.
func (o View) Row() []string {
	return []string{
		strconv.FormatUint(o.Number, 10), string(o.Kind), o.Credential.Identifier, o.Credential.Hostname, o.State,
		strconv.Itoa(o.Attempt) + "/" + strconv.Itoa(o.MaxAttempts), o.Trigger, string(o.Node), o.CreatedAt.Short(), o.FinishedAt.Short(), o.Message,
	}
}
