package oracle

import (
	_ "embed"

	"cofre/executors"
	"cofre/fsm/model"
)

//go:embed catalogue/alter-user.tpl
var alterUser string

//go:embed catalogue/alter-own-user.tpl
var alterOwnUser string

//go:embed catalogue/alter-user-unlock.tpl
var alterUserUnlock string

//go:embed catalogue/unlock-user.tpl
var unlockUser string

//go:embed catalogue/lock-user.tpl
var lockUser string

//go:embed catalogue/create-user.tpl
var createUser string

//go:embed catalogue/session-user.tpl
var sessionUser string

//go:embed catalogue/drop-user.tpl
var dropUser string

//go:embed catalogue/drop-user-sessions.tpl
var dropUserSessions string

// Catalogue lists the templates that Cofre ships for Oracle. They run against a double of its protocol; docs/executors.md says how
// to check them by hand on a real one.
func Catalogue() []executors.CatalogueEntry {
	return []executors.CatalogueEntry{
		{Name: "Oracle user", Executor: Name, Kind: model.TemplateChange, Content: alterUser},
		{Name: "Oracle user, by itself", Executor: Name, Kind: model.TemplateChange, Content: alterOwnUser},
		{Name: "Oracle user, unlocking it", Executor: Name, Kind: model.TemplateChange, Content: alterUserUnlock},
		{Name: "Oracle unlock user", Executor: Name, Kind: model.TemplateEnable, Content: unlockUser},
		{Name: "Oracle lock user", Executor: Name, Kind: model.TemplateDisable, Content: lockUser},
		{Name: "Oracle create user", Executor: Name, Kind: model.TemplateAutomation, Content: createUser},
		{Name: "Oracle drop user", Executor: Name, Kind: model.TemplateAutomation, Content: dropUser},
		{Name: "Oracle drop user, ending its sessions", Executor: Name, Kind: model.TemplateAutomation, Content: dropUserSessions},
		{Name: "Oracle create user for a session", Executor: Name, Kind: model.TemplateCreate, Content: sessionUser},
		{Name: "Oracle remove user after a session", Executor: Name, Kind: model.TemplateDelete, Content: dropUserSessions},
	}
}
