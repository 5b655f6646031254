package aws

import (
	_ "embed"

	"cofre/executors"
	"cofre/fsm/model"
)

//go:embed catalogue/create-user.tpl
var createTemplate string

//go:embed catalogue/delete-user.tpl
var deleteTemplate string

// The names of the templates that profiles use.
const (
	CreateTemplate = "AWS create user with access key"
	RemoveTemplate = "AWS remove user"
)

// Catalogue lists the templates that Cofre ships for AWS; each was run against a double, and by hand against an emulator, only.
func Catalogue() []executors.CatalogueEntry {
	return []executors.CatalogueEntry{
		{Name: CreateTemplate, Executor: Name, Kind: model.TemplateAutomation, Content: createTemplate},
		{Name: RemoveTemplate, Executor: Name, Kind: model.TemplateAutomation, Content: deleteTemplate},
	}
}
