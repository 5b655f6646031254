package postgres

import (
	_ "embed"

	"cofre/executors"
	"cofre/fsm/model"
)

//go:embed catalogue/alter-role.tpl
var alterRole string

// Catalogue lists the templates that Cofre ships for PostgreSQL; each is proven against a real server.
func Catalogue() []executors.CatalogueEntry {
	return []executors.CatalogueEntry{
		{Name: "PostgreSQL ALTER ROLE", Executor: Name, Kind: model.TemplateChange, Content: alterRole},
	}
}
