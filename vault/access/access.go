// Package access is the application service for secrets and for everything that decides who may have them: use-cases,
// one method each, that the edges call.
//
// It guarantees that a secret is decrypted only after the command that audits its read was committed by a majority and
// applied here, and that a value is encrypted before it is proposed. It reads local views and proposes commands; the
// reducers decide. httpapi reaches it through interfaces of its own.
package access

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/vault/barrier"
	"cofre/vault/keyring"
)

// Views gives consistent readings of this node's replica.
type Views interface {
	View() *table.View
	table.Watcher
}

// Service holds what the use-cases need.
type Service struct {
	proposer command.Proposer
	views    Views
	keys     *keyring.Holder
	named    *NamedKeys
	fresh    func(context.Context) error // returns when this replica has everything that was committed before the call
	compile  Compile
}

// Compile checks a template with its executor; a *model.Error says what is wrong with it.
type Compile func(e model.ExecutorName, kind model.TemplateKind, content string) (model.Compiled, error)

// New makes the service. fresh is the cluster's read index; compile checks a template with its executor.
func New(p command.Proposer, v Views, keys *keyring.Holder, named *NamedKeys, fresh func(context.Context) error, compile Compile) *Service {
	return &Service{proposer: p, views: v, keys: keys, named: named, fresh: fresh, compile: compile}
}

// Fresh waits until this replica has everything that was committed before the call: a linearizable read follows.
func (s *Service) Fresh(ctx context.Context) error { return s.fresh(ctx) }

// Permits refuses a caller who lacks a module, write permission or a right, whatever the object; "" asks for none.
func (s *Service) Permits(actor model.Actor, at model.Time, module model.Module, write bool, right model.Right) error {
	if module == "" && right == "" {
		return nil
	}
	v := s.views.View()
	defer v.Close()
	_, err := command.Authorize(v, actor, at, authz.Action{Module: module, Write: write, Right: right, Somewhere: true}, nil)
	return err
}

// ref finds a row by looking at this replica, and once more after catching up: an object that another node has just
// created is never "not found" here.
func ref[T any](ctx context.Context, s *Service, look func(table.Reader) (*T, bool), missing *model.Error) (*T, error) {
	for try := 0; ; try++ {
		v := s.views.View()
		row, ok := look(v)
		v.Close()
		if ok {
			return row, nil
		}
		if try > 0 {
			return nil, missing
		}
		if err := s.fresh(ctx); err != nil {
			return nil, err
		}
	}
}

// FindCredential resolves what the vendor's routes take: a numeric id, an identifier, or username@hostname.
func (s *Service) FindCredential(ctx context.Context, name string) (*model.Credential, error) {
	return ref(ctx, s, func(r table.Reader) (*model.Credential, bool) { return findCredential(r, name) },
		model.Errorf(model.Invalid, "Credential not found").WithCode(1007))
}

// FindCredentialAt is FindCredential for a caller who also says which address the device has; a user name alone is then looked
// for on the devices of that address. There is no index of addresses: only few callers have nothing better than one.
func (s *Service) FindCredentialAt(ctx context.Context, name, ip string) (*model.Credential, error) {
	missing := model.Errorf(model.Invalid, "Credential not found: no such account on a device of that ip address").WithCode(1007)
	many := false
	c, err := ref(ctx, s, func(r table.Reader) (*model.Credential, bool) {
		if c, ok := findCredential(r, name); ok {
			if d, ok := state.Devices.Get(r, string(c.Device)); ok && d.IP == ip {
				return c, true
			}
		}
		var found *model.Credential
		for d := range state.Devices.All(r, "") {
			if d.IP != ip {
				continue
			}
			if c, ok := state.Credentials.First(r, "account", state.AccountKey(d.ID, name)); ok {
				many, found = many || found != nil, c
			}
		}
		return found, found != nil
	}, missing)
	if many {
		return nil, model.Errorf(model.Invalid, "more than one device of that ip address has such an account: name the host").WithCode(1011)
	}
	return c, err
}

