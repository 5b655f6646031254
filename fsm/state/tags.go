package state

import (
	"strconv"

	"cofre/fsm/model"
)

// TagTexts gives the tags of a template that may be seen, for work on a credential by the one that logs in; an absent or empty one
// has no value. port is where the executor connects, 0 if the device does not list it.
func TagTexts(c, door *model.Credential, d *model.Device, port uint16) map[string]string {
	or := func(a, b string) string {
		if a != "" {
			return a
		}
		return b
	}
	m := map[string]string{
		"USERNAME": c.Username, "AUTH_USER": door.Username, "AUTH_DOMAIN": or(door.Domain, d.Domain), "ADD_INFO": c.Additional,
		"IP": d.IP, "HOSTNAME": d.Hostname, "DOMAIN": or(c.Domain, d.Domain), "CONNECT_IP": d.Address(),
	}
	if port != 0 {
		m["CONNECT_PORT"] = strconv.Itoa(int(port))
	}
	if c.Settings != nil {
		m["SERVER_PATH"] = c.Settings.ServerPath
	}
	return m
}
