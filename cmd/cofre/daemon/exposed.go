package daemon

import (
	"context"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Exposure is what a lost node could read and what was not replaced since.
type Exposure struct {
	CA      string           `json:"ca,omitempty"` // the new authority, after an eject
	Exposed []Exposed        `json:"exposed"`
	Others  []ExposedBesides `json:"others"`
}

// Exposed is a credential whose present secret a lost node could read.
type Exposed struct {
	Number     uint64 `json:"number"`
	Identifier string `json:"identifier"`
	Hostname   string `json:"hostname"`
	Username   string `json:"username"`
	Since      string `json:"since"`    // when the present secret was committed
	Template   bool   `json:"template"` // Cofre can change it
}

// ExposedBesides is something else that it could read.
type ExposedBesides struct {
	What    string `json:"what"`
	Name    string `json:"name"`
	Since   string `json:"since,omitempty"`
	Replace string `json:"replace"` // what people do
}

type exposedArgs struct {
	ID string `json:"id"` // empty: any lost node
}

func operateExposed(ctx context.Context, m *member, _ model.Actor, a exposedArgs) (any, error) {
	if err := m.fresh(ctx); err != nil {
		return nil, err
	}
	return m.exposed(model.NodeID(a.ID)), nil
}

// exposed lists what was committed before a lost node went, and is in force. A node that never got the root key could read
// none of it.
func (m *member) exposed(id model.NodeID) Exposure {
	v := m.fsm.View()
	defer v.Close()
	var until model.Time
	for n := range state.Nodes.All(v, "") {
		if n.Lost && n.Delivered && (id == "" || n.ID == id) {
			until = max(until, n.RemovedAt)
		}
	}
	return exposedIn(v, until)
}

func exposedIn(v table.Reader, until model.Time) Exposure {
	out := Exposure{Exposed: []Exposed{}, Others: []ExposedBesides{}}
	if until == 0 {
		return out
	}
	besides := func(at model.Time, what, name, replace string) {
		if at <= until {
			out.Others = append(out.Others, ExposedBesides{what, name, at.String(), replace})
		}
	}
	for c := range state.Credentials.All(v, "") {
		if c.OTP != nil { // nobody knows since when: it has no time of its own
			out.Others = append(out.Others, ExposedBesides{What: "second factor", Name: c.Identifier, Replace: "enrol the account anew at its target, cofre credential update"})
		}
		now := c.ByRole(model.RoleCurrent)
		if now == nil || now.At > until {
			continue
		}
		e := Exposed{Number: c.Number, Identifier: c.Identifier, Username: c.Username, Since: now.At.String(), Template: c.Execution.ChangeTemplate != ""}
		if d, ok := state.Devices.Get(v, string(c.Device)); ok {
			e.Hostname = d.Hostname
		}
		out.Exposed = append(out.Exposed, e)
	}
	for s := range state.DSMSecrets.All(v, "") {
		if now, ok := state.DSMVersions.Get(v, state.DSMVersionKey(s.ID, s.Version)); ok && holdsValues(now) {
			besides(now.At, "secret of an application", s.Identity, "cofre secret update, with new values")
		}
	}
	for i := range state.Informations.All(v, "") {
		if n := len(i.Versions); n > 0 {
			besides(i.Versions[n-1].At, "protected information", i.Identifier, "cofre information update, with a new content")
		}
	}
	for k := range state.EncryptionKeys.All(v, "") {
		if n := len(k.Versions); n > 0 {
			besides(k.Versions[n-1].At, "encryption key", k.Name, "cofre encryption rotate; what it encrypted before stays readable to who has the old one")
		}
	}
	for k := range state.OAuth1Keys.All(v, "") {
		besides(k.At, "OAuth 1.0 keys", holder(v, k.Authorization), "cofre authorization oauth1")
	}
	for k := range state.AWSKeys.All(v, "") {
		besides(k.At, "AWS pair", holder(v, k.Authorization), "cofre authorization aws")
	}
	for u := range state.DynamicUsers.All(v, "") {
		if u.Live() {
			besides(u.CreatedAt, "dynamic user", u.Username, "cofre dynamic lease revoke, or wait for its end")
		}
	}
	return out
}

// holdsValues tells whether a secret holds anything besides references to accounts, which are listed themselves.
func holdsValues(v *model.DSMVersion) bool {
	for _, e := range v.Entries {
		for _, f := range e.Fields {
			if !f.Secret.IsZero() {
				return true
			}
		}
	}
	return false
}

// holder names an authorization as the command line does.
func holder(v table.Reader, id model.AuthorizationID) string {
	a, ok := state.Authorizations.Get(v, string(id))
	if !ok {
		return string(id)
	}
	app, ok := state.Applications.Get(v, string(a.Application))
	if !ok {
		return a.Name
	}
	return app.Name + "/" + a.Name
}
