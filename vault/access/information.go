package access

import (
	"context"
	"strconv"

	"cofre/fsm/command"
	"cofre/fsm/information"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/vault/secret"
)

// FindInformation resolves a number, an identifier or an object id.
func (s *Service) FindInformation(ctx context.Context, name string) (*model.Information, error) {
	return ref(ctx, s, func(r table.Reader) (*model.Information, bool) {
		if n, err := strconv.ParseUint(name, 10, 64); err == nil {
			return state.Informations.First(r, "number", table.NumberKey(n))
		}
		if i, ok := state.Informations.First(r, "identifier", name); ok {
			return i, true
		}
		return state.Informations.Get(r, name)
	}, information.ErrUnknown)
}

// ListInformation lists the pieces of information that the caller reaches, without contents, in the order of their numbers.
func (s *Service) ListInformation(actor model.Actor, at model.Time) ([]model.Information, error) {
	v := s.views.View()
	defer v.Close()
	p, err := command.Authorize(v, actor, at, readPAM, nil)
	if err != nil {
		return nil, err
	}
	out := []model.Information{}
	for i := range state.Informations.Range(v, "number", table.NumberKey(0), table.NumberKey(^uint64(0))) {
		if i.Enabled && p.Reaches(information.ObjectOf(i)) {
			shown := *i
			shown.Versions = nil
			out = append(out, shown)
		}
	}
	return out, nil
}

// DescribeInformation finds a piece of information that the caller reaches, without contents.
func (s *Service) DescribeInformation(ctx context.Context, actor model.Actor, at model.Time, name string) (*model.Information, error) {
	i, err := s.FindInformation(ctx, name)
	if err != nil {
		return nil, err
	}
	v := s.views.View()
	defer v.Close()
	p, err := command.Authorize(v, actor, at, readPAM, nil)
	switch {
	case err != nil:
		return nil, err
	case !p.Reaches(information.ObjectOf(i)):
		return nil, model.Errorf(model.Invalid, "No access to information").WithCode(1009)
	}
	shown := *i
	shown.Versions = nil
	return &shown, nil
}

// ReadInformation reads a content: the read is committed first. The caller wipes it.
func (s *Service) ReadInformation(ctx context.Context, actor model.Actor, name string, version uint64) (*model.Information, uint64, secret.Value, error) {
	if err := s.unsealed(); err != nil {
		return nil, 0, secret.Value{}, err
	}
	i, err := s.FindInformation(ctx, name)
	if err != nil {
		return nil, 0, secret.Value{}, err
	}
	r, err := command.Propose(ctx, s.proposer, information.Read, actor, information.ReadArgs{ID: i.ID, Version: version})
	if err != nil {
		return nil, 0, secret.Value{}, err
	}
	value, err := s.keys.Decrypt(Place(r.Row), r.Secret)
	return i, r.Version, value, err
}

// PutInformation creates or changes a piece of information; content, if not nil, becomes its next version.
func (s *Service) PutInformation(ctx context.Context, actor model.Actor, at model.Time, args information.PutArgs, content *secret.Value) (information.PutResult, error) {
	if content != nil {
		if content.Len() > model.MaxInformation {
			return information.PutResult{}, model.Errorf(model.Invalid, "a content has at most %d bytes", model.MaxInformation).WithField("content")
		}
		args.Row = newRow()
		var err error
		if args.Content, err = s.keys.Encrypt(Place(args.Row), *content); err != nil {
			return information.PutResult{}, err
		}
		args.Same = s.sameInformation(actor, at, args.Identifier, *content)
	}
	return command.Propose(ctx, s.proposer, information.Put, actor, args)
}

// sameInformation names the row of the version in force if it holds the very content that is put, and the caller may read it: who puts
// a text again with every run of a playbook makes no versions.
func (s *Service) sameInformation(actor model.Actor, at model.Time, identifier string, content secret.Value) string {
	v := s.views.View()
	defer v.Close()
	i, ok := state.Informations.First(v, "identifier", identifier)
	if !ok || identifier == "" {
		return ""
	}
	if p, err := command.Authorize(v, actor, at, information.See, nil); err != nil || !p.Reaches(information.ObjectOf(i)) {
		return ""
	}
	have, err := s.keys.Decrypt(Place(i.Current().Row), i.Current().Secret)
	if err != nil {
		return "" // it is replaced
	}
	defer have.Wipe()
	if !have.Equal(content) {
		return ""
	}
	return i.Current().Row
}

// SetInformationStatus enables or disables a piece of information.
func (s *Service) SetInformationStatus(ctx context.Context, actor model.Actor, name string, enabled bool) (model.Information, error) {
	i, err := s.FindInformation(ctx, name)
	if err != nil {
		return model.Information{}, err
	}
	return command.Propose(ctx, s.proposer, information.SetStatus, actor, information.StatusArgs{ID: i.ID, Enabled: enabled})
}
