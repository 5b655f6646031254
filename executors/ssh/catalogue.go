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

// Catalogue lists the templates that Cofre ships for SSH; each is proven against a real server.
func Catalogue() []executors.CatalogueEntry {
	return []executors.CatalogueEntry{
		{Name: "Linux passwd", Executor: Name, Kind: model.TemplateChange, Content: linuxPasswd},
		{Name: "Linux chpasswd (sudo)", Executor: Name, Kind: model.TemplateChange, Content: linuxChpasswd},
	}
}
