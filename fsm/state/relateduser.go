package state

import (
	"cofre/fsm/model"
	"cofre/fsm/table"
)

// RelatedUsers tie persons to user names elsewhere.
var RelatedUsers = table.Define(51, "related_user", func(u *model.RelatedUser) string { return string(u.ID) },
	table.Index[model.RelatedUser]{Name: "number", Unique: true, Drawn: true, Keys: func(u *model.RelatedUser) []string { return []string{table.NumberKey(u.Number)} }},
	table.Index[model.RelatedUser]{Name: "username", Unique: true, Keys: func(u *model.RelatedUser) []string { return []string{u.Username} }})
