package curl

import (
	_ "embed"

	"cofre/executors"
	"cofre/fsm/model"
)

//go:embed catalogue/elasticsearch-user.tpl
var elasticsearchUser string

// Catalogue lists the templates that Cofre ships for HTTP APIs; they are proven against doubles of those APIs.
func Catalogue() []executors.CatalogueEntry {
	return []executors.CatalogueEntry{
		{Name: "Elasticsearch user", Executor: Name, Kind: model.TemplateChange, Content: elasticsearchUser},
	}
}
