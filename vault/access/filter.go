package access

import (
	"slices"
	"strings"

	"cofre/fsm/model"
)

func (f *ListFilter) matches(c *model.Credential, d *model.Device) bool {
	switch {
	case f.Device != "" && c.Device != f.Device:
		return false
	case f.Tag != "" && !slices.Contains(c.Tags, f.Tag):
		return false
	case f.Type != "" && !strings.EqualFold(f.Type, c.Type):
		return false
	case f.Search != "":
		needle := strings.ToLower(f.Search)
		return slices.ContainsFunc([]string{c.Identifier, c.Username, d.Hostname}, func(s string) bool {
			return strings.Contains(strings.ToLower(s), needle)
		})
	}
	return true
}
