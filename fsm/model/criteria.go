package model

import "slices"

// Criteria say which credentials a policy or a profile is for. Each list that is not empty must hold, and holds when one of
// its entries is equal. Empty criteria fit nothing: what has none is given by name only.
type Criteria struct {
	Devices     []string `cbor:"devices,omitempty"` // host names
	Sites       []string `cbor:"sites,omitempty"`
	DeviceTypes []string `cbor:"device_types,omitempty"`
	Vendors     []string `cbor:"vendors,omitempty"`
	Models      []string `cbor:"models,omitempty"`
	DeviceTags  []string `cbor:"device_tags,omitempty"`
	Types       []string `cbor:"types,omitempty"` // of the credential
	Tags        []string `cbor:"tags,omitempty"`  // of the credential
	Additional  []string `cbor:"additional,omitempty"`
}

// MaxCriteria bounds each list.
const MaxCriteria = 256

// criterion is one list with what it is compared with.
type criterion struct {
	name string
	want []string
	have []string
}

func (k *Criteria) against(c *Credential, d *Device) []criterion {
	return []criterion{
		{"devices", k.Devices, []string{d.Hostname}}, {"sites", k.Sites, []string{d.Site}}, {"device_types", k.DeviceTypes, []string{d.Type}},
		{"vendors", k.Vendors, []string{d.Vendor}}, {"models", k.Models, []string{d.Model}}, {"device_tags", k.DeviceTags, d.Tags},
		{"types", k.Types, []string{c.Type}}, {"tags", k.Tags, c.Tags}, {"additional", k.Additional, []string{c.Additional}},
	}
}

// holds tells whether an object has a value that is wanted.
func (l criterion) holds(want string) bool {
	if l.name == "devices" {
		return FoldHost(l.have[0]) == FoldHost(want)
	}
	return slices.Contains(l.have, want)
}

// Empty tells whether there is no list at all.
func (k *Criteria) Empty() bool {
	return !slices.ContainsFunc(k.against(&Credential{}, &Device{}), func(c criterion) bool { return len(c.want) > 0 })
}

// Misfit names the first list that does not hold for a credential on a device: "" when all do, and there is one.
func (k *Criteria) Misfit(c *Credential, d *Device) string {
	lists := 0
	for _, l := range k.against(c, d) {
		if len(l.want) == 0 {
			continue
		}
		if lists++; !slices.ContainsFunc(l.want, l.holds) {
			return l.name
		}
	}
	if lists == 0 {
		return "none"
	}
	return ""
}

// Check refuses lists that are too long and entries that no object can have.
func (k *Criteria) Check() error {
	for _, l := range k.against(&Credential{}, &Device{}) {
		name := "criteria." + l.name
		if len(l.want) > MaxCriteria {
			return Errorf(Invalid, "%s has more than %d entries", name, MaxCriteria).WithField(name)
		}
		for _, w := range l.want {
			if w == "" {
				return Errorf(Invalid, "%s has an empty entry", name).WithField(name)
			}
			if err := CheckText(name, w, MaxText); err != nil {
				return err
			}
		}
	}
	return nil
}
