package gcp

import (
	_ "embed"

	"cofre/executors"
	"cofre/fsm/model"
)

//go:embed catalogue/create-service-account.tpl
var createTemplate string

//go:embed catalogue/delete-service-account.tpl
var removeTemplate string

// The names of the templates that profiles use.
const (
	CreateTemplate = "Google create service account with key"
	RemoveTemplate = "Google remove service account"
)

// Catalogue lists the templates that Cofre ships for Google Cloud; each was run against a double only.
func Catalogue() []executors.CatalogueEntry {
	return []executors.CatalogueEntry{
		{Name: CreateTemplate, Executor: Name, Kind: model.TemplateAutomation, Content: createTemplate},
		{Name: RemoveTemplate, Executor: Name, Kind: model.TemplateAutomation, Content: removeTemplate},
	}
}
