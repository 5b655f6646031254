package winrpc

import (
	_ "embed"

	"cofre/executors"
	"cofre/fsm/model"
)

//go:embed catalogue/password.tpl
var password string

//go:embed catalogue/create.tpl
var createUser string

//go:embed catalogue/remove.tpl
var removeUser string

// Catalogue lists the templates that Cofre ships for Windows by RPC; each is proven against Samba's domain controller.
func Catalogue() []executors.CatalogueEntry {
	return []executors.CatalogueEntry{
		{Name: "Windows account password (RPC)", Executor: Name, Kind: model.TemplateChange, Content: password},
		{Name: "Windows create user (RPC)", Executor: Name, Kind: model.TemplateAutomation, Content: createUser},
		{Name: "Windows remove user (RPC)", Executor: Name, Kind: model.TemplateAutomation, Content: removeUser},
	}
}
