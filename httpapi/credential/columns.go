package credential

import (
	"cmp"
	"strconv"

	"cofre/httpapi/compat"
)

// Columns are the names of a credential's cells in tables, the same in the API's CSV and on a terminal.
const Columns = "NUMBER IDENTIFIER USERNAME HOSTNAME SYNC POLICY TEMPLATE AUTOMATIC CHANGED STATE"

// Row are a credential's cells.
func (v View) Row() []string {
	return []string{
		strconv.FormatUint(v.Number, 10), v.Identifier, v.Username, v.Hostname, v.Sync, cmp.Or(v.Policy, v.Governed, "default"), v.Execution.Template, v.Automatic(),
		v.ChangedAt.Short(), compat.Word(v.Enabled, "enabled", "disabled"),
	}
}

// Automatic tells whether triggers change the secret.
func (v View) Automatic() string {
	switch {
	case !v.Execution.Automatic:
		return "no"
	case !v.Execution.Started:
		return "after-first-change"
	}
	return "yes"
}
