package runner_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"cofre/executors"
	real "cofre/executors/executortest/target"
	"cofre/executors/runner"
	"cofre/fsm/command"
	"cofre/fsm/credential"
	"cofre/fsm/device"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// TestWay: an operation reaches its device through the device's jump hosts in their order, real ones, and reaches nothing else; what
// is wrong on the way ends it before anything was sent, and is no bad login of the credential.
func TestWay(t *testing.T) {
	t.Parallel()
	hello := listen(t)
	outer, inner := real.SSHD(t), real.SSHD(t)
	user, password := outer.AddUser(t) // an account of the machine, so that it is one of both
	for _, c := range []struct {
		name    string
		break_  func(h *house, outer, inner model.Device, login model.CredentialID)
		dial    string // "": the device
		message string // "": it is reached
	}{
		{"both let us through", nil, "", ""},
		{"another address", nil, "127.0.0.1:1", "an operation connects to its device only"},
		{"UDP", nil, "udp", "jump hosts and proxies pass no UDP"},
		{"the jump host itself", nil, outer.Addr(), "an operation connects to its device only"},
		{"a wrong password on the way", func(h *house, _, _ model.Device, login model.CredentialID) {
			put(h, credential.PutArgs{ID: login, Secret: &credential.NewSecret{Row: "w2", Secret: model.Sealed{Term: 1, Box: []byte("Wrong-pass-1")}}})
		}, "", "on the way, at outer: the target refused the login of " + user},
		{"another host key on the way", func(h *house, outer, _ model.Device, _ model.CredentialID) {
			trust(h, outer.ID, "SHA256:other")
		}, "", "on the way, at outer: the target has no host key of a pinned type"},
		{"a jump host is disabled", func(h *house, outer, _ model.Device, _ model.CredentialID) {
			as(h, device.SetStatus, device.StatusArgs{ID: outer.ID})
		}, "", "the jump host or proxy of inner is gone or inactive"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			login := model.CredentialID("")
			hop := func(name string, s *real.SSH, via model.DeviceID, viaLogin model.CredentialID) model.Device {
				d := as(h, device.Put, device.PutArgs{Device: model.Device{Hostname: name, IP: "127.0.0.1", Via: via, ViaLogin: viaLogin, Connectivities: []model.Connectivity{{Protocol: "SSH", Port: s.Port()}}}}).Device
				trust(h, d.ID, s.Fingerprint())
				login = put(h, credential.PutArgs{Identifier: name, Device: d.ID, Username: new(user), Secret: &credential.NewSecret{Row: "r" + name, Secret: model.Sealed{Term: 1, Box: []byte(password)}}})
				return d
			}
			first := hop("outer", outer, "", "")
			firstLogin := login
			second := hop("inner", inner, first.ID, login)
			own := h.device(h.credential().Device)
			own.IP, own.Via, own.ViaLogin = "127.0.0.1", second.ID, login
			as(h, device.Put, device.PutArgs{Device: *own})
			if c.break_ != nil {
				c.break_(h, first, second, firstLogin)
			}
			address, network := hello, "tcp"
			if c.dial == "udp" {
				network = c.dial
			} else if c.dial != "" {
				address = c.dial
				if strings.HasPrefix(address, "127.0.0.1:") { // the device has that address: another one is not its
					address = strings.Replace(address, "127.0.0.1", "127.0.0.2", 1)
				}
			}
			h.start(fake{run: func(ctx context.Context, s executors.Session) (executors.Outcome, error) {
				conn, err := s.Dial(ctx, network, address)
				if err != nil {
					return executors.NotStarted, executors.Fail(executors.ClassNetwork, 0, err)
				}
				defer conn.Close()
				if said, err := io.ReadAll(conn); err != nil || string(said) != "hello" {
					return executors.Uncertain, errors.Join(err, &executors.Failure{Class: executors.ClassProtocol, Msg: string(said)})
				}
				return executors.Applied, nil
			}, verify: func(string) (bool, error) { return true, nil }})
			id, _ := h.grant()
			if c.message == "" {
				h.await(id, c.name, in(model.OpSucceeded))
				if steps := fmt.Sprint(h.attempt(id).Steps); !strings.Contains(steps, "connected through outer") || !strings.Contains(steps, "connected through inner") {
					t.Errorf("the transcript does not tell the way: %s", steps)
				}
				return
			}
			h.await(id, c.name, func(o *model.Operation) bool { return strings.Contains(o.Message, c.message) })
			if o := h.operation(id); o.State == model.OpSucceeded || o.State == model.OpSettling {
				t.Errorf("%s: %s", o.State, o.Message)
			}
			refused := 0
			if strings.Contains(c.message, "refused the login") {
				refused = 1
			}
			if at := h.numbered(firstLogin); len(at.BadLogins) != refused || len(at.Reserved) != 0 {
				t.Errorf("the login at the first jump host: %d bad, reserved %v; want %d", len(at.BadLogins), at.Reserved, refused)
			}
			for _, other := range []model.CredentialID{login, h.credential().ID} {
				if at := h.numbered(other); len(at.BadLogins) != 0 || len(at.Reserved) != 0 {
					t.Errorf("another login: %d bad, reserved %v", len(at.BadLogins), at.Reserved)
				}
			}
		})
	}
}

