package api

import (
	"net/http"

	"github.com/spf13/cobra"

	"cofre/fsm/model"
	"cofre/httpapi/application"
	"cofre/httpapi/credential"
	"cofre/httpapi/device"
)

// mostNamed is how many ids of one answer are shown by name: each costs a request.
const mostNamed = 64

// hostnames are devices that an answer shows by id, by name; one that the caller may not see keeps its id.
func (s *session) hostnames(c *cobra.Command, ids []model.DeviceID) []string {
	return byName(s, c, ids, "devices/%s", func(d device.View) string { return d.Hostname })
}

// identifiers are the same of credentials.
func (s *session) identifiers(c *cobra.Command, ids []model.CredentialID) []string {
	return byName(s, c, ids, "credentials/%s", func(x credential.View) string { return x.Identifier })
}

// accessProfiles are the same of access profiles.
func (s *session) accessProfiles(c *cobra.Command, ids []model.AccessProfileID) []string {
	return byName(s, c, ids, "access-profiles/%s", func(p application.AccessView) string { return p.Name })
}

func byName[ID ~string, T any](s *session, c *cobra.Command, ids []ID, path string, name func(T) string) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = string(id)
		if i >= mostNamed {
			continue
		}
		if row, err := call[T](s, c, http.MethodGet, at(path, string(id)), nil); err == nil {
			out[i] = name(row)
		}
	}
	return out
}
