package audit

import (
	"slices"
	"strconv"
	"strings"
)

// vendorRule says which event of senhasegura's list (product.md 6.5) a kind is: rules about it are written by that number.
type vendorRule struct {
	number int
	origin string
	kinds  string // one or more
	only   string // name=value of a field, where the kind alone does not tell; more than one: all of them
}

// vendorRules are looked at in their order. Administrative changes are the vendor's audit trail, 36.
var vendorRules = []vendorRule{
	{1, "COSE", "credential.read", ""},
	{2, "COSE", "credential.put", "change=changed secret=set"},
	{3, "COSE", "operation.created", "kind=password_change trigger=expiry"},
	{4, "COSE", "credential.daily", ""},
	{5, "COSG", "information.read", ""},
	{6, "COSG", "information.put", ""},
	{16, "COSS", "session.started", ""},
	{17, "COSS", "session.ended", ""},
	{18, "COBA", "cluster.backup", ""},
	{20, "COTR", "operation.finished", "kind=password_change state=dead"},
	{20, "COTR", "operation.finished", "kind=password_change state=out_of_sync"},
	{20, "COTR", "operation.finished", "kind=child_password_change state=dead"},
	{20, "COTR", "operation.finished", "kind=child_password_change state=out_of_sync"},
	{21, "COTR", "operation.finished", "kind=password_change state=succeeded"},
	{21, "COTR", "operation.finished", "kind=child_password_change state=succeeded"},
	{22, "CORE", "operation.finished", "kind=verify state=succeeded"},
	{23, "CORE", "credential.drifted", ""},
	{23, "CORE", "credential.out_of_sync", ""},
	{24, "COTR", "operation.finished", "kind=credential_activation state=succeeded"},
	{25, "COTR", "operation.finished", "kind=credential_activation state=dead"},
	{26, "CONO", "operation.daily", ""},
	{36, "COAT", "application.put authorization.put oauth.put arn.put awskey.put authorization.secret_read admin.issued device.put device.trusted device.status credential.put credential.status " +
		"information.status encryption.put encryption.rotated encryption.status relateduser.put policy.put profile.put automation.put automation.frozen automation.thawed automation.stopped " +
		"automation.resumed template.put template.approved template.closed template.workflow template.status chain.put pool.put access.put access.reads dynamic.profile dynamic.linked " +
		"orphan.planned dsm.put dsm.status dsm.automation_put dsm.registered", ""},
	{37, "AUTH", "token.issued token.revoked arn.proven audit.note", ""},
}

// Vendor tells number and origin of an event in senhasegura's list; ok is false if it has none there.
func (e *Event) Vendor() (number int, origin string, ok bool) {
	for _, r := range vendorRules {
		if slices.Contains(strings.Fields(r.kinds), e.Kind) && r.fits(e) {
			return r.number, r.origin, true
		}
	}
	return 0, "", false
}

func (r *vendorRule) fits(e *Event) bool {
	for _, one := range strings.Fields(r.only) {
		if name, value, _ := strings.Cut(one, "="); e.Field(name) != value {
			return false
		}
	}
	return true
}

// VendorNumbers lists the numbers that events of a kind may have in senhasegura's list.
func VendorNumbers(kind string) []string {
	var out []string
	for _, r := range vendorRules {
		if n := strconv.Itoa(r.number); slices.Contains(strings.Fields(r.kinds), kind) && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}
