package policy

import (
	"strconv"

	"cofre/httpapi/compat"
)

// Columns are the names of a policy's cells in tables, the same in the API's CSV and on a terminal.
const Columns = "NAME STATE LENGTH MAX-AGE VIEW-EXPIRY ON-RELEASE EXCLUSIVE CUSTODY ATTEMPTS"

// Row are a policy's cells. Attempts are empty where the execution parameters say.
func (p View) Row() []string {
	return []string{
		p.Name, compat.Word(p.Enabled, "enabled", "disabled"), strconv.Itoa(p.Strength.Length), p.MaxAge.Short(), p.ViewExpiry.Short(), compat.Word(p.ChangeOnRelease, "yes", "no"),
		compat.Word(p.Exclusive, "yes", "no"), p.CustodyTTL.Short(), compat.Word(p.Attempts > 0, strconv.Itoa(p.Attempts), ""),
	}
}
