package state

import (
	"cofre/fsm/model"
	"cofre/fsm/table"
)

// The tables of dynamic users.
var (
	Profiles = table.Define(20, "dynamic_profile", func(p *model.DynamicProfile) string { return string(p.ID) },
		table.Index[model.DynamicProfile]{Name: "identifier", Unique: true, Keys: func(p *model.DynamicProfile) []string { return []string{p.Identifier} }},
		table.Index[model.DynamicProfile]{Name: "device", Keys: profileDevices},
		table.Index[model.DynamicProfile]{Name: "holder", Keys: func(p *model.DynamicProfile) []string { return texts(p.Holders) }})
	DynamicUsers = table.Define(21, "dynamic_user", func(u *model.DynamicUser) string { return string(u.ID) },
		table.Index[model.DynamicUser]{Name: "number", Unique: true, Drawn: true, Keys: func(u *model.DynamicUser) []string { return []string{table.NumberKey(u.Number)} }},
		table.Index[model.DynamicUser]{Name: "profile", Keys: while((*model.DynamicUser).Live, func(u *model.DynamicUser) string { return string(u.Profile) })},
		table.Index[model.DynamicUser]{Name: "device", Keys: while((*model.DynamicUser).Live, func(u *model.DynamicUser) string { return string(u.Device) })},
		table.Index[model.DynamicUser]{Name: "owner", Keys: while((*model.DynamicUser).Live, func(u *model.DynamicUser) string { return string(u.Owner) })},
		table.Index[model.DynamicUser]{Name: "debt", Keys: while((*model.DynamicUser).Debt, func(u *model.DynamicUser) string { return string(u.Device) })},
		table.Index[model.DynamicUser]{Name: "wanted", Keys: wantedKeys},
		table.Index[model.DynamicUser]{Name: "use", Keys: useKey},
		table.Index[model.DynamicUser]{Name: "ends", Keys: endsKey},
		table.Index[model.DynamicUser]{Name: "removed", Keys: removedKey},
		sealedIndex(userValues))
	Provisionings = table.Define(30, "provisioning", func(p *model.Provisioning) string { return string(p.Application) },
		table.Index[model.Provisioning]{Name: "profile", Keys: pairedProfiles})
	LeaseCounts = table.Define(31, "lease_count", func(c *model.LeaseCount) string { return string(c.Application) })
	Revocations = table.Define(32, "revocation", func(r *model.Revocation) string { return r.Key })
)

func profileDevices(p *model.DynamicProfile) []string { return texts(p.Devices) }

// texts are ids as index keys.
func texts[T ~string](ids []T) []string {
	keys := []string{}
	for _, id := range ids {
		keys = append(keys, string(id))
	}
	return keys
}

func pairedProfiles(p *model.Provisioning) []string {
	seen, keys := map[model.ProfileID]bool{}, []string{}
	for _, pair := range p.Pairs {
		if !seen[pair.Profile] {
			seen[pair.Profile] = true
			keys = append(keys, string(pair.Profile))
		}
	}
	return keys
}

// while lists a row under a key as long as something is true.
func while(is func(*model.DynamicUser) bool, key func(*model.DynamicUser) string) func(*model.DynamicUser) []string {
	return func(u *model.DynamicUser) []string {
		if !is(u) {
			return nil
		}
		return []string{key(u)}
	}
}

// wantedKeys lists the users that nobody asked the end of, by what they are revoked by and the time of their request.
func wantedKeys(u *model.DynamicUser) []string {
	if !u.Wanted() {
		return nil
	}
	var keys []string
	for _, k := range u.WantedKeys() {
		keys = append(keys, WantedKey(k, u.CreatedAt))
	}
	return keys
}

// WantedKey orders users that are revoked together by the time of their request.
func WantedKey(key string, at model.Time) string { return key + "/" + table.TimeKey(at) }

// useKey lists the users that are there, or on their way, by what they are for, oldest first.
func useKey(u *model.DynamicUser) []string {
	if u.Held == "" || !u.Wanted() {
		return nil
	}
	return []string{UseKey(u.Use(), u.Number)}
}

// UseKey orders the users of one use.
func UseKey(use string, n uint64) string { return use + "/" + table.NumberKey(n) }

// endsKey orders the active users by the end of their time.
func endsKey(u *model.DynamicUser) []string {
	if u.State != model.DynamicActive {
		return nil
	}
	return []string{table.TimeKey(u.ExpiresAt)}
}

func removedKey(u *model.DynamicUser) []string {
	if u.State != model.DynamicRemoved {
		return nil
	}
	return []string{table.TimeKey(u.RemovedAt)}
}

// PutDynamicUser writes a user and keeps the counts.
func PutDynamicUser(tx *table.Tx, u *model.DynamicUser) {
	old, was := DynamicUsers.Get(tx, string(u.ID))
	was = was && old.Live()
	if is := u.Live(); is != was {
		n := 1
		if was {
			n = -1
		}
		for _, a := range []model.ApplicationID{u.For, ""} {
			c := LiveLeases(tx, a)
			c.Live += n
			LeaseCounts.Put(tx, &c)
		}
	}
	DynamicUsers.Put(tx, u)
}

// LiveLeases counts the users of an application that are not removed yet; of all, for the empty one.
func LiveLeases(r table.Reader, a model.ApplicationID) model.LeaseCount {
	if c, ok := LeaseCounts.Get(r, string(a)); ok {
		return *c
	}
	return model.LeaseCount{Application: a}
}

// OwnedUsers counts the users of an authorization that are not removed yet, as far as that is told: an owner may have a million.
func OwnedUsers(r table.Reader, a model.AuthorizationID) int { return owned(r, a, maxOwned) }

