package authn

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Sources finds the address that a request comes from.
type Sources struct{ trusted []netip.Prefix }

// NewSources takes the addresses or prefixes of proxies whose X-Forwarded-For is believed; none by default.
func NewSources(trusted []string) (*Sources, error) {
	s := &Sources{}
	for _, t := range trusted {
		p, err := netip.ParsePrefix(t)
		if err != nil {
			a, err := netip.ParseAddr(t)
			if err != nil {
				return nil, fmt.Errorf("api.trusted_proxies: %q is not an address or prefix", t)
			}
			p = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
		}
		if p.Addr().Is4In6() && p.Bits() >= 96 { // what is compared with it is written as IPv4
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		s.trusted = append(s.trusted, p.Masked())
	}
	return s, nil
}

// Trusts tells whether an address is that of a trusted proxy.
func (s *Sources) Trusts(a netip.Addr) bool {
	for _, p := range s.trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// Of gives the TCP peer's address or, if that is a trusted proxy, the rightmost address in X-Forwarded-For that is not
// one. What stands left of an entry that cannot be read is not believed. IPv4 in IPv6 is written as IPv4.
func (s *Sources) Of(r *http.Request) netip.Addr {
	addr := Peer(r.RemoteAddr)
	if !s.Trusts(addr) {
		return addr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop := Peer(strings.TrimSpace(hops[i]))
		if !hop.IsValid() {
			break
		}
		if addr = hop; !s.Trusts(addr) {
			break
		}
	}
	return addr
}

// Peer reads an address with or without a port; the zero Addr if there is none.
func Peer(s string) netip.Addr {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// Network is what limits count a source by: an IPv4 address, or the /64 of an IPv6 address.
func Network(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
