package route

import (
	"net/http"
	"strings"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
)

// notOffered are routes of the vendor's documents that Cofre does not have, below /iso and /api, with what to do instead. Who calls one
// is told so: an unknown path looks like a mistake in the address.
var notOffered = []struct{ path, instead string }{
	{"remote/session", "proxy sessions are not Cofre's: a proxy reports its sessions to /api/v1/sessions"},
	{"coge/risco", "the risk of proxy sessions is not Cofre's: a proxy reports its sessions to /api/v1/sessions"},
	{"system/nc/agent", "there are no such agents: a node reaches targets itself, or through a device's jump host (via)"},
}

// unknown is the error of a path that no route has.
func unknown(path string) error {
	path = strings.ToLower(strings.Join(split(path), "/")) + "/"
	for _, n := range notOffered {
		for _, prefix := range []string{"iso/", "api/"} {
			if strings.HasPrefix(path, prefix+n.path+"/") {
				return &compat.Error{Status: http.StatusNotFound, Code: 4, Err: model.Errorf(model.NotFound, "Resource sub not found: %s is not offered: %s", n.path, n.instead)}
			}
		}
	}
	return errPath
}
