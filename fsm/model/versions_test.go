package model

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

const someMidnight = Time(20_000 * 24 * 60 * 60 * 1000)

// changed is a credential that was changed every so often until at, and proven by login after each change.
func changed(times int, every time.Duration, at Time) *Credential {
	c := &Credential{Enabled: true, Sync: SyncInSync, VerifiedAt: at}
	for i := range times {
		c.AddVersion(fmt.Sprint(i), Sealed{}, RoleCurrent, "o", at.Add(-time.Duration(times-1-i)*every))
	}
	return c
}

// However often an account is changed, the next change finds room, and kept are the newest versions and those that were in
// force at midnights of the last 30 days.
func TestCrowded(t *testing.T) {
	t.Parallel()
	for _, every := range []time.Duration{time.Minute, 20 * time.Minute, 5 * time.Hour, 11 * time.Hour, 24 * time.Hour, 36 * time.Hour} {
		c := &Credential{Enabled: true, Sync: SyncInSync}
		inForce, most := map[Time]uint64{}, 0 // by day: at its midnight
		at := someMidnight.Add(7 * time.Hour)
		for end := at.Add(70 * 24 * time.Hour); at < end; at = at.Add(every) {
			for day := at - at%Time(24*time.Hour/time.Millisecond); c.LastN > 0 && inForce[day] == 0 && c.ByRole(RoleCurrent).Since < day; {
				inForce[day] = c.LastN
			}
			c.AddVersion("", Sealed{}, RoleCurrent, "o", at)
			c.VerifiedAt = at + 1
			most = max(most, len(c.Versions))
			c.Forget(c.Spent())
		}
		if most > CrowdedVersions+1 {
			t.Errorf("every %v: %d versions at most", every, most)
		}
		at = at.Add(-every)
		for day, n := range inForce {
			if at.Sub(day) < 29*24*time.Hour && c.Version(n) == nil {
				t.Errorf("every %v: version %d, in force %v ago at midnight, is gone", every, n, at.Sub(day))
			}
		}
		for n := c.LastN; n > c.LastN-min(newestVersions, c.LastN) && at.Sub(someMidnight) > 0; n-- {
			if v := c.Version(n); v == nil && every < KeepVersions/newestVersions {
				t.Errorf("every %v: version %d of %d is gone", every, n, c.LastN)
			}
		}
	}
}

// Nothing goes early that could be in force: while vault and target may disagree, while something is at work, before the
// current version was proven, while there is room.
func TestNotCrowded(t *testing.T) {
	t.Parallel()
	at := someMidnight.Add(20 * time.Hour)
	if got := changed(CrowdedVersions+1, time.Minute, at).Spent(); len(got) != CrowdedVersions-newestVersions || slices.Contains(got, 1) {
		t.Errorf("crowded: %v go", got)
	}
	for name, c := range map[string]*Credential{
		"room":     changed(CrowdedVersions, time.Minute, at),
		"unknown":  with(changed(60, time.Minute, at), func(c *Credential) { c.Sync = SyncUnknown }),
		"busy":     with(changed(60, time.Minute, at), func(c *Credential) { c.Busy = "o" }),
		"disabled": with(changed(60, time.Minute, at), func(c *Credential) { c.Enabled = false }),
		"unproven": with(changed(60, time.Minute, at), func(c *Credential) { c.VerifiedAt = at.Add(-2 * time.Hour) }),
	} {
		if got := c.Spent(); len(got) > 0 {
			t.Errorf("%s: %v go", name, got)
		}
	}
	tried := with(changed(50, time.Minute, at), func(c *Credential) { c.Versions[0].Role, c.Versions[9].Role = RoleAbandoned, RoleAbandoned })
	if got := tried.Spent(); !slices.Contains(got, 1) || !slices.Contains(got, 10) || slices.Contains(got, 2) {
		t.Errorf("what was not in force goes, and the first one that was stays: %v go", got)
	}
}

func with(c *Credential, f func(*Credential)) *Credential { f(c); return c }

// Values that a client puts make room for its next one; those of operations do not, and who fills a credential with wrong
// values in an hour does not push out what was right before.
func TestOutlived(t *testing.T) {
	t.Parallel()
	c := &Credential{Enabled: true}
	for i := range 200 {
		at := someMidnight.Add(time.Duration(i)*24*time.Hour + 20*time.Hour)
		c.Forget(c.Outlived(at))
		c.AddVersion("", Sealed{}, RoleCurrent, "", at)
		if len(c.Versions) > MaxVersions {
			t.Fatalf("day %d: %d versions", i, len(c.Versions))
		}
	}
	right, at := c.LastN, someMidnight.Add((200*24+10)*time.Hour)
	for range 300 {
		c.Forget(c.Outlived(at))
		c.AddVersion("", Sealed{}, RoleCurrent, "", at)
	}
	if c.Version(right) == nil || len(c.Versions) > MaxVersions {
		t.Errorf("yesterday's value is gone, or %d versions are held", len(c.Versions))
	}
	if got := changed(MaxVersions, time.Minute, at).Outlived(at.Add(2 * KeepVersions)); len(got) > 0 {
		t.Errorf("values of operations go: %v", got)
	}
	if got := with(changed(MaxVersions-1, time.Minute, at), func(c *Credential) {
		for i := range c.Versions {
			c.Versions[i].By = ""
		}
	}).Outlived(at); len(got) > 0 {
		t.Errorf("there is room, and %v go", got)
	}
}
