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

//go:embed catalogue/create-user.tpl
var createUser string

//go:embed catalogue/create-user-role.tpl
var createUserRole string

//go:embed catalogue/drop-user.tpl
var dropUser string

// Catalogue lists the templates that Cofre ships for MySQL and MariaDB; each is proven against a real MariaDB.
func Catalogue() []executors.CatalogueEntry {
	return []executors.CatalogueEntry{
		{Name: "MySQL ALTER USER", Executor: Name, Kind: model.TemplateChange, Content: alterUser},
		{Name: "MySQL ALTER USER at a host", Executor: Name, Kind: model.TemplateChange, Content: alterUserHost},
		{Name: "MariaDB create user", Executor: Name, Kind: model.TemplateAutomation, Content: createUser},
		{Name: "MariaDB create user with a role", Executor: Name, Kind: model.TemplateAutomation, Content: createUserRole},
		{Name: "MariaDB drop user", Executor: Name, Kind: model.TemplateAutomation, Content: dropUser},
	}
}
