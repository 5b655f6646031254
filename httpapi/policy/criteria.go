package policy

import (
	"cofre/fsm/model"
)

// Criteria say which credentials take the policy. Each list that is not empty must hold, and holds when one of its entries
// is equal; without any list the policy is given by name only.
type Criteria struct {
	Devices     []string `json:"devices" doc:"host names"`
	Sites       []string `json:"sites"`
	DeviceTypes []string `json:"device_types"`
	Vendors     []string `json:"vendors"`
	Models      []string `json:"models"`
	DeviceTags  []string `json:"device_tags"`
	Types       []string `json:"types" doc:"of the credential, such as Local User"`
	Tags        []string `json:"tags" doc:"of the credential"`
	Additional  []string `json:"additional" doc:"additional information of the credential"`
}

func criteriaOf(k *model.Criteria) Criteria {
	c := Criteria(*k)
	for _, l := range []*[]string{&c.Devices, &c.Sites, &c.DeviceTypes, &c.Vendors, &c.Models, &c.DeviceTags, &c.Types, &c.Tags, &c.Additional} {
		if *l == nil {
			*l = []string{}
		}
	}
	return c
}
