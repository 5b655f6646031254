package session

import (
	"strconv"
)

// Columns are the names of a session's cells in tables, the same in the API's CSV and on a terminal.
const Columns = "NUMBER STATE USER CREDENTIAL HOSTNAME STARTED UNTIL ENDED BECAUSE"

// Row are a session's cells.
func (v View) Row() []string {
	return []string{strconv.FormatUint(v.Number, 10), v.State, v.User, v.Credential, v.Hostname, v.StartedAt.Short(), v.Until.Short(), v.EndedAt.Short(), v.Ended}
}
