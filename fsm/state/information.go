package state

import (
	"cofre/fsm/model"
	"cofre/fsm/table"
)

// Informations are the pieces of protected information.
var Informations = table.Define(50, "information", func(i *model.Information) string { return string(i.ID) },
	table.Index[model.Information]{Name: "number", Unique: true, Drawn: true, Keys: func(i *model.Information) []string { return []string{table.NumberKey(i.Number)} }},
	table.Index[model.Information]{Name: "identifier", Unique: true, Keys: func(i *model.Information) []string { return []string{i.Identifier} }},
	sealedIndex(informationValues))

func informationValues(i *model.Information) []Value {
	values := make([]Value, len(i.Versions))
	for n := range i.Versions {
		values[n] = Value{i.Versions[n].Row, &i.Versions[n].Secret}
	}
	return values
}
