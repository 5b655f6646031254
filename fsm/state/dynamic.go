package state

import (
	"cofre/fsm/model"
	"cofre/fsm/table"
)

// The tables of dynamic users.
var (
	Profiles = table.Define(20, "dynamic_profile", func(p *model.DynamicProfile) string { return string(p.ID) },
		table.Index[model.DynamicProfile]{Name: "identifier", Unique: true, Keys: func(p *model.DynamicProfile) []string { return []string{p.Identifier} }},
		table.Index[model.DynamicProfile]{Name: "device", Keys: func(p *model.DynamicProfile) []string { return []string{string(p.Device)} }})
	DynamicUsers = table.Define(21, "dynamic_user", func(u *model.DynamicUser) string { return string(u.ID) },
		table.Index[model.DynamicUser]{Name: "number", Unique: true, Keys: func(u *model.DynamicUser) []string { return []string{table.NumberKey(u.Number)} }},
		table.Index[model.DynamicUser]{Name: "owner", Keys: ownerKey},
		table.Index[model.DynamicUser]{Name: "profile", Keys: liveProfileKey},
		table.Index[model.DynamicUser]{Name: "ends", Keys: endsKey},
		sealedIndex(userValues))
)

// ownerKey lists the users of an authorization that count for its quota.
func ownerKey(u *model.DynamicUser) []string {
	if u.State == model.DynamicRemoved {
		return nil
	}
	return []string{string(u.Owner)}
}

func liveProfileKey(u *model.DynamicUser) []string {
	if u.State == model.DynamicRemoved {
		return nil
	}
	return []string{string(u.Profile)}
}

// endsKey orders the active users by the end of their time.
func endsKey(u *model.DynamicUser) []string {
	if u.State != model.DynamicActive {
		return nil
	}
	return []string{table.TimeKey(u.ExpiresAt)}
}

// LoginsLeft is how many logins as a credential may fail now.
func LoginsLeft(r table.Reader, c *model.Credential, at model.Time) int {
	p := PolicyOf(r, c)
	left, _ := c.LoginBudget(p.BadLogins, model.Span(p.BadLoginWindow), at)
	return left
}

// DoorOf names the credential that logs in for work on a target; the target itself if it is a credential that does so.
func DoorOf(r table.Reader, t model.TargetRef) model.CredentialID {
	switch t.Kind {
	case model.TargetDynamicUser:
		if u, ok := DynamicUsers.Get(r, t.ID); ok {
			if p, ok := Profiles.Get(r, string(u.Profile)); ok {
				return p.Authentication
			}
		}
	case model.TargetCredential:
		if c, ok := Credentials.Get(r, t.ID); ok && c.Execution.Authentication != "" {
			return c.Execution.Authentication
		}
	}
	return model.CredentialID(t.ID)
}
