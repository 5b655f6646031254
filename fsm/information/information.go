// Package information is the feature of protected information: texts that are kept secret and belong to no device. It
// guarantees what credentials guarantee: a read is committed before anything is shown, and a change needs the right to
// the row as it is and as it becomes.
package information

import (
	"fmt"
	"slices"
	"strings"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Feature lists the verbs.
var Feature = command.Feature{Name: "information", Commands: []command.Erased{Put, Read, SetStatus}}

var write = authz.Action{Module: model.ModulePAM, Write: true, Right: model.CredentialWrite}

// See is what the read of a content takes.
var See = authz.Action{Module: model.ModulePAM, Right: model.SecretRead}

// ObjectOf describes a piece of information to filters.
func ObjectOf(i *model.Information) *authz.Object {
	return &authz.Object{CreatedBy: i.CreatedBy, Tags: i.Tags}
}

// authorize decides on an action, and on the piece of information if there is one.
func authorize(tx *table.Tx, m command.Meta, act authz.Action, i *model.Information) (*command.Principal, error) {
	p, err := command.Authorize(tx, m.Actor, m.At, act, nil)
	if err != nil || i == nil {
		return p, err
	}
	if !authz.Reaches(p.Authorization, ObjectOf(i)) {
		return nil, model.Errorf(model.Invalid, "No access to information").WithCode(1009)
	}
	return p, nil
}

// PutArgs create or change a piece of information, found by its identifier; nil leaves a field as it is. Content is sealed
// at the edge; without it nothing new is kept secret.
type PutArgs struct {
	New        bool         `cbor:"new,omitempty"` // one that is there already is refused
	Identifier string       `cbor:"identifier,omitempty"`
	Name       *string      `cbor:"name,omitempty"`
	Type       *string      `cbor:"type,omitempty"`
	Service    *string      `cbor:"service,omitempty"`
	URL        *string      `cbor:"url,omitempty"`
	Tags       *[]string    `cbor:"tags,omitempty"`
	Row        string       `cbor:"row,omitempty"`
	Content    model.Sealed `cbor:"content,omitempty"`
	Same       string       `cbor:"same,omitempty"` // row of the version that holds this very content already, as whoever sealed it found
}

// PutResult tells what became of it, without contents.
type PutResult struct {
	Information model.Information `cbor:"information"`
	Created     bool              `cbor:"created"`
	Unchanged   bool              `cbor:"unchanged,omitempty"`
}

// Put creates or changes a piece of information.
var Put = command.Define("information.put", 1, func(tx *table.Tx, m command.Meta, a PutArgs) (PutResult, error) {
	p, err := authorize(tx, m, write, nil)
	if err != nil {
		return PutResult{}, err
	}
	i := &model.Information{Enabled: true, CreatedBy: p.Authorization.ID, CreatedAt: m.At}
	old, known := state.Informations.First(tx, "identifier", a.Identifier)
	switch {
	case known && a.Identifier != "":
		if _, err := authorize(tx, m, write, old); err != nil {
			return PutResult{}, err
		}
		if a.New {
			return PutResult{}, model.Errorf(model.Conflict, "there is information with this identifier already").WithField("identifier")
		}
		copied := *old
		i = &copied
		i.Versions = slices.Clone(old.Versions)
	case a.Content.IsZero():
		return PutResult{}, model.Errorf(model.Invalid, "The information content was not informed").WithCode(1026).WithField("content")
	default:
		known = false
		if i.Identifier = a.Identifier; i.Identifier == "" {
			i.Identifier = m.NewID(1)
		}
		if err := checkIdentifier(i.Identifier); err != nil {
			return PutResult{}, err
		}
		i.ID, i.Number = model.InformationID(m.NewID(0)), state.Next(tx, "information")
	}
	if err := patch(i, a); err != nil {
		return PutResult{}, err
	}
	if _, err := authorize(tx, m, write, i); err != nil {
		return PutResult{}, err
	}
	if !a.Content.IsZero() && !holds(tx, m, i, a.Same) {
		if a.Row == "" {
			return PutResult{}, model.Errorf(model.Internal, "a content without its place")
		}
		if err := state.CheckTerm(tx, a.Content); err != nil {
			return PutResult{}, err
		}
		i.LastN++
		i.Versions = append(i.Versions, model.InformationVersion{N: i.LastN, Row: a.Row, Secret: a.Content, At: m.At})
		i.Versions = i.Versions[max(0, len(i.Versions)-model.MaxInformationVersions):]
	}
	r := PutResult{Created: !known, Unchanged: state.Informations.Holds(tx, i)}
	if !r.Unchanged {
		store(tx, i)
	}
	tx.Emit(audit.InformationPut.With("information", string(i.ID), "number", fmt.Sprint(i.Number), "identifier", i.Identifier, "version", fmt.Sprint(i.LastN), "change", string(model.EffectOf(r.Created, r.Unchanged))))
	r.Information = *i
	r.Information.Versions = nil
	return r, nil
}).AuditDenials()

// holds tells whether the content in force is the one that is put. Only who may read it learns that by putting it.
func holds(tx *table.Tx, m command.Meta, i *model.Information, row string) bool {
	if row == "" || len(i.Versions) == 0 || i.Current().Row != row {
		return false
	}
	_, err := authorize(tx, m, See, i)
	return err == nil
}

func checkIdentifier(id string) error {
	if len(id) > 128 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
		return model.Errorf(model.Invalid, "an identifier has at most 128 letters, digits, '-', '_' or '.'").WithField("identifier")
	}
	if strings.Trim(id, "0123456789") == "" {
		return model.Errorf(model.Invalid, "an identifier must not be purely numeric: it would be mistaken for an id").WithField("identifier")
	}
	return nil
}