// OwnsUsers tells whether users of an authorization are not removed yet.
func OwnsUsers(r table.Reader, a model.AuthorizationID) bool { return owned(r, a, 1) > 0 }

func owned(r table.Reader, a model.AuthorizationID, limit int) int {
	return DynamicUsers.Count(r, "owner", string(a), string(a)+"\x01", limit)
}

// maxOwned is how far the users of an authorization are counted.
const maxOwned = 10_000

// maxDebt is how far users are counted.
const maxDebt = 1_000_000

// Debt counts the dynamic users that could not be removed.
func Debt(r table.Reader) int { return DynamicUsers.Count(r, "debt", "", "\xff", maxDebt) }

// Shut tells whether a device gets no new dynamic users, because too many could not be removed there.
func Shut(r table.Reader, d model.DeviceID) bool {
	return DynamicUsers.Count(r, "debt", string(d), string(d)+"\x01", model.DebtBreaks) >= model.DebtBreaks
}

// ShutDevices counts the devices that get no new dynamic users.
func ShutDevices(r table.Reader) (n int) {
	for from, more := "", true; more; {
		more = false
		for u := range DynamicUsers.Range(r, "debt", from, "\xff") {
			if Shut(r, u.Device) {
				n++
			}
			from, more = string(u.Device)+"\x01", true
			break
		}
	}
	return n
}

// ProvisioningOf is how an application gets dynamic users.
func ProvisioningOf(r table.Reader, a model.ApplicationID) model.Provisioning {
	if p, ok := Provisionings.Get(r, string(a)); ok {
		return *p
	}
	return model.Provisioning{Application: a}
}

// QuotaOf is how many users an application may hold that are not removed yet.
func QuotaOf(p model.Provisioning) int {
	if p.Quota == 0 {
		return model.DefaultLeaseQuota
	}
	return p.Quota
}

// Revoked finds why a user that was requested by a moment is to be removed; empty if it is not.
func Revoked(r table.Reader, u *model.DynamicUser) string {
	for _, k := range u.WantedKeys() {
		if rev, ok := Revocations.Get(r, k); ok && u.CreatedAt <= rev.At {
			return rev.Reason
		}
	}
	return ""
}

// Revoke asks for the end of all users under a key that were requested until now. The scheduler carries it out.
func Revoke(tx *table.Tx, key, reason string, at model.Time) {
	for range DynamicUsers.Range(tx, "wanted", WantedKey(key, 0), WantedKey(key, at+1)) {
		Revocations.Put(tx, &model.Revocation{Key: key, Reason: reason, At: at})
		return
	}
}

// ProfileDoor is the credential that logs in for a profile on a device.
func ProfileDoor(r table.Reader, p *model.DynamicProfile, d model.DeviceID) (*model.Credential, bool) {
	if p.AuthUser != "" {
		return Credentials.First(r, "account", AccountKey(d, p.AuthUser))
	}
	return Credentials.Get(r, string(p.Authentication))
}

// LoginsLeft is how many logins as a credential may fail now.
func LoginsLeft(r table.Reader, c *model.Credential, at model.Time) int {
	p := PolicyOf(r, c)
	left, _ := c.LoginBudget(p.BadLogins, model.Span(p.BadLoginWindow), at)
	return left
}

// DoorOf names the credential that logs in for work on a target; the target itself if it is a credential that does so.
func DoorOf(r table.Reader, o *model.Operation) model.CredentialID {
	t := o.Target
	switch t.Kind {
	case model.TargetDynamicUser:
		if u, ok := DynamicUsers.Get(r, t.ID); ok {
			if p, ok := Profiles.Get(r, string(u.Profile)); ok {
				if c, ok := ProfileDoor(r, p, u.Device); ok {
					return c.ID
				}
			}
		}
	case model.TargetOrphans:
		if s, ok := OrphanSearches.Get(r, t.ID); ok {
			if c, ok := SearchDoor(r, s); ok {
				return c.ID
			}
		}
		return ""
	case model.TargetCredential:
		c, ok := Credentials.Get(r, t.ID)
		switch {
		case o.Kind == model.SecretAutomation: // the credential that it was given
		case ok && c.JIT != nil && access(o.Kind):
			return c.JIT.Authentication
		case ok && o.Reconcile:
			return c.Execution.Reconcile.Authentication
		case ok && c.Execution.Authentication != "":
			return c.Execution.Authentication
		}
	}
	return model.CredentialID(t.ID)
}

// LoginOf names the credential whose login the next attempt of an operation may fail, or the one at work, besides those as the account
// itself; empty if there is none. Who settles logs in as the account, unless that has to be found first.
func LoginOf(r table.Reader, o *model.Operation) model.CredentialID {
	door := DoorOf(r, o)
	switch {
	case o.State != model.OpUncertain && o.State != model.OpSettling, o.Kind == model.Deprovision, o.Kind == model.Preflight, o.Kind == model.SearchOrphans, access(o.Kind):
		return door
	case model.LooksUp(o.Executor, additionalOf(r, o.Target)):
		if c, ok := Credentials.Get(r, string(door)); ok && c.Enabled {
			return door
		}
	}
	return ""
}

// additionalOf is the additional information of the account that an operation works on.
func additionalOf(r table.Reader, t model.TargetRef) string {
	switch t.Kind {
	case model.TargetDynamicUser:
		if u, ok := DynamicUsers.Get(r, t.ID); ok {
			if p, ok := Profiles.Get(r, string(u.Profile)); ok {
				return p.Additional
			}
		}
	case model.TargetCredential:
		if c, ok := Credentials.Get(r, t.ID); ok {
			return c.Additional
		}
	}
	return ""
}
