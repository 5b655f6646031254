package audit

import (
	"slices"
	"strings"
	"testing"
)

func TestVendorNumbers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind, fields, origin string
		number               int
	}{
		{"credential.read", "", "COSE", 1}, {"credential.put", "change=changed secret=set", "COSE", 2}, {"credential.put", "change=created secret=set", "COAT", 36}, {"credential.put", "change=changed", "COAT", 36},
		{"operation.created", "kind=password_change trigger=expiry", "COSE", 3}, {"operation.created", "kind=password_change trigger=request", "", 0},
		{"operation.finished", "state=succeeded kind=password_change", "COTR", 21}, {"operation.finished", "kind=child_password_change state=out_of_sync", "COTR", 20},
		{"operation.finished", "kind=password_change state=cancelled", "", 0}, {"operation.finished", "kind=verify state=dead", "", 0}, {"operation.finished", "kind=verify state=succeeded", "CORE", 22},
		{"credential.out_of_sync", "", "CORE", 23}, {"operation.finished", "kind=credential_activation state=dead", "COTR", 25}, {"template.put", "", "COAT", 36}, {"node.joined", "", "", 0},
	} {
		e := Event{Kind: c.kind}
		for _, f := range strings.Fields(c.fields) {
			name, value, _ := strings.Cut(f, "=")
			e.Fields = append(e.Fields, Field{name, value})
		}
		if number, origin, ok := e.Vendor(); number != c.number || origin != c.origin || ok != (c.number != 0) {
			t.Errorf("%s %s: %d %s", c.kind, c.fields, number, origin)
		}
	}
	// Rules name kinds and fields that there are, and every change by an administrator has a number.
	for _, r := range vendorRules {
		for _, kind := range strings.Fields(r.kinds) {
			d := Find(kind)
			for _, one := range strings.Fields(r.only) {
				if name, _, _ := strings.Cut(one, "="); d != nil {
					if _, ok := d.Fields[name]; !ok {
						t.Errorf("%s has no field %s", kind, name)
					}
				}
			}
			if d == nil {
				t.Errorf("there is no event %s", kind)
			}
		}
	}
	for _, d := range Catalogue() {
		if _, what, _ := strings.Cut(d.Kind, "."); (what == "put" || what == "status") && len(VendorNumbers(d.Kind)) == 0 {
			t.Errorf("%s has no number", d.Kind)
		}
	}
	if got := VendorNumbers("operation.finished"); !slices.Equal(got, []string{"20", "21", "22", "24", "25"}) {
		t.Error(got)
	}
}
