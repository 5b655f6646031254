package model

import (
	"slices"
	"time"
)

const (
	// KeepVersions is how long a version stays after it lost its role, counted to the newest proof of the current one (RULES 5).
	KeepVersions = 30 * 24 * time.Hour

	// MaxVersions is the number of kept secret versions at which further changes stop with an alarm (RULES 5).
	MaxVersions = 64

	// CrowdedVersions is the number above which those go earlier that were in force between two midnights only (ADR 0040).
	CrowdedVersions = 48

	// newestVersions stay, however crowded it is. With one for each of 30 midnights and the current one they are fewer than
	// CrowdedVersions.
	newestVersions = 16
)

// Spent lists the versions that are not needed any more: vault and target agree, nothing is at work, and the current
// version was proven by login KeepVersions after the old one lost its role (RULES 5), or at all where it is crowded.
func (c *Credential) Spent() []uint64 {
	if c.Sync != SyncInSync || c.Busy != "" || !c.Enabled {
		return nil
	}
	crowd := len(c.Versions) > CrowdedVersions
	var gone []uint64
	for i := range c.Versions {
		v := &c.Versions[i]
		if v.Role != RoleRetired && v.Role != RoleAbandoned {
			continue
		}
		if c.VerifiedAt >= v.Since.Add(KeepVersions) || crowd && c.VerifiedAt >= v.Since && c.betweenMidnights(i) {
			gone = append(gone, v.N)
		}
	}
	return gone
}

// Outlived lists the versions that make room for the next value of a client, where no more fit: of those that clients put
// themselves, which nobody proves.
func (c *Credential) Outlived(now Time) []uint64 {
	if len(c.Versions) < MaxVersions {
		return nil
	}
	var gone []uint64
	for i := range len(c.Versions) - newestVersions {
		v := &c.Versions[i]
		if v.Role == RoleRetired && v.By == "" && (now >= v.Since.Add(KeepVersions) || c.betweenMidnights(i)) {
			gone = append(gone, v.N)
		}
	}
	return gone
}

// betweenMidnights tells whether a former version is none of the newest and was in force between two midnights (UTC) only:
// what is put back from a nightly copy has another one, and so has what was right before somebody filled the credential with
// wrong values today.
func (c *Credential) betweenMidnights(i int) bool {
	const day = Time(24 * time.Hour / time.Millisecond)
	if i >= len(c.Versions)-newestVersions {
		return false
	}
	if c.Versions[i].Role == RoleAbandoned {
		return true // it was not in force, as far as is known
	}
	for j := i - 1; j >= 0; j-- {
		if former := &c.Versions[j]; former.Role == RoleRetired {
			return former.Since/day == c.Versions[i].Since/day
		}
	}
	return false
}

// Forget removes versions by number.
func (c *Credential) Forget(gone []uint64) {
	c.Versions = slices.DeleteFunc(c.Versions, func(v SecretVersion) bool { return slices.Contains(gone, v.N) })
}
