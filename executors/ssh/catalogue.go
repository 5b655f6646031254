package ssh

import (
	_ "embed"

	"cofre/executors"
	"cofre/fsm/model"
)

//go:embed catalogue/linux-passwd.tpl
var linuxPasswd string

//go:embed catalogue/linux-chpasswd-sudo.tpl
var linuxChpasswd string

//go:embed catalogue/esxi-account.tpl
var esxiAccount string

//go:embed catalogue/linux-create-sudo.tpl
var linuxCreate string

//go:embed catalogue/linux-remove-sudo.tpl
var linuxRemove string

// Catalogue lists the templates that Cofre ships for SSH; those for Linux are proven against a real server, the one for ESXi
// against a double of esxcli on a real sshd.
func Catalogue() []executors.CatalogueEntry {
	return []executors.CatalogueEntry{
		{Name: "Linux passwd", Executor: Name, Kind: model.TemplateChange, Content: linuxPasswd},
		{Name: "Linux chpasswd (sudo)", Executor: Name, Kind: model.TemplateChange, Content: linuxChpasswd},
		{Name: "Linux create user (sudo)", Executor: Name, Kind: model.TemplateAutomation, Content: linuxCreate},
		{Name: "Linux remove user (sudo)", Executor: Name, Kind: model.TemplateAutomation, Content: linuxRemove},
		{Name: "VMware ESXi account", Executor: Name, Kind: model.TemplateChange, Content: esxiAccount},
	}
}
