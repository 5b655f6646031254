package runner

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/executors/proxy"
	"cofre/executors/ssh"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/vault/secret"
)

// hop is a jump host or proxy on the way to a device, with who logs in there; nil: nobody.
type hop struct {
	device *model.Device
	login  *model.Credential
}

// wayTo lists the hops on the way to a device, the one that we reach ourselves first.
func wayTo(v *table.View, d *model.Device) ([]hop, error) {
	var way []hop
	for at := d; at.Via != ""; {
		next, ok := state.Devices.Get(v, string(at.Via))
		if !ok || !next.Enabled {
			return nil, missing("the jump host or proxy of " + at.Hostname + " is gone or inactive")
		}
		h := hop{device: next}
		if at.ViaLogin != "" {
			if h.login, ok = state.Credentials.Get(v, string(at.ViaLogin)); !ok || !h.login.Enabled || h.login.Device != next.ID {
				return nil, missing("who logs in at " + next.Hostname + " is gone, inactive, or no credential of it any more")
			}
		}
		if way = append(way, h); len(way) > model.MaxHops {
			return nil, missing("too many jump hosts and proxies stand one behind the other")
		}
		at = next
	}
	slices.Reverse(way)
	return way, nil
}

// onTheWay begins what is told of a failure at a hop.
const onTheWay = "on the way, at "

// through makes a dialer that reaches addresses by way of a hop, which is itself reached by another dialer.
func (j *job) through(h hop, reach executors.Dialer) executors.Dialer {
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		s := executors.Session{Dial: reach, ConnectTimeout: j.connect, Resolve: func(n mask.Name) (secret.Value, error) {
			switch {
			case h.login == nil:
			case n == mask.AuthUser:
				return secret.New([]byte(h.login.Username)), nil
			case n == mask.AuthPassword:
				return j.decrypt(h.login)
			}
			return secret.Value{}, mask.NoValue(n)
		}}
		connect := proxy.Dial
		protocols := []string{proxy.Socks5, proxy.HTTPS, proxy.HTTP}
		if !slices.ContainsFunc(protocols, func(p string) bool { return h.device.Port(p) != 0 }) {
			connect, protocols = ssh.Jump, ssh.Executor{}.Protocols()
		}
		s.Target = endpoint(h.device, protocols)
		c, err := connect(ctx, s, address)
		if err != nil {
			f := new(executors.Failure)
			if !errors.As(err, &f) {
				f = &executors.Failure{Class: executors.ClassOf(err), Msg: err.Error()}
			}
			if strings.HasPrefix(f.Msg, onTheWay) { // an earlier hop said so
				return nil, f
			}
			return nil, &executors.Failure{Class: f.Class, Msg: onTheWay + h.device.Hostname + ": " + f.Msg}
		}
		j.trace.Step(model.Step{Text: "connected through " + h.device.Hostname})
		return c, nil
	}
}
