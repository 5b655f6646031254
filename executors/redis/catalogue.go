package redis

import (
	_ "embed"

	"cofre/executors"
	"cofre/fsm/model"
)

//go:embed catalogue/acl-user.tpl
var aclUser string

//go:embed catalogue/create-user.tpl
var createUser string

//go:embed catalogue/remove-user.tpl
var removeUser string

// Catalogue lists the templates that Cofre ships for Redis; each is proven against a real server.
func Catalogue() []executors.CatalogueEntry {
	return []executors.CatalogueEntry{
		{Name: "Redis ACL user", Executor: Name, Kind: model.TemplateChange, Content: aclUser},
		{Name: "Redis create user", Executor: Name, Kind: model.TemplateAutomation, Content: createUser},
		{Name: "Redis remove user", Executor: Name, Kind: model.TemplateAutomation, Content: removeUser},
	}
}
