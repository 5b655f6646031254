package mysql

import (
	_ "embed"

	"cofre/executors"
	"cofre/fsm/model"
)

//go:embed catalogue/alter-user.tpl
var alterUser string

//go:embed catalogue/alter-user-host.tpl
var alterUserHost string

// Catalogue lists the templates that Cofre ships for MySQL and MariaDB; each is proven against a real MariaDB.
func Catalogue() []executors.CatalogueEntry {
	return []executors.CatalogueEntry{
		{Name: "MySQL ALTER USER", Executor: Name, Kind: model.TemplateChange, Content: alterUser},
		{Name: "MySQL ALTER USER at a host", Executor: Name, Kind: model.TemplateChange, Content: alterUserHost},
	}
}
