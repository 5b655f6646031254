package access

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"cofre/fsm/command"
	"cofre/fsm/dsm"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/vault/secret"
)

// A read waits this long for dynamic users that are on their way; then the client is told to ask again (RULES 9).
const (
	provisionWait = 10 * time.Second
	provisionNext = 2 // seconds, until the client asks again
)

var errOnTheWay = func() *model.Error {
	e := model.Errorf(model.Unavailable, "ephemeral credentials of the secret are being created: try again")
	e.RetryAfter = provisionNext
	return e
}()

// awaitDSM commits the read of secrets. Where dynamic users are missing, the first try has requested them, and the read is
// tried again when all of them are there, or one has failed.
func (s *Service) awaitDSM(ctx context.Context, actor model.Actor, args dsm.ReadArgs) (dsm.ReadResult, error) {
	limited, cancel := context.WithTimeout(ctx, provisionWait)
	defer cancel()
	for {
		r, err := command.Propose(ctx, s.proposer, dsm.Read, actor, args)
		if err != nil || len(r.Pending) == 0 {
			return r, err
		}
		if err := s.awaitUsers(limited, r.Pending); err != nil {
			return dsm.ReadResult{}, err
		}
	}
}

// awaitUsers waits until none of them is on its way any more.
func (s *Service) awaitUsers(ctx context.Context, ids []model.DynamicUserID) error {
	rows := make([]table.Place, len(ids))
	for i, id := range ids {
		rows[i] = state.DynamicUsers.Place(string(id))
	}
	there, err := table.Await(ctx, s.views, func() (there, over bool, err error) {
		v := s.views.View()
		defer v.Close()
		there = true
		for _, id := range ids {
			u, ok := state.DynamicUsers.Look(v, string(id))
			if !ok || !u.Wanted() {
				return false, true, nil // another one would fail as well: the client decides when to ask again
			}
			there = there && u.State != model.DynamicRequested
		}
		return there, there, nil
	}, rows...)
	if err == nil && !there {
		err = errOnTheWay
	}
	return err
}

// userPart gives a part of the dynamic user whose read was committed.
func (s *Service) userPart(v table.Reader, e *model.DSMEntry, from string, read []dsm.ReadUser) (secret.Value, error) {
	gone := model.Errorf(model.Unavailable, "the ephemeral credential ended while it was read: try again")
	i := slices.IndexFunc(read, func(u dsm.ReadUser) bool { return u.Entry == e.Pair().EntryKey() })
	if i < 0 {
		return secret.Value{}, gone
	}
	u, ok := state.DynamicUsers.Get(v, string(read[i].User))
	if !ok || u.Row == "" {
		return secret.Value{}, gone
	}
	var text string
	d, _ := state.Devices.Get(v, string(u.Device))
	p, _ := state.Profiles.Get(v, string(u.Profile))
	switch {
	case from == "password":
		return s.keys.Decrypt(Place(u.Row), u.Secret)
	case slices.Contains(model.KeyParts(), from):
		v, err := s.keys.Decrypt(Place(u.Row), u.Secret)
		if err != nil {
			return secret.Value{}, err
		}
		defer v.Wipe()
		return keyPart(v, from)
	case from == "username":
		text = u.Username
	case from == "ttl":
		text = strconv.FormatInt(u.TTL/1000, 10)
	case p != nil && from == "additional":
		text = p.Additional
	case d != nil && from == "hostname":
		text = d.Hostname
	case d != nil && from == "ip":
		text = d.IP
	case d != nil && from == "domain":
		text = d.Domain
	}
	return secret.New([]byte(text)), nil
}

// keyPart gives a part of an access key of a cloud, which is kept as a JSON object.
func keyPart(v secret.Value, part string) (out secret.Value, err error) {
	err = v.Reveal(func(b []byte) error {
		var parts map[string]string
		if json.Unmarshal(b, &parts) != nil || parts[part] == "" {
			return model.Errorf(model.Internal, "the dynamic user holds no access key")
		}
		out = secret.New([]byte(parts[part]))
		return nil
	})
	return out, err
}

// ProvisionDSM reads the secrets with ephemeral entries that the caller holds, or the one with an id, with users for a pod.
func (s *Service) ProvisionDSM(ctx context.Context, actor model.Actor, id model.DSMSecretID, pod string) (DSMReading, error) {
	if err := s.unsealed(); err != nil {
		return DSMReading{}, err
	}
	return s.readDSM(ctx, actor, dsm.ReadArgs{Module: model.ModuleApplication, ID: id, Provision: true, Pod: pod})
}

// DeprovisionDSM begins the removal of a pod's users.
func (s *Service) DeprovisionDSM(ctx context.Context, actor model.Actor, id model.DSMSecretID, pod string) (int, error) {
	r, err := command.Propose(ctx, s.proposer, dsm.Deprovision, actor, dsm.DeprovisionArgs{Module: model.ModuleApplication, ID: id, Pod: pod})
	return r.Users, err
}
