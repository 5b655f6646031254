package device

import (
	"net"
	"strconv"
	"strings"

	"cofre/httpapi/compat"
)

// Columns are the names of a device's cells in tables, the same in the API's CSV and on a terminal.
const Columns = "NUMBER HOSTNAME ADDRESS SITE CONNECTIVITIES PINS STATE TAGS"

// Row are a device's cells.
func (d View) Row() []string {
	return []string{
		strconv.FormatUint(d.Number, 10), d.Hostname, d.IP, d.Site, d.Ports(), strconv.Itoa(len(d.HostKeys)), compat.Word(d.Enabled, "enabled", "disabled"), strings.Join(d.Tags, ","),
	}
}

// Ports lists the connectivities.
func (d View) Ports() string {
	var out []string
	for _, c := range d.Connectivities {
		out = append(out, net.JoinHostPort(c.Protocol, strconv.Itoa(int(c.Port))))
	}
	return strings.Join(out, ",")
}
