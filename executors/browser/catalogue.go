package browser

import (
	_ "embed"

	"cofre/executors"
	"cofre/fsm/model"
)

//go:embed catalogue/form.tpl
var form string

// Catalogue lists the templates that Cofre ships for web pages: one to clone, proven by a real browser on a site of the tests.
func Catalogue() []executors.CatalogueEntry {
	return []executors.CatalogueEntry{{Name: "Web form password", Executor: Name, Kind: model.TemplateChange, Content: form}}
}