func findCredential(r table.Reader, name string) (*model.Credential, bool) {
	if n, err := strconv.ParseUint(name, 10, 64); err == nil {
		return state.Credentials.First(r, "number", table.NumberKey(n))
	}
	if c, ok := state.Credentials.First(r, "identifier", name); ok {
		return c, true
	}
	if c, ok := state.Credentials.Get(r, name); ok {
		return c, true
	}
	user, host, ok := strings.Cut(name, "@")
	if !ok || strings.Contains(host, "@") {
		return nil, false
	}
	d, ok := state.DeviceNamed(r, host)
	if !ok {
		return nil, false
	}
	return state.Credentials.First(r, "account", state.AccountKey(d.ID, user))
}

// FindDevice resolves a numeric id, a host name or an object id.
func (s *Service) FindDevice(ctx context.Context, name string) (*model.Device, error) {
	return ref(ctx, s, func(r table.Reader) (*model.Device, bool) { return findDevice(r, name) },
		model.Errorf(model.Invalid, "Device not found").WithCode(1011))
}

// Hidden stands for the name of a credential that the caller does not reach; no identifier holds such signs.
const Hidden = "***"

// Named gives the identifier of a credential that something points at: Hidden if the caller does not reach it, "" if it is gone.
func (s *Service) Named(actor model.Actor, id model.CredentialID) string {
	if id == "" {
		return ""
	}
	v := s.views.View()
	defer v.Close()
	c, ok := state.Credentials.Look(v, string(id))
	if !ok {
		return ""
	}
	if _, err := command.Authorize(v, actor, model.TimeOf(time.Now()), readPAM, authz.ObjectOf(c)); err != nil {
		return Hidden
	}
	return c.Identifier
}

// Way names the jump host or proxy of a device, and the credential that logs in there.
func (s *Service) Way(actor model.Actor, d *model.Device) (via, login string) {
	v := s.views.View()
	defer v.Close()
	if hop, ok := state.Devices.Get(v, string(d.Via)); ok {
		via = hop.Hostname
	}
	return via, s.Named(actor, d.ViaLogin)
}

func findDevice(r table.Reader, name string) (*model.Device, bool) {
	if n, err := strconv.ParseUint(name, 10, 64); err == nil {
		if d, ok := state.Devices.First(r, "number", table.NumberKey(n)); ok {
			return d, true
		}
	}
	if d, ok := state.DeviceNamed(r, name); ok {
		return d, true
	}
	return state.Devices.Get(r, name)
}

// KnownDevices parts names of devices into those that there are and the others. However many are unknown, the leader is asked
// once whether this replica lags.
func (s *Service) KnownDevices(ctx context.Context, names []string) (known, unknown []string, err error) {
	if len(names) > model.MaxKeyDevices {
		return nil, nil, model.Errorf(model.Invalid, "a key opens at most %d further devices", model.MaxKeyDevices).WithField("devices")
	}
	part := func() bool {
		v := s.views.View()
		defer v.Close()
		known, unknown = []string{}, nil
		for _, name := range names {
			if _, ok := findDevice(v, name); ok {
				known = append(known, name)
			} else {
				unknown = append(unknown, name)
			}
		}
		return len(unknown) == 0
	}
	if part() {
		return known, nil, nil
	}
	if err := s.fresh(ctx); err != nil {
		return nil, nil, err
	}
	part()
	return known, unknown, nil
}

// newRow draws the random id that binds a ciphertext to its place.
func newRow() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// Place is where the secret of a credential version lives; row is its random id.
func Place(row string) barrier.AAD {
	return barrier.AAD{Table: "credential", Row: row, Field: "secret"}
}

func (s *Service) unsealed() error {
	if s.keys.Sealed() {
		return fmt.Errorf("open the vault: %w", barrier.ErrSealed)
	}
	return nil
}
