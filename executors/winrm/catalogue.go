package winrm

import (
	_ "embed"

	"cofre/executors"
	"cofre/fsm/model"
)

//go:embed catalogue/password.tpl
var password string

//go:embed catalogue/own.tpl
var ownPassword string

//go:embed catalogue/enable.tpl
var enableUser string

//go:embed catalogue/disable.tpl
var disableUser string

//go:embed catalogue/create.tpl
var createUser string

//go:embed catalogue/remove.tpl
var removeUser string

//go:embed catalogue/session-create.tpl
var sessionCreate string

// Catalogue lists the templates that Cofre ships for Windows by remote management; each was run against a double only.
func Catalogue() []executors.CatalogueEntry {
	return []executors.CatalogueEntry{
		{Name: "Windows local user password (WinRM)", Executor: Name, Kind: model.TemplateChange, Content: password},
		{Name: "Windows local user password, by itself (WinRM)", Executor: Name, Kind: model.TemplateChange, Content: ownPassword},
		{Name: "Windows enable local user (WinRM)", Executor: Name, Kind: model.TemplateEnable, Content: enableUser},
		{Name: "Windows disable local user (WinRM)", Executor: Name, Kind: model.TemplateDisable, Content: disableUser},
		{Name: "Windows create local user (WinRM)", Executor: Name, Kind: model.TemplateAutomation, Content: createUser},
		{Name: "Windows remove local user (WinRM)", Executor: Name, Kind: model.TemplateAutomation, Content: removeUser},
		{Name: "Windows create local user for a session (WinRM)", Executor: Name, Kind: model.TemplateCreate, Content: sessionCreate},
		{Name: "Windows remove local user after a session (WinRM)", Executor: Name, Kind: model.TemplateDelete, Content: removeUser},
	}
}
