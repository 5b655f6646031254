package runner

import (
	"context"
	"net"
	"net/netip"
	"sync"

	"cofre/executors"
	"cofre/fsm/model"
)

// dialer opens sockets to the operation's device and nowhere else (RULES 10). A name is resolved once per attempt; a name
// that leads to this machine, to link-local or metadata addresses, or to the cluster is refused. An address that somebody
// registered as an address is taken as meant.
func (r *Runner) dialer(d *model.Device) executors.Dialer {
	var once sync.Once
	var pinned netip.Addr
	var failure error
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil || host != d.Address() {
			return nil, refused("an operation connects to its device only")
		}
		once.Do(func() { pinned, failure = r.resolveHost(ctx, host) })
		if failure != nil {
			return nil, failure
		}
		var dial net.Dialer
		return dial.DialContext(ctx, network, net.JoinHostPort(pinned.String(), port))
	}
}

func refused(msg string) error { return &executors.Failure{Class: executors.ClassRefused, Msg: msg} }

func (r *Runner) resolveHost(ctx context.Context, host string) (netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap(), nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, &executors.Failure{Class: executors.ClassNetwork, Msg: "the device's name cannot be resolved"}
	}
	for _, a := range addrs {
		a = a.Unmap()
		if a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() || a.IsMulticast() || r.Refuse(a.String()) {
			return netip.Addr{}, refused("the device's name leads to this machine, a link-local address or the cluster: register the address itself if that is meant")
		}
	}
	return addrs[0].Unmap(), nil
}
