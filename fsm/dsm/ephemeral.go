package dsm

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

const (
	leastLeft  = 10 * time.Second // a dynamic user with less time left is handed out no more
	ownIDs     = 1 << 16          // ids of secrets that a command makes by itself begin here ...
	leaseIDs   = 1 << 17          // ... and those of dynamic users here
	maxPodName = 3*253 + 2
)

// ephemeral checks an ephemeral entry. The users of it are the reader's own, so that nobody sees another's password.
func ephemeral(tx *table.Tx, m command.Meta, owner model.AuthorizationID, e *model.DSMEntry) error {
	e.Credential = ""
	p, err := operation.Usable(tx, e.Profile, e.Device)
	if err != nil {
		return err
	}
	if err := mayProvision(tx, m, owner, e.Pair()); err != nil {
		return err
	}
	for i := range e.Fields {
		f := &e.Fields[i]
		f.Row, f.Secret, f.Mark = "", model.Sealed{}, nil
		if f.Name == "" || f.From != "ttl" && !slices.Contains(sources, f.From) && !(model.IsCloud(p.Executor) && slices.Contains(model.KeyParts(), f.From)) {
			return model.Errorf(model.Invalid, "a dynamic user has no such part, or it has no name").WithField("data")
		}
		if err := model.CheckText("data", f.Name, model.MaxName); err != nil {
			return err
		}
	}
	return nil
}

// mayProvision decides whether the caller may give users of a pair to an authorization: when its application has the pair,
// or the caller may read the credential that logs in (RULES 8).
func mayProvision(tx *table.Tx, m command.Meta, to model.AuthorizationID, pair model.ProvisioningPair) error {
	if a, ok := state.Authorizations.Get(tx, string(to)); ok && slices.Contains(state.ProvisioningOf(tx, a.Application).Pairs, pair) {
		return nil
	}
	denied := model.Errorf(model.Denied, "No access to the profile: the application has no such pair of device and profile").WithCode(1009).WithField("data")
	p, ok := state.Profiles.Get(tx, string(pair.Profile))
	if !ok {
		return denied
	}
	door, ok := state.ProfileDoor(tx, p, pair.Device)
	if !ok {
		return denied
	}
	_, err := command.MayReference(tx, m.Actor, m.At, door.ID, "data")
	return err
}

// automatic gives an authorization of an application with automatic provisioning a secret of every pair that none of its
// secrets shows. An identity that it uses otherwise is left alone.
func automatic(tx *table.Tx, m command.Meta, app *model.Application, auth *model.Authorization) error {
	missing, held := unshown(tx, app, auth)
	for _, one := range missing {
		identity, pair := one.identity, one.pair
		if held++; held > model.MaxDSMHeld {
			return model.Errorf(model.Limited, "an authorization holds at most %d secrets", model.MaxDSMHeld)
		}
		s := &model.DSMSecret{ID: model.DSMSecretID(m.NewID(ownIDs + one.n)), Number: state.Next(tx, "dsm"), Identity: identity, Name: identity, Engine: "Generic", Owner: auth.ID, Enabled: true,
			CreatedBy: auth.ID, CreatedAt: m.At}
		e := model.DSMEntry{Kind: model.DSMEphemeral, Device: pair.Device, Profile: pair.Profile, Fields: DefaultParts(executorOf(tx, pair.Profile))}
		addVersion(tx, m, s, []model.DSMEntry{e}, 0)
		store(tx, s)
		tx.Emit(audit.DSMPut.With("secret", string(s.ID), "number", number(s.Number), "identity", s.Identity, "owner", string(s.Owner), "version", number(s.Version), "change", "provisioned"))
		happened(tx, m, nil, s)
	}
	return nil
}

func executorOf(r table.Reader, id model.ProfileID) model.ExecutorName {
	p, ok := state.Profiles.Get(r, string(id))
	if !ok {
		return ""
	}
	return p.Executor
}

// wanted is a pair of an application that no secret of an authorization shows yet.
type wanted struct {
	n        int // its place among the pairs
	pair     model.ProvisioningPair
	identity string
}

// unshown lists the pairs that automatic gives secrets to, and counts the secrets that the authorization holds.
func unshown(r table.Reader, app *model.Application, auth *model.Authorization) (missing []wanted, held int) {
	how := state.ProvisioningOf(r, app.ID)
	if !how.Automatic || len(how.Pairs) == 0 {
		return nil, 0
	}
	shown, made := map[model.ProvisioningPair]bool{}, map[string]bool{}
	for s := range state.DSMSecrets.By(r, "holder", string(auth.ID)) {
		held++
		for _, pair := range inForce(r, s).Ephemerals() {
			shown[pair] = true
		}
	}
	for i, pair := range how.Pairs {
		p, known := state.Profiles.Get(r, string(pair.Profile))
		d, there := state.Devices.Get(r, string(pair.Device))
		if shown[pair] || !known || !there {
			continue
		}
		identity := p.Identifier + "@" + d.Hostname
		if _, taken := state.DSMSecrets.First(r, "identity", state.IdentityKey(auth.ID, identity)); !taken && !made[identity] {
			made[identity] = true
			missing = append(missing, wanted{i, pair, identity})
		}
	}
	return missing, held
}

// DefaultParts are the names under which the parts of a dynamic user of an executor are shown unless somebody chose others.
func DefaultParts(executor model.ExecutorName) []model.DSMField {
	if model.IsCloud(executor) {
		var key []model.DSMField
		for _, part := range model.KeyParts() {
			key = append(key, model.DSMField{Name: part, From: part})
		}
		return append(key, model.DSMField{Name: "username", From: "username"}, model.DSMField{Name: "TTL", From: "ttl"})
	}
	return []model.DSMField{{Name: "hostname", From: "hostname"}, {Name: "username", From: "username"}, {Name: "password", From: "password"},
		{Name: "additional_information", From: "additional"}, {Name: "ip", From: "ip"}, {Name: "TTL", From: "ttl"}}
}

