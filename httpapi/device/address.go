package device

import (
	"net/netip"
	"strings"

	"cofre/fsm/model"
)

// CheckAddress refuses what looks like an address and is none: a slip would show only when the first operation fails. Names
// are allowed.
func CheckAddress(ip string) error {
	_, err := netip.ParseAddr(ip)
	if err == nil || ip == "" || !strings.Contains(ip, ":") && strings.Trim(ip, "0123456789.") != "" {
		return nil
	}
	return model.Errorf(model.Invalid, "ip %q is no address; it is one such as 192.0.2.7 or 2001:db8::7, without a port, or a name", ip).WithField("ip")
}
