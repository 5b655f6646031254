package dynamic

import (
	"fmt"
	"time"

	"cofre/fsm/audit"
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// ReportArgs are the accounts that a search found, without those that the searching node knew an owner of. Partial says
// that there are more.
type ReportArgs struct {
	Operation model.OperationID `cbor:"operation"`
	Token     model.Pos         `cbor:"token"`
	Names     []string          `cbor:"names,omitempty"`
	Partial   bool              `cbor:"partial,omitempty"`
}

// ReportResult counts the orphans that the search knows now.
type ReportResult struct {
	Fenced bool `cbor:"fenced,omitempty"`
	Found  int  `cbor:"found"`
}

const maxName = 256 // bytes of an account's name

// ReportOrphans takes what a search found, for the live lease only. A name counts as an orphan when no dynamic user has it,
// or had it since the search began: names are committed before anything is sent to a target, so what is being made is not
// taken for one. What was found earlier and is gone is forgotten.
var ReportOrphans = command.Define("orphan.report", 1, func(tx *table.Tx, m command.Meta, a ReportArgs) (ReportResult, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, authz.Action{System: true}, nil); err != nil {
		return ReportResult{}, err
	}
	o, ok := state.Operations.Get(tx, string(a.Operation))
	if !ok || o.Kind != model.SearchOrphans || !operation.Held(o, a.Token) || o.Lease.Node != m.Node {
		return ReportResult{Fenced: true}, nil
	}
	s, ok := state.OrphanSearches.Get(tx, o.Target.ID)
	if !ok {
		return ReportResult{Fenced: true}, nil
	}
	p, ok := state.Profiles.Get(tx, string(s.Profile))
	if !ok {
		return ReportResult{Fenced: true}, nil
	}
	if len(a.Names) > model.MaxOrphans {
		return ReportResult{}, model.Errorf(model.Invalid, "a report names at most %d accounts", model.MaxOrphans).WithField("names")
	}
	seen := map[string]bool{}
	for _, name := range a.Names {
		if _, ok := model.DynamicNamed(p.Executor, p.Identifier, name); !ok || len(name) > maxName {
			return ReportResult{}, model.Errorf(model.Invalid, "a name is not of the profile").WithField("names")
		}
		if state.Owned(tx, p, name, o.CreatedAt) {
			continue
		}
		seen[name] = true
		note(tx, m, s, name)
	}
	s.DoneAt, s.Partial = m.At, a.Partial
	if !a.Partial {
		dismiss(tx, s, seen)
	}
	s.Found = 0
	for range state.Orphans.By(tx, "search", s.ID()) {
		s.Found++
	}
	s.Revision++
	state.OrphanSearches.Put(tx, s)
	tx.Emit(audit.OrphanSearched.With("profile", string(s.Profile), "device", string(s.Device), "operation", string(o.ID), "found", fmt.Sprint(s.Found), "partial", yesNo(s.Partial)))
	return ReportResult{Found: s.Found}, nil
})

// note keeps an orphan that was seen.
func note(tx *table.Tx, m command.Meta, s *model.OrphanSearch, name string) {
	row, known := state.Orphans.First(tx, "name", state.OrphanKey(s.Device, name))
	if !known {
		row = &model.Orphan{Number: state.Next(tx, "orphan"), Profile: s.Profile, Device: s.Device, Username: name, FoundAt: m.At}
		tx.Emit(audit.OrphanFound.With(aboutOrphan(row)...))
	}
	row.SeenAt = m.At
	state.Orphans.Put(tx, row)
}

// dismiss forgets the orphans that a search did not see any more, but those that are being removed: their removal proves it.
func dismiss(tx *table.Tx, s *model.OrphanSearch, seen map[string]bool) {
	var gone []*model.Orphan
	for row := range state.Orphans.By(tx, "search", s.ID()) {
		if !seen[row.Username] && row.User == "" {
			gone = append(gone, row)
		}
	}
	for _, row := range gone {
		state.Orphans.Delete(tx, table.NumberKey(row.Number))
		tx.Emit(audit.OrphanGone.With(aboutOrphan(row)...))
	}
}

func aboutOrphan(o *model.Orphan) []string {
	return []string{"number", fmt.Sprint(o.Number), "profile", string(o.Profile), "device", string(o.Device), "username", o.Username}
}