func patch(i *model.Information, a PutArgs) error {
	for _, f := range []struct {
		name     string
		from, to *string
	}{{"name", a.Name, &i.Name}, {"type", a.Type, &i.Type}, {"service", a.Service, &i.Service}, {"url", a.URL, &i.URL}} {
		if f.from != nil {
			if err := model.CheckText(f.name, *f.from, model.MaxName); err != nil {
				return err
			}
			*f.to = *f.from
		}
	}
	if a.Tags != nil {
		if err := model.CheckTags("tags", *a.Tags); err != nil {
			return err
		}
		i.Tags = *a.Tags
	}
	return nil
}

func store(tx *table.Tx, i *model.Information) {
	i.Revision++
	state.Informations.Put(tx, i)
}

// ErrUnknown says that there is no such information.
var ErrUnknown = model.Errorf(model.Invalid, "Information not found").WithCode(1023)

// ReadArgs ask for a content; version 0 is the one in force.
type ReadArgs struct {
	ID      model.InformationID `cbor:"id"`
	Version uint64              `cbor:"version,omitempty"`
}

// ReadResult is the sealed content, whose read is now committed.
type ReadResult struct {
	Version uint64       `cbor:"version"`
	Row     string       `cbor:"row"`
	Secret  model.Sealed `cbor:"secret"`
}

// Read records the read of a content.
var Read = command.Define("information.read", 1, func(tx *table.Tx, m command.Meta, a ReadArgs) (ReadResult, error) {
	i, ok := state.Informations.Get(tx, string(a.ID))
	if !ok {
		return ReadResult{}, ErrUnknown
	}
	if _, err := authorize(tx, m, See, i); err != nil {
		return ReadResult{}, err
	}
	if !i.Enabled {
		return ReadResult{}, model.Errorf(model.Invalid, "Inactive information").WithCode(1024)
	}
	v := i.Current()
	if a.Version != 0 {
		n := slices.IndexFunc(i.Versions, func(v model.InformationVersion) bool { return v.N == a.Version })
		if n < 0 {
			return ReadResult{}, model.Errorf(model.Invalid, "the information has no such version any more").WithCode(1023).WithField("version")
		}
		v = &i.Versions[n]
	}
	tx.Emit(audit.InformationRead.With("information", string(i.ID), "number", fmt.Sprint(i.Number), "identifier", i.Identifier, "version", fmt.Sprint(v.N)))
	return ReadResult{v.N, v.Row, v.Secret}, nil
}).AuditDenials()

// StatusArgs enable or disable a piece of information.
type StatusArgs struct {
	ID      model.InformationID `cbor:"id"`
	Enabled bool                `cbor:"enabled"`
}

// SetStatus enables or disables a piece of information; a disabled one keeps its contents and shows none.
var SetStatus = command.Define("information.status", 1, func(tx *table.Tx, m command.Meta, a StatusArgs) (model.Information, error) {
	i, ok := state.Informations.Get(tx, string(a.ID))
	if !ok {
		return model.Information{}, ErrUnknown
	}
	if _, err := authorize(tx, m, write, i); err != nil {
		return model.Information{}, err
	}
	if !a.Enabled && !i.Enabled {
		return model.Information{}, model.Errorf(model.Invalid, "Inactive information").WithCode(1024)
	}
	i.Enabled = a.Enabled
	store(tx, i)
	word := "no"
	if i.Enabled {
		word = "yes"
	}
	tx.Emit(audit.InformationStatus.With("information", string(i.ID), "number", fmt.Sprint(i.Number), "enabled", word))
	shown := *i
	shown.Versions = nil
	return shown, nil
}).AuditDenials()
