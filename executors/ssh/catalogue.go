package ssh

import (
	"embed"

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

//go:embed catalogue/linux-unlock-sudo.tpl
var linuxUnlock string

//go:embed catalogue/linux-lock-sudo.tpl
var linuxLock string

//go:embed catalogue/linux-session-create-sudo.tpl
var linuxSessionCreate string

//go:embed catalogue/ssh-key.tpl
var sshKey string

//go:embed catalogue/devices/*.tpl
var devices embed.FS

// deviceCatalogue is what was never run on a real target: each is played against a dialogue in testdata/dialogues.
func deviceCatalogue() []executors.CatalogueEntry {
	return executors.CatalogueOf(devices, "catalogue/devices", Name, model.TemplateChange)
}

// Catalogue lists the templates that Cofre ships for SSH; nine for Linux are proven against a real server, one for ESXi
// against a double of esxcli on a real sshd, the others against dialogues.
func Catalogue() []executors.CatalogueEntry {
	return append([]executors.CatalogueEntry{
		{Name: "Linux passwd", Executor: Name, Kind: model.TemplateChange, Content: linuxPasswd},
		{Name: "Linux chpasswd (sudo)", Executor: Name, Kind: model.TemplateChange, Content: linuxChpasswd},
		{Name: "Linux create user (sudo)", Executor: Name, Kind: model.TemplateAutomation, Content: linuxCreate},
		{Name: "Linux remove user (sudo)", Executor: Name, Kind: model.TemplateAutomation, Content: linuxRemove},
		{Name: "Linux unlock account (sudo)", Executor: Name, Kind: model.TemplateEnable, Content: linuxUnlock},
		{Name: "Linux lock account (sudo)", Executor: Name, Kind: model.TemplateDisable, Content: linuxLock},
		{Name: "Linux create user for a session (sudo)", Executor: Name, Kind: model.TemplateCreate, Content: linuxSessionCreate},
		{Name: "Linux remove user after a session (sudo)", Executor: Name, Kind: model.TemplateDelete, Content: linuxRemove},
		{Name: "SSH key (authorized_keys)", Executor: KeyName, Kind: model.TemplateChange, Content: sshKey},
		{Name: "VMware ESXi account", Executor: Name, Kind: model.TemplateChange, Content: esxiAccount},
	}, deviceCatalogue()...)
}