// TestWaySpent: an attempt fails one login at a jump host at most, however often it connects. When the budget of that login is used
// up, nothing goes that way until it is not: no lease is granted, and where none reserves a login, as at a device that fits the pattern of an
// SSH key, nobody logs in.
func TestWaySpent(t *testing.T) {
	t.Parallel()
	jump := real.SSHD(t)
	user, _ := jump.AddUser(t)
	h := open(t)
	bastion := as(h, device.Put, device.PutArgs{Device: model.Device{Hostname: "bastion", IP: "127.0.0.1", Connectivities: []model.Connectivity{{Protocol: "SSH", Port: jump.Port()}}}}).Device
	trust(h, bastion.ID, jump.Fingerprint())
	policy := h.credential().Policy // two failing logins in a minute
	login := put(h, credential.PutArgs{Identifier: "jumper", Device: bastion.ID, Username: new(user), Policy: &policy, Secret: &credential.NewSecret{Row: "rj", Secret: model.Sealed{Term: 1, Box: []byte("Wrong-pass-1")}}})
	own := h.device(h.credential().Device)
	own.IP, own.Via, own.ViaLogin = "127.0.0.1", bastion.ID, login
	as(h, device.Put, device.PutArgs{Device: *own})
	said := make(chan error, 3)
	h.start(fake{run: func(ctx context.Context, s executors.Session) (_ executors.Outcome, err error) {
		for range cap(said) {
			_, err = s.Dial(ctx, "tcp", "127.0.0.1:1")
			said <- err
		}
		return executors.NotStarted, err
	}, verify: func(string) (bool, error) { return true, nil }})
	grant := func() (*model.Operation, error) {
		h.leapt.Add(1000)
		id := must(h, operation.Request, operation.RequestArgs{Credential: h.credential().ID, Kind: model.PasswordChange, Trigger: "expiry"}).Operation
		_, err := command.Propose(t.Context(), h.Proposer, operation.Grant, model.Actor{Kind: model.ActorSystem, Name: "test"}, operation.GrantArgs{Operation: id, Node: "n1"})
		return h.operation(id), err
	}
	for n := 1; n <= 2; n++ {
		o, err := grant()
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{"the target refused the login of " + user, "its login failed before in this attempt", "its login failed before in this attempt"} {
			if err := <-said; err == nil || !strings.Contains(err.Error(), "on the way, at bastion: "+want) {
				t.Errorf("connection %d: %v", i+1, err)
			}
		}
		h.await(o.ID, "refused", func(o *model.Operation) bool { return o.Lease == nil })
		if at := h.numbered(login); len(at.BadLogins) != n || len(at.Reserved) != 0 {
			t.Errorf("attempt %d: %d bad logins, reserved %v", n, len(at.BadLogins), at.Reserved)
		}
	}
	if _, err := grant(); !model.Is(err, model.Conflict) || !strings.Contains(err.Error(), "the budget of failing logins") {
		t.Errorf("granted although the jump host might lock the account: %v", err)
	}
	for _, c := range []struct {
		lease model.Lease
		spent bool
	}{{model.Lease{}, true}, {model.Lease{Way: []model.CredentialID{login}}, false}, {model.Lease{Until: model.Time(time.Hour.Milliseconds())}, false}} {
		v := h.m.View()
		c.lease.Until += h.Now() + model.Time(model.DefaultLeases.TTL)
		if got, err := runner.Spent(v, own, &c.lease); err != nil || got != c.spent {
			t.Errorf("%+v: spent %t, %v", c.lease, got, err)
		}
		v.Close()
	}
	h.leapt.Add(time.Minute.Milliseconds())
	if _, err := grant(); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

func (h *house) numbered(id model.CredentialID) *model.Credential {
	v := h.m.View()
	defer v.Close()
	c, _ := state.Credentials.Get(v, string(id))
	return c
}

// listen says hello to everybody and hangs up.
func listen(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("hello"))
			_ = c.Close()
		}
	}()
	return l.Addr().String()
}

func (h *house) device(id model.DeviceID) *model.Device {
	v := h.m.View()
	defer v.Close()
	d, _ := state.Devices.Get(v, string(id))
	return d
}

func as[A, R any](h *house, d command.Def[A, R], args A) R {
	h.t.Helper()
	r, err := command.Propose(h.t.Context(), h.Proposer, d, model.Actor{Kind: model.ActorClient, Authorization: "admin", Epoch: 1}, args)
	if err != nil {
		h.t.Fatalf("%s: %v", d.Kind(), err)
	}
	return r
}

func put(h *house, a credential.PutArgs) model.CredentialID {
	h.t.Helper()
	return as(h, credential.Put, a).Credential.ID
}

func trust(h *house, id model.DeviceID, fingerprint string) {
	h.t.Helper()
	as(h, device.Trust, device.TrustArgs{ID: id, Replace: true, Keys: []model.HostKey{{Fingerprint: fingerprint}}})
}

// TestWayEnds: a way has so many hops as a device may be given, and one that leads in a circle comes to no end by itself.
func TestWayEnds(t *testing.T) {
	t.Parallel()
	h, err := table.OpenHome(t.TempDir(), state.Schema, table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := h.Store().Begin()
	for n := range model.MaxHops + 2 {
		d := &model.Device{ID: model.DeviceID(fmt.Sprint(n)), Number: uint64(n + 1), Hostname: fmt.Sprint("h", n), Enabled: true}
		if n > 0 {
			d.Via = model.DeviceID(fmt.Sprint(n - 1))
		}
		state.Devices.Put(b.Tx(table.Stamp{}), d)
	}
	state.Devices.Put(b.Tx(table.Stamp{}), &model.Device{ID: "round", Number: 99, Hostname: "round", Enabled: true, Via: "round"})
	b.Commit()
	v := h.View()
	t.Cleanup(func() {
		v.Close()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	for id, want := range map[string]int{"0": 0, fmt.Sprint(model.MaxHops): model.MaxHops, fmt.Sprint(model.MaxHops + 1): -1, "round": -1} {
		d, _ := state.Devices.Get(v, id)
		if got, err := runner.WayTo(v, d); (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%s: %d hops, %v", id, got, err)
		}
	}
}
