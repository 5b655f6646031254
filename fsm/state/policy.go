package state

import (
	"strings"

	"cofre/fsm/model"
	"cofre/fsm/table"
)

// PolicyOf finds the policy of a credential: the one it names, else the one whose criteria fitted, else the default one.
func PolicyOf(r table.Reader, c *model.Credential) model.Policy {
	for _, id := range []model.PolicyID{c.Policy, c.Governed, model.DefaultPolicyID} {
		if id == "" {
			continue
		}
		if p, ok := Policies.Look(r, string(id)); ok {
			return *p
		}
	}
	return model.DefaultPolicy()
}

// Overdue tells whether the automatic change of a credential should have begun, whatever it still waits for, such as the window of its
// policy.
func Overdue(r table.Reader, c *model.Credential, at model.Time) bool {
	p := PolicyOf(r, c)
	due := p.NextRotation(c)
	return due != 0 && due <= at
}

// Tries finds the policy of a credential as operations on it are tried: what it leaves open is as the execution parameters say.
func Tries(r table.Reader, c *model.Credential) model.Policy {
	p := PolicyOf(r, c)
	if p.Attempts != 0 && p.RetryInterval != 0 {
		return p
	}
	s := Automation(r).Settings
	if p.Attempts == 0 {
		p.Attempts = s.Attempts
	}
	if p.RetryInterval == 0 {
		p.RetryInterval = s.RetryInterval
	}
	return p
}

// Plan chooses the policy of a credential that names none, and the moments of its next change and verification.
func Plan(r table.Reader, c *model.Credential) {
	c.Governed = ""
	if c.Policy == "" {
		c.Governed = fitting(r, c)
	}
	p := PolicyOf(r, c)
	c.RotateAt, c.VerifyAt = p.NextRotation(c), p.NextVerify(c)
}

// fitting finds the enabled policy of the highest priority whose criteria fit; "" if none does.
func fitting(r table.Reader, c *model.Credential) model.PolicyID {
	var d *model.Device
	for p := range Policies.Range(r, "criteria", "", "\xff") {
		if d == nil {
			var ok bool
			if d, ok = Devices.Look(r, string(c.Device)); !ok {
				d = &model.Device{}
			}
		}
		if p.Criteria.Misfit(c, d) == "" {
			return p.ID
		}
	}
	return ""
}

// criteriaKey orders the policies that credentials take by criteria: the highest priority first, then by name.
func criteriaKey(p *model.Policy) []string {
	if !p.Enabled || p.Criteria.Empty() {
		return nil
	}
	return []string{strings.Join([]string{table.NumberKey(uint64(255 - p.Priority)), p.Name}, "/")}
}
