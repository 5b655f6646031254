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

//go:embed catalogue/enable.tpl
var enableUser string

//go:embed catalogue/disable.tpl
var disableUser string

//go:embed catalogue/session-create.tpl
var sessionCreate string

// Catalogue lists the templates that Cofre ships for Windows by RPC; each is proven against Samba's domain controller.
func Catalogue() []executors.CatalogueEntry {
	return []executors.CatalogueEntry{
		{Name: "Windows account password (RPC)", Executor: Name, Kind: model.TemplateChange, Content: password},
		{Name: "Windows create user (RPC)", Executor: Name, Kind: model.TemplateAutomation, Content: createUser},
		{Name: "Windows remove user (RPC)", Executor: Name, Kind: model.TemplateAutomation, Content: removeUser},
		{Name: "Windows enable account (RPC)", Executor: Name, Kind: model.TemplateEnable, Content: enableUser},
		{Name: "Windows disable account (RPC)", Executor: Name, Kind: model.TemplateDisable, Content: disableUser},
		{Name: "Windows create user for a session (RPC)", Executor: Name, Kind: model.TemplateCreate, Content: sessionCreate},
		{Name: "Windows remove user after a session (RPC)", Executor: Name, Kind: model.TemplateDelete, Content: removeUser},
	}
}
