package ldap

import (
	_ "embed"

	"cofre/executors"
	"cofre/fsm/model"
)

//go:embed catalogue/openldap-dn.tpl
var openldapDN string

//go:embed catalogue/openldap-uid.tpl
var openldapUID string

// Catalogue lists the templates that Cofre ships for directories; each is proven against a real OpenLDAP.
func Catalogue() []executors.CatalogueEntry {
	return []executors.CatalogueEntry{
		{Name: "OpenLDAP password by DN", Executor: Name, Kind: model.TemplateChange, Content: openldapDN},
		{Name: "OpenLDAP password by uid", Executor: Name, Kind: model.TemplateChange, Content: openldapUID},
	}
}
