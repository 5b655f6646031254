package runner

import (
	"context"
	"net"
	"net/netip"
	"sync"

	"cofre/executors"
	"cofre/fsm/model"
)

// dialer opens connections to the operation's device, to the other hosts of the service that it stands for, and nowhere else
// (RULES 10): straight, or by way of the device's jump hosts and proxies. Whoever is the last on the way looks the names up.
func (r *Runner) dialer(j *job) executors.Dialer {
	way := j.ways[j.device.ID]
	if len(way) == 0 {
		return r.straight(j.device, j.executor)
	}
	reach := r.straight(way[0].device, nil)
	for i, h := range way {
		reach = j.through(h, reach)
		if i+1 < len(way) {
			reach = only(way[i+1].device, nil, reach)
		}
	}
	return only(j.device, j.executor, reach)
}

// only lets a dialer reach one device.
func only(d *model.Device, e executors.Executor, dial executors.Dialer) executors.Dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if _, _, ok := reaches(d, e, address); !ok {
			return nil, refused(onlyDevice)
		}
		return dial(ctx, network, address)
	}
}

const onlyDevice = "an operation connects to its device only"

// straight opens sockets to a device. A name is resolved once per attempt; a name that leads to this machine, to link-local or
// metadata addresses, or to the cluster is refused. An address that somebody registered as an address is taken as meant.
func (r *Runner) straight(d *model.Device, e executors.Executor) executors.Dialer {
	var mu sync.Mutex // guards pins
	pins := map[string]netip.Addr{}
	pin := func(ctx context.Context, host string) (netip.Addr, error) {
		mu.Lock()
		defer mu.Unlock()
		if a, ok := pins[host]; ok {
			return a, nil
		}
		a, err := r.resolveHost(ctx, host)
		if err == nil {
			pins[host] = a
		}
		return a, err
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, ok := reaches(d, e, address)
		if !ok {
			return nil, refused(onlyDevice)
		}
		a, err := pin(ctx, host)
		if err != nil {
			return nil, err
		}
		var dial net.Dialer
		return dial.DialContext(ctx, network, net.JoinHostPort(a.String(), port))
	}
}

// reaches tells whether an address is the device's, or port 443 of a host of the service that the device stands for. A device with
// an address of its own stands for that address alone.
func reaches(d *model.Device, e executors.Executor, address string) (host, port string, ok bool) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == d.Address() {
		return host, port, err == nil
	}
	estate, ok := e.(executors.Estate)
	return host, port, ok && port == "443" && d.IP == "" && estate.Belongs(d.Hostname, host)
}

func refused(msg string) error { return &executors.Failure{Class: executors.ClassRefused, Msg: msg} }

func (r *Runner) resolveHost(ctx context.Context, host string) (netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap(), nil
	}
	addrs, err := r.lookup(ctx, "ip", host)
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
