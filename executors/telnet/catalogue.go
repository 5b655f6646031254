package telnet

import (
	"embed"

	"cofre/executors"
	"cofre/fsm/model"
)

//go:embed catalogue/linux-passwd.tpl
var linuxPasswd string

//go:embed catalogue/devices/*.tpl
var devices embed.FS

// deviceCatalogue is what was never run on a real target: each is played against a dialogue in testdata/dialogues.
func deviceCatalogue() []executors.CatalogueEntry {
	return executors.CatalogueOf(devices, "catalogue/devices", Name, model.TemplateChange)
}

// Catalogue lists the templates that Cofre ships for Telnet; one is proven against a real server, the others against doubles.
func Catalogue() []executors.CatalogueEntry {
	return append([]executors.CatalogueEntry{
		{Name: "Linux passwd (Telnet)", Executor: Name, Kind: model.TemplateChange, Content: linuxPasswd},
	}, deviceCatalogue()...)
}
