package mongo

import (
	_ "embed"

	"cofre/executors"
	"cofre/fsm/model"
)

//go:embed catalogue/update-user.tpl
var updateUser string

//go:embed catalogue/create-user.tpl
var createUser string

//go:embed catalogue/drop-user.tpl
var dropUser string

// Catalogue lists the templates that Cofre ships for MongoDB; each was run against a double only.
func Catalogue() []executors.CatalogueEntry {
	return []executors.CatalogueEntry{
		{Name: "MongoDB user", Executor: Name, Kind: model.TemplateChange, Content: updateUser},
		{Name: "MongoDB create user", Executor: Name, Kind: model.TemplateAutomation, Content: createUser},
		{Name: "MongoDB drop user", Executor: Name, Kind: model.TemplateAutomation, Content: dropUser},
	}
}