// begin requests the users of a new authorization, so that its first read finds them. What is not possible now is tried at
// that read.
func begin(tx *table.Tx, m command.Meta, auth *model.Authorization) {
	l := leases{tx: tx, m: m, holder: auth}
	all, _ := chosen(tx, m.At, auth, "") // never fails without an id
	for _, s := range all {
		_ = l.find([]*model.DSMSecret{s})
	}
}

// provisioned keeps the secrets with ephemeral entries.
func provisioned(r table.Reader, all []*model.DSMSecret, pod string) ([]*model.DSMSecret, error) {
	if err := model.CheckText("pod", pod, maxPodName); err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s *model.DSMSecret) bool { return len(inForce(r, s).Ephemerals()) == 0 })
	if len(all) == 0 {
		return nil, model.Errorf(model.NotFound, "Secret not found: none of the authorization's secrets holds ephemeral credentials")
	}
	return all, nil
}

// leases finds the dynamic users that ephemeral entries show to one holder, and requests those that are missing.
type leases struct {
	tx      *table.Tx
	m       command.Meta
	holder  *model.Authorization
	pod     string
	made    int
	of      map[model.DSMSecretID][]ReadUser
	numbers []string
	pending []model.DynamicUserID
}

func (l *leases) find(all []*model.DSMSecret) error {
	if l.of == nil {
		l.of = map[model.DSMSecretID][]ReadUser{}
	}
	for _, s := range all {
		for _, pair := range inForce(l.tx, s).Ephemerals() {
			live, coming := Newest(l.tx, model.DynamicUse(s.ID, pair.EntryKey(), l.holder.ID, l.pod), l.m.At)
			switch {
			case live != nil:
				l.of[s.ID] = append(l.of[s.ID], ReadUser{pair.EntryKey(), live.ID})
				l.numbers = append(l.numbers, number(live.Number))
				continue
			case coming == nil:
				var err error
				coming, _, err = operation.Issue(l.tx, l.m, leaseIDs, l.made, operation.IssueSpec{Profile: pair.Profile, Device: pair.Device, Owner: l.holder,
					Held: s.ID, Entry: pair.EntryKey(), Pod: l.pod, Trigger: "read"})
				if err != nil {
					return err
				}
				l.made++
			}
			l.pending = append(l.pending, coming.ID)
		}
	}
	return nil
}

// Newest finds the newest user of a use that may be handed out now, and the newest that is on its way; one whose end is ordered is neither.
func Newest(r table.Reader, use string, at model.Time) (live, coming *model.DynamicUser) {
	for u := range state.DynamicUsers.Range(r, "use", state.UseKey(use, 0), state.UseKey(use, math.MaxUint64)) {
		switch {
		case state.Revoked(r, u) != "":
		case u.State == model.DynamicRequested:
			coming = u
		case at.Add(leastLeft) < u.ExpiresAt:
			live = u
		}
	}
	return live, coming
}

// DeprovisionArgs name the users that a secret shows to a pod; without a secret, those of every secret that the caller holds.
type DeprovisionArgs struct {
	Module model.Module      `cbor:"module"`
	ID     model.DSMSecretID `cbor:"id,omitempty"`
	Pod    string            `cbor:"pod"`
}

// DeprovisionResult counts the users that are to be removed.
type DeprovisionResult struct {
	Users int `cbor:"users"`
}

// Deprovision begins the removal of a pod's users. It is idempotent.
var Deprovision = command.Define("dsm.deprovision", 1, func(tx *table.Tx, m command.Meta, a DeprovisionArgs) (DeprovisionResult, error) {
	if a.Module != model.ModuleApplication && a.Module != model.ModuleSecrets {
		return DeprovisionResult{}, model.Errorf(model.Invalid, "users are removed through the modules %s and %s", model.ModuleApplication, model.ModuleSecrets)
	}
	p, err := command.Authorize(tx, m.Actor, m.At, authz.Action{Module: a.Module}, nil)
	if err != nil {
		return DeprovisionResult{}, err
	}
	all, err := chosen(tx, m.At, p.Authorization, a.ID)
	if err != nil {
		return DeprovisionResult{}, err
	}
	var gone []*model.DynamicUser
	for _, s := range all {
		prefix := string(s.ID) + "/"
		for u := range state.DynamicUsers.Range(tx, "use", prefix, prefix+"\xff") {
			if u.Owner == p.Authorization.ID && u.Pod == a.Pod {
				gone = append(gone, u)
			}
		}
	}
	for i, u := range gone {
		profile, ok := state.Profiles.Get(tx, string(u.Profile))
		if !ok {
			return DeprovisionResult{}, model.Errorf(model.Internal, "the profile of the dynamic user is gone")
		}
		row, _ := state.DynamicUsers.Get(tx, string(u.ID)) // one of its own: those of a range are shared
		tx.Emit(audit.DynamicUnwanted.With("user", string(u.ID), "number", number(u.Number), "reason", "deprovision"))
		if err := operation.Remove(tx, m, i, row, profile, "deprovision"); err != nil {
			return DeprovisionResult{}, err
		}
	}
	tx.Emit(audit.DSMDeprovisioned.With("application", string(p.Application.ID), "count", fmt.Sprint(len(gone)), "pod", strings.ToValidUTF8(a.Pod, "")))
	return DeprovisionResult{len(gone)}, nil
}).AuditDenials()
