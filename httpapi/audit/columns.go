package audit

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Columns are the names of an event's cells in tables, the same in the API's CSV and on a terminal.
const Columns = "SEQ TIME NODE SEVERITY KIND WHO SOURCE DETAILS"

// Row are an event's cells.
func (e View) Row() []string {
	var details []string
	for _, k := range slices.Sorted(maps.Keys(e.Fields)) {
		details = append(details, k+"="+e.Fields[k])
	}
	return []string{
		strconv.FormatUint(e.Seq, 10), e.At.Short(), e.Node, e.Severity, e.Kind, cmp.Or(e.Who, e.Authorization, e.Name, e.Actor), e.Source, strings.Join(details, " "),
	}
}
