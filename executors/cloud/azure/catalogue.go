package azure

import (
	_ "embed"

	"cofre/executors"
	"cofre/fsm/model"
)

//go:embed catalogue/add-password.tpl
var addTemplate string

//go:embed catalogue/remove-password.tpl
var removeTemplate string

// The names of the templates that profiles use.
const (
	CreateTemplate = "Azure add client secret"
	RemoveTemplate = "Azure remove client secret"
)

// Catalogue lists the templates that Cofre ships for Azure; each was run against a double only.
func Catalogue() []executors.CatalogueEntry {
	return []executors.CatalogueEntry{
		{Name: CreateTemplate, Executor: Name, Kind: model.TemplateAutomation, Content: addTemplate},
		{Name: RemoveTemplate, Executor: Name, Kind: model.TemplateAutomation, Content: removeTemplate},
	}
}
