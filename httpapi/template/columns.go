package template

import (
	"cmp"
	"strconv"

	"cofre/httpapi/compat"
)

// Columns are the names of a template's cells in tables, the same in the API's CSV and on a terminal.
const Columns = "NAME EXECUTOR KIND STATE IN-FORCE NEWEST REVIEW CHANGED ORIGIN"

// Row are a template's cells.
func (t View) Row() []string {
	return []string{
		t.Name, string(t.Executor), string(t.Kind), compat.Word(t.Active, "active", "inactive"), t.InForce(), strconv.Itoa(t.Newest), t.Review, t.Changed.Short(),
		compat.Word(t.BuiltIn, "catalogue", "own"),
	}
}

// InForce is the number of the version in force.
func (t View) InForce() string {
	if t.Current == 0 {
		return "none-approved"
	}
	return strconv.Itoa(t.Current)
}

// historyColumns are the names of a version's cells; contents are not in tables.
const historyColumns = "VERSION AUTHOR SAVED REVIEW APPROVED-BY CLOSED-BY NOTE"

func (v Version) row() []string {
	return []string{strconv.Itoa(v.N), cmp.Or(v.AuthorName, string(v.Author)), v.At.Short(), v.Review, cmp.Or(v.ApprovedByName, string(v.ApprovedBy)), cmp.Or(v.ClosedByName, string(v.ClosedBy)), v.Note}
}
