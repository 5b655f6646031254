package application

import (
	"strings"

	"cofre/httpapi/compat"
)

// Columns are the names of an application's cells in tables, the same in the API's CSV and on a terminal.
const Columns = "NAME STATE TAGS CREATED DESCRIPTION"

// Row are an application's cells.
func (a View) Row() []string {
	return []string{a.Name, compat.Word(a.Enabled, "enabled", "disabled"), strings.Join(a.Tags, ","), a.CreatedAt.Short(), a.Description}
}
