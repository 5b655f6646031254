package runner

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/executors/proxy"
	"cofre/executors/ssh"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/vault/secret"
)

// hop is a jump host or proxy on the way to a device, with who logs in there; nil: nobody.
type hop struct {
	device *model.Device
	login  *model.Credential
	spent  bool // no further login as that one may fail
}

// wayTo lists the hops on the way to a device, the one that we reach ourselves first. The lease reserved a login at those to the
// operation's own device and to those that its SSH key lists; at others, as to a device that fits the pattern of a key, nobody logs in
// whose budget is used up.
func wayTo(v *table.View, d *model.Device, l *model.Lease) ([]hop, error) {
	granted := l.Until - model.Time(state.SystemRow(v).Leases.TTL) // or renewed: in state time
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
			h.spent = !slices.Contains(l.Way, h.login.ID) && state.LoginsLeft(v, h.login, granted) <= 0
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
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if network == "udp" {
			return nil, refused("jump hosts and proxies pass no UDP: the device lists the TCP port itself")
		}
		if err := j.shutOut.check(h); err != nil {
			return nil, err
		}
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
			if f.Unpassed && h.login != nil {
				j.shutOut.note(h.login.ID)
			}
			return nil, &executors.Failure{Class: f.Class, Msg: onTheWay + h.device.Hostname + ": " + f.Msg}
		}
		j.trace.Step(model.Step{Text: "connected through " + h.device.Hostname})
		return c, nil
	}
}

// shutOut are those who may have been refused at a jump host or proxy in this attempt. Nobody of them tries again in it: one
// attempt fails one login of each at most.
type shutOut struct {
	mu  sync.Mutex // guards who
	who []model.CredentialID
}

func (s *shutOut) note(id model.CredentialID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.who, id) && len(s.who) < operation.MaxWay {
		s.who = append(s.who, id)
	}
}

func (s *shutOut) list() []model.CredentialID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.who)
}

// check refuses a login at a hop that could be one too many.
func (s *shutOut) check(h hop) error {
	switch {
	case h.login == nil:
		return nil
	case h.spent:
		return refused(onTheWay + h.device.Hostname + ": " + spentBudget)
	case slices.Contains(s.list(), h.login.ID):
		return refused(onTheWay + h.device.Hostname + ": its login failed before in this attempt")
	}
	return nil
}
