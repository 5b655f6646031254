package application

import (
	"strings"

	"cofre/httpapi/compat"
)

// Columns are the names of an application's cells in tables, the same in the API's CSV and on a terminal.
const Columns = "NAME STATE TAGS CREATED DESCRIPTION"

// State is a word for what the application is.
func (a View) State() string {
	if a.Deleting {
		return "deleting"
	}
	return compat.Word(a.Enabled, "enabled", "disabled")
}

// Row are an application's cells.
func (a View) Row() []string {
	return []string{a.Name, a.State(), strings.Join(a.Tags, ","), a.CreatedAt.Short(), a.Description}
}
