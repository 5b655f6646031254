package ops

import (
	"strconv"

	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/scheduler/trigger"
)

// Explanation tells which policy holds for a credential and why, and when it changes next.
type Explanation struct {
	Policy     model.Policy
	Named      bool               // the credential names it; otherwise its criteria fit, or it is the default one
	Considered []Candidate        // policies with criteria, in the order in which they are tried
	ChangeAt   model.Time         // 0: never by itself
	Why        string             // what decides ChangeAt, or why there is none
	Held       []string           // what holds the change back now
	VerifyAt   model.Time         // when the stored secret is proven next; 0: never by itself
	Profile    string             // name of the profile that it took when it was registered; "": none
	Profiles   []ProfileCandidate // enabled profiles, in the order in which they are tried for a new credential like this one
}

// ProfileCandidate is a profile that would be tried.
type ProfileCandidate struct {
	Profile model.ExecutionProfile
	Misfit  string // what does not hold; "": it fits
}

// Candidate is a policy that was tried.
type Candidate struct {
	Policy model.Policy
	Misfit string // the criterion that does not hold; "": it fits
}

// Explain tells it of a credential that the caller may see.
func (s *Service) Explain(actor model.Actor, at model.Time, id model.CredentialID) (*Explanation, error) {
	v := s.views.View()
	defer v.Close()
	c, ok := state.Credentials.Get(v, string(id))
	if !ok {
		return nil, model.Errorf(model.Invalid, "Credential not found").WithCode(1007)
	}
	if _, err := command.Authorize(v, actor, at, look, authz.ObjectOf(c)); err != nil {
		return nil, err
	}
	d, ok := state.Devices.Get(v, string(c.Device))
	if !ok {
		d = &model.Device{}
	}
	state.Plan(v, c)
	e := &Explanation{Policy: state.PolicyOf(v, c), Named: c.Policy != "", ChangeAt: c.RotateAt, VerifyAt: c.VerifyAt}
	for p := range state.Policies.Range(v, "criteria", "", "\xff") {
		e.Considered = append(e.Considered, Candidate{*p, p.Criteria.Misfit(c, d)})
	}
	if p, ok := state.ExecutionProfiles.Get(v, string(c.Profile)); ok {
		e.Profile = p.Name
	} else if c.Profile != "" {
		e.Profile = "one that was removed"
	}
	for p := range state.ExecutionProfiles.Range(v, "order", "", "\xff") {
		e.Profiles = append(e.Profiles, ProfileCandidate{*p, p.Misfit(c, d)})
	}
	e.Why = why(&e.Policy, c)
	e.Held = s.held(v, at, e, c)
	return e, nil
}

// why tells what decides the moment of the next change.
func why(p *model.Policy, c *model.Credential) string {
	switch due, reason := p.Rotation(c); {
	case !c.Enabled:
		return "the credential is disabled"
	case operation.Changeable(c) != nil:
		return operation.Changeable(c).Error()
	case reason == model.DueFirst && due == c.Execution.FirstAt:
		return "its profile asks for the first change"
	case !c.Execution.Automatic && due == 0:
		return "automatic change is off"
	case !c.Execution.Started && c.Execution.FirstAt == 0:
		return "the first change is asked for by a person: cofre operation request"
	case !p.Enabled:
		return "the policy is disabled"
	case due == 0 && p.ViewExpiry > 0:
		return "it is changed after its next read"
	case due == 0 && p.SessionExpiry > 0:
		return "it is changed after its next session"
	case due == 0:
		return "the policy has no period"
	case due == c.RestUntil:
		return "the last change failed: triggers leave it alone until then"
	case reason == model.DueView:
		return "the time after its last read ends"
	case reason == model.DueSession:
		return "the time after its last session ends"
	case reason == model.DueTimeout:
		return "a custody ran out, and nobody had given it back"
	}
	return "the period of its policy ends"
}

// held lists what keeps a change from starting: any change, or one that merely falls due.
func (s *Service) held(v *table.View, at model.Time, e *Explanation, c *model.Credential) (reasons []string) {
	waits := s.waiting(v, at)
	for o := range state.Operations.By(v, "open", string(c.ID)) {
		word := " is " + o.State.String()
		if w := waits(o); w != "" {
			word += " and waits for " + w
		}
		reasons = append(reasons, "operation "+strconv.FormatUint(o.Number, 10)+word)
	}
	reasons = append(reasons, spent(v, at, c)...)
	if e.ChangeAt == 0 {
		return reasons
	}
	due := max(e.ChangeAt, at)
	if opens := trigger.Opens(&e.Policy.Window, due); opens > due {
		reasons = append(reasons, "the window of the policy opens at "+opens.String())
	}
	a := state.Automation(v)
	if a.Stopped != 0 {
		reasons = append(reasons, "the automation is stopped: "+a.Reason)
	}
	if until := a.FrozenUntil(due); until != 0 {
		reasons = append(reasons, "changes are frozen until "+until.String())
	}
	if opens := trigger.Closed(&a, due); opens != 0 {
		reasons = append(reasons, "the execution hours begin at "+opens.String())
	}
	if a.LeftInHour(at, state.Registered(v)) == 0 {
		reasons = append(reasons, "triggers started as many changes in this hour as they may")
	}
	if state.SystemRow(v).Frozen {
		reasons = append(reasons, model.Unconfirmed)
	}
	return reasons
}
