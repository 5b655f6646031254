package postgres

import (
	_ "embed"

	"cofre/executors"
	"cofre/fsm/model"
)

//go:embed catalogue/alter-role.tpl
var alterRole string

//go:embed catalogue/create-role.tpl
var createRole string

//go:embed catalogue/drop-role.tpl
var dropRole string

//go:embed catalogue/session-role.tpl
var sessionRole string

//go:embed catalogue/role-login.tpl
var roleLogin string

//go:embed catalogue/role-nologin.tpl
var roleNoLogin string

// Catalogue lists the templates that Cofre ships for PostgreSQL; each is proven against a real server.
func Catalogue() []executors.CatalogueEntry {
	return []executors.CatalogueEntry{
		{Name: "PostgreSQL ALTER ROLE", Executor: Name, Kind: model.TemplateChange, Content: alterRole},
		{Name: "PostgreSQL create role", Executor: Name, Kind: model.TemplateAutomation, Content: createRole},
		{Name: "PostgreSQL drop role", Executor: Name, Kind: model.TemplateAutomation, Content: dropRole},
		{Name: "PostgreSQL unlock role", Executor: Name, Kind: model.TemplateEnable, Content: roleLogin},
		{Name: "PostgreSQL lock role", Executor: Name, Kind: model.TemplateDisable, Content: roleNoLogin},
		{Name: "PostgreSQL create role for a session", Executor: Name, Kind: model.TemplateCreate, Content: sessionRole},
		{Name: "PostgreSQL remove role after a session", Executor: Name, Kind: model.TemplateDelete, Content: dropRole},
	}
}