// OrphanArgs name an orphan.
type OrphanArgs struct {
	Number uint64 `cbor:"number"`
}

// RemoveOrphan orders the removal of an orphan: it becomes a dynamic user of whoever asks, that is being removed, and is
// retried and proven gone like every other. Asking again changes nothing.
var RemoveOrphan = command.Define("orphan.remove", 1, func(tx *table.Tx, m command.Meta, a OrphanArgs) (UserResult, error) {
	by, err := command.Authorize(tx, m.Actor, m.At, configure, nil)
	if err != nil {
		return UserResult{}, err
	}
	row, ok := state.Orphans.Get(tx, table.NumberKey(a.Number))
	if !ok {
		return UserResult{}, errNoOrphan
	}
	p, ok := state.Profiles.Get(tx, string(row.Profile))
	if !ok {
		return UserResult{}, errNoOrphan
	}
	if err := maySearch(tx, m, p, row.Device); err != nil {
		return UserResult{}, err
	}
	if u, ok := state.DynamicUsers.Get(tx, string(row.User)); ok && u.Live() {
		return bare(u), nil
	}
	if state.Owned(tx, p, row.Username, m.At) {
		return UserResult{}, model.Errorf(model.Conflict, "a dynamic user owns the account: it is removed by its lease")
	}
	u := &model.DynamicUser{
		ID: model.DynamicUserID(m.NewID(1)), Number: state.Next(tx, "dynamic_user"), Profile: p.ID, Device: row.Device, Username: row.Username,
		Owner: by.Authorization.ID, For: by.Application.ID, Unwanted: "orphan", CreatedAt: m.At,
	}
	if err := operation.Adopt(tx, m, 0, u, p); err != nil {
		return UserResult{}, err
	}
	row.User = u.ID
	state.Orphans.Put(tx, row)
	tx.Emit(audit.OrphanRemoved.With(append(aboutOrphan(row), "user", string(u.ID))...))
	return bare(u), nil
}).AuditDenials()

var errNoOrphan = model.Errorf(model.NotFound, "there is no such orphan: search again")

// maySearch decides whether the caller may have a profile's credential look at a device, and remove what it finds.
func maySearch(tx *table.Tx, m command.Meta, p *model.DynamicProfile, d model.DeviceID) error {
	door, ok := state.ProfileDoor(tx, p, d)
	if !ok {
		return model.Errorf(model.Invalid, "the device has no credential with the profile's user name").WithField("device")
	}
	_, err := command.MayReference(tx, m.Actor, m.At, door.ID, "profile")
	return err
}

// ScheduleArgs say how often all targets are searched, in milliseconds; 0 switches it off.
type ScheduleArgs struct {
	Every int64 `cbor:"every"`
}

const (
	leastRound = time.Hour
	mostRound  = 90 * 24 * time.Hour
)

// ScheduleOrphans sets how often all targets are searched.
var ScheduleOrphans = command.Define("orphan.schedule", 1, func(tx *table.Tx, m command.Meta, a ScheduleArgs) (model.OrphanPlan, error) {
	if err := mayPlan(tx, m); err != nil {
		return model.OrphanPlan{}, err
	}
	if a.Every != 0 && (a.Every < leastRound.Milliseconds() || a.Every > mostRound.Milliseconds()) {
		return model.OrphanPlan{}, model.Errorf(model.Invalid, "targets are searched every %s to %s, or never (0)", leastRound, mostRound).WithField("every")
	}
	plan := model.OrphanPlan{Every: a.Every, NextAt: m.At.Add(model.Span(a.Every))}
	if a.Every == 0 {
		plan = model.OrphanPlan{Every: -1}
	}
	putPlan(tx, &plan)
	return plan, nil
}).AuditDenials()

func mayPlan(tx *table.Tx, m command.Meta) error {
	by, err := command.Authorize(tx, m.Actor, m.At, configure, nil)
	if err != nil {
		return err
	}
	if !by.Authorization.Filter.All {
		return model.Errorf(model.Denied, "a round logs in wherever a profile works: only a caller that reaches every credential may plan it").WithCode(1009)
	}
	return nil
}

func putPlan(tx *table.Tx, p *model.OrphanPlan) {
	state.OrphanPlans.Put(tx, p)
	tx.Emit(audit.OrphanPlanned.With("every", fmt.Sprint(model.Span(max(0, p.Every))), "next", p.NextAt.String()))
}
