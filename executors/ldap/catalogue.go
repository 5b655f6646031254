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

//go:embed catalogue/openldap-create.tpl
var openldapCreate string

//go:embed catalogue/openldap-remove.tpl
var openldapRemove string

//go:embed catalogue/ad-password.tpl
var adPassword string

//go:embed catalogue/ad-password-self.tpl
var adPasswordSelf string

//go:embed catalogue/ad-create.tpl
var adCreate string

//go:embed catalogue/ad-remove.tpl
var adRemove string

//go:embed catalogue/ad-enable.tpl
var adEnable string

//go:embed catalogue/ad-disable.tpl
var adDisable string

//go:embed catalogue/ad-session-create.tpl
var adSessionCreate string

// Catalogue lists the templates that Cofre ships for directories; each is proven against a real OpenLDAP, or a real domain
// controller of Samba.
func Catalogue() []executors.CatalogueEntry {
	return []executors.CatalogueEntry{
		{Name: "OpenLDAP password by DN", Executor: Name, Kind: model.TemplateChange, Content: openldapDN},
		{Name: "OpenLDAP password by uid", Executor: Name, Kind: model.TemplateChange, Content: openldapUID},
		{Name: "OpenLDAP create user", Executor: Name, Kind: model.TemplateAutomation, Content: openldapCreate},
		{Name: "OpenLDAP remove user", Executor: Name, Kind: model.TemplateAutomation, Content: openldapRemove},
		{Name: "Active Directory password (LDAPS)", Executor: Name, Kind: model.TemplateChange, Content: adPassword},
		{Name: "Active Directory password, by itself (LDAPS)", Executor: Name, Kind: model.TemplateChange, Content: adPasswordSelf},
		{Name: "Active Directory create user (LDAPS)", Executor: Name, Kind: model.TemplateAutomation, Content: adCreate},
		{Name: "Active Directory remove user (LDAPS)", Executor: Name, Kind: model.TemplateAutomation, Content: adRemove},
		{Name: "Active Directory enable account (LDAPS)", Executor: Name, Kind: model.TemplateEnable, Content: adEnable},
		{Name: "Active Directory disable account (LDAPS)", Executor: Name, Kind: model.TemplateDisable, Content: adDisable},
		{Name: "Active Directory create user for a session (LDAPS)", Executor: Name, Kind: model.TemplateCreate, Content: adSessionCreate},
		{Name: "Active Directory remove user after a session (LDAPS)", Executor: Name, Kind: model.TemplateDelete, Content: adRemove},
	}
}
