package sqlserver

import (
	_ "embed"

	"cofre/executors"
	"cofre/fsm/model"
)

//go:embed catalogue/alter-login.tpl
var alterLogin string

//go:embed catalogue/alter-own-login.tpl
var alterOwnLogin string

//go:embed catalogue/alter-login-unlock.tpl
var alterLoginUnlock string

//go:embed catalogue/create-login.tpl
var createLogin string

//go:embed catalogue/drop-login.tpl
var dropLogin string

// Catalogue lists the templates that Cofre ships for SQL Server. They run against a double of its protocol; docs/executors.md
// says how to check them by hand on a real one.
func Catalogue() []executors.CatalogueEntry {
	return []executors.CatalogueEntry{
		{Name: "SQL Server login", Executor: Name, Kind: model.TemplateChange, Content: alterLogin},
		{Name: "SQL Server login, by itself", Executor: Name, Kind: model.TemplateChange, Content: alterOwnLogin},
		{Name: "SQL Server login, unlocking it", Executor: Name, Kind: model.TemplateChange, Content: alterLoginUnlock},
		{Name: "SQL Server create login", Executor: Name, Kind: model.TemplateAutomation, Content: createLogin},
		{Name: "SQL Server drop login", Executor: Name, Kind: model.TemplateAutomation, Content: dropLogin},
	}
}
