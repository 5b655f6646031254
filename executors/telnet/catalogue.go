package telnet

import (
	_ "embed"

	"cofre/executors"
	"cofre/fsm/model"
)

//go:embed catalogue/linux-passwd.tpl
var linuxPasswd string

// Catalogue lists the templates that Cofre ships for Telnet; each is proven against a real server.
func Catalogue() []executors.CatalogueEntry {
	return []executors.CatalogueEntry{
		{Name: "Linux passwd (Telnet)", Executor: Name, Kind: model.TemplateChange, Content: linuxPasswd},
	}
}
