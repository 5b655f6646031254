package operation

import (
	"slices"

	"cofre/fsm/model"
)

// Settling walks through the versions that may be in force, within the budget of failing logins.
type Settling struct {
	credential *model.Credential
	candidate  uint64
	refused    []uint64 // by the target, in all attempts, in the order of their last refusal
	asked      []uint64 // those of this attempt
	left       int
	failed     int
	proven     uint64
}

// NewSettling plans the logins of one settling attempt, which may fail as often as its lease reserved; a dynamic user has
// no budget.
func NewSettling(o *model.Operation, c *model.Credential) *Settling {
	s := &Settling{credential: c, candidate: o.Candidate, refused: slices.Clone(o.Refused), left: model.MaxVersions}
	if o.Target.Kind == model.TargetCredential {
		s.left = c.ReservedLogins(o.Lease.Token)
	}
	return s
}

// nextLogin gives the version that settling tries next, after those that the target refused, in the order of their last
// refusal; 0: none is left. The order is model.SettleOrder's, but a slow target may have changed the secret after it had
// refused the candidate: a refused current version is a sign of that, so the candidate comes again behind it, and again at
// the very end, because only a refusal after all others says that it is not in force.
func nextLogin(c *model.Credential, candidate uint64, refused []uint64) uint64 {
	again := func() bool { return false }
	if v := c.Version(candidate); v != nil && v.Role == model.RoleCandidate {
		at := slices.Index(refused, candidate)
		again = func() bool { return at >= 0 && at < len(refused)-1 }
	}
	if v := c.ByRole(model.RoleCurrent); v != nil && len(refused) > 0 && refused[len(refused)-1] == v.N && again() {
		return candidate
	}
	for _, n := range c.SettleOrder() {
		if !slices.Contains(refused, n) {
			return n
		}
	}
	if again() {
		return candidate
	}
	return 0
}

// noteRefused moves a version to the end of those that the target refused.
func noteRefused(refused []uint64, n uint64) []uint64 {
	return append(slices.DeleteFunc(refused, func(m uint64) bool { return m == n }), n)
}

// Next gives the version to log in with; false when one was accepted, all were tried or the budget is used up.
func (s *Settling) Next() (uint64, bool) {
	if s.proven != 0 || s.left <= 0 {
		return 0, false
	}
	n := nextLogin(s.credential, s.candidate, s.refused)
	return n, n != 0
}

// Spent tells that the budget ended the walk before all were tried.
func (s *Settling) Spent() bool {
	return s.proven == 0 && s.left <= 0 && nextLogin(s.credential, s.candidate, s.refused) != 0
}

// Note takes the target's answer to the login with the version that Next gave.
func (s *Settling) Note(accepted bool) {
	n := nextLogin(s.credential, s.candidate, s.refused)
	if accepted {
		s.proven = n
		return
	}
	s.refused, s.asked = noteRefused(s.refused, n), noteRefused(s.asked, n)
	s.left--
	s.failed++
}

// Found fills in a report what the logins found out.
func (s *Settling) Found(a FinishArgs) FinishArgs {
	a.Proven, a.Refused, a.Outcome = s.proven, s.asked, model.OutcomeUncertain
	a.Logins.Own += s.failed
	if s.proven != 0 {
		a.Outcome = model.OutcomeApplied
	}
	return a
}
