package dynamic

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
	"cofre/vault/secret"
)

// LeaseView is a dynamic user, without its password.
type LeaseView struct {
	ID            model.DynamicUserID `json:"id"`
	Number        uint64              `json:"number"`
	Username      string              `json:"username"`
	State         string              `json:"state" doc:"requested, active, removing or removed"`
	Debt          bool                `json:"debt" doc:"it could not be removed several times in a row; that goes on"`
	Failures      int                 `json:"failures,omitempty" doc:"removals that failed in a row"`
	Profile       string              `json:"profile"`
	Hostname      string              `json:"hostname"`
	Application   string              `json:"application"`
	Authorization string              `json:"authorization"`
	Secret        model.DSMSecretID   `json:"secret,omitempty" doc:"the application secret that shows it"`
	Pod           string              `json:"pod,omitempty" doc:"namespace/deploy/pod"`
	Reason        string              `json:"reason,omitempty" doc:"why it is to be removed, or was"`
	TTL           compat.Duration     `json:"ttl"`
	CreatedAt     compat.Time         `json:"created_at" doc:"of the request"`
	ActiveAt      compat.Time         `json:"active_at,omitempty" doc:"when it had logged in once"`
	ExpiresAt     compat.Time         `json:"expires_at,omitempty"`
	ViewedAt      compat.Time         `json:"viewed_at,omitempty"`
	RemovedAt     compat.Time         `json:"removed_at,omitempty" doc:"when it was proven gone the second time"`
	Operations    []OperationView     `json:"operations,omitempty" doc:"only when one is shown"`
}

// OperationView is an operation that created or removed the user.
type OperationView struct {
	Number  uint64              `json:"number"`
	Kind    model.OperationKind `json:"kind"`
	State   string              `json:"state"`
	NextAt  compat.Time         `json:"next_at,omitempty" doc:"of one that waits: not tried before that"`
	Message string              `json:"message,omitempty"`
}

// RequestBody asks for a dynamic user.
type RequestBody struct {
	Profile string          `json:"profile" doc:"identifier"`
	Device  string          `json:"device" doc:"needed when the profile works on several"`
	TTL     compat.Duration `json:"ttl" doc:"at most the profile's, which it is by default and for 0s"`
}

// RenewBody asks for a longer life.
type RenewBody struct {
	TTL compat.Duration `json:"ttl" doc:"from now; by default that of the request"`
}

func leaseView(l *Lease) LeaseView {
	u := &l.User
	v := LeaseView{ID: u.ID, Number: u.Number, Username: u.Username, State: u.State.String(), Debt: u.Debt(), Failures: u.Failures, Profile: l.Profile, Hostname: l.Device.Hostname,
		Application: l.Application, Authorization: l.Authorization, Secret: u.Held, Pod: u.Pod, Reason: u.Unwanted, TTL: compat.Duration(u.TTL), CreatedAt: compat.Time(u.CreatedAt),
		ActiveAt: compat.Time(u.ActiveAt), ExpiresAt: compat.Time(u.ExpiresAt), ViewedAt: compat.Time(u.ViewedAt), RemovedAt: compat.Time(u.RemovedAt)}
	for _, o := range l.Operations {
		op := OperationView{Number: o.Number, Kind: o.Kind, State: o.State.String(), Message: o.Message}
		if !o.State.Live() && !o.State.Final() && o.NotBefore > o.CreatedAt {
			op.NextAt = compat.Time(o.NotBefore)
		}
		v.Operations = append(v.Operations, op)
	}
	return v
}

func leaseReply(l *Lease, err error) (compat.Reply, error) {
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(leaseView(l)), nil
}

var states = []string{"", "requested", "active", "removing", "removed", "all"}

func (m *management) leases(ctx context.Context, r *route.Request) (compat.Reply, error) {
	limit, after, err := r.Cursor()
	if err != nil {
		return compat.Reply{}, err
	}
	debt, err := r.QueryBool("debt")
	if err != nil {
		return compat.Reply{}, err
	}
	if !slices.Contains(states, r.Query("state")) {
		return compat.Reply{}, model.Errorf(model.Invalid, "a state is requested, active, removing, removed or all").WithField("state")
	}
	rows, err := m.s.Leases(ctx, r.Actor, r.At, Filter{State: r.Query("state"), Application: r.Query("application"), Device: r.Query("device"), Profile: r.Query("profile"), Debt: debt, After: after, Limit: limit + 1})
	if err != nil {
		return compat.Reply{}, err
	}
	page := route.Listed[LeaseView]{Items: []LeaseView{}}
	for i := range rows {
		if i == limit {
			page.Next = strconv.FormatUint(page.Items[limit-1].Number, 10)
			break
		}
		page.Items = append(page.Items, leaseView(&rows[i]))
	}
	return compat.JSON(page), nil
}

func (m *management) await(ctx context.Context, r *route.Request, name string) (*Lease, error) {
	wait, err := r.QuerySpan("wait", MaxWait)
	if err != nil {
		return nil, err
	}
	if wait == 0 {
		return m.s.Lease(ctx, r.Actor, r.At, name)
	}
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return m.s.Await(limited, r.Actor, r.At, name, func(l *Lease) bool { return l.User.State != model.DynamicRequested })
}

func (m *management) lease(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return leaseReply(m.await(ctx, r, r.Param("name")))
}

func (m *management) request(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b RequestBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	if b.Profile == "" {
		return compat.Reply{}, model.Errorf(model.Invalid, "profile is missing").WithField("profile")
	}
	name, err := m.s.Request(ctx, r.Actor, r.At, Request{Profile: b.Profile, Device: b.Device, TTL: int64(b.TTL)})
	if err != nil {
		return compat.Reply{}, err
	}
	reply, err := leaseReply(m.await(ctx, r, name))
	reply.Status = http.StatusCreated
	return reply, err
}

func (m *management) secret(ctx context.Context, r *route.Request) (compat.Reply, error) {
	l, err := m.s.Open(ctx, r.Actor, r.At, r.Param("name"))
	if err != nil {
		return compat.Reply{}, err
	}
	o := compat.Object{{Name: "number", Value: l.User.Number}, {Name: "username", Value: l.User.Username}, {Name: "password", Value: compat.Secret{Value: *l.Secret}},
		{Name: "hostname", Value: l.Device.Hostname}, {Name: "ip", Value: l.Device.IP}, {Name: "expires_at", Value: compat.Time(l.User.ExpiresAt)}}
	if l.Cloud {
		o = append(o, key(*l.Secret)...)
	}
	return compat.JSON(o), nil
}

// key are the parts of an access key of a cloud.
func key(v secret.Value) (o compat.Object) {
	_ = v.Reveal(func(b []byte) error {
		var parts map[string]string
		err := json.Unmarshal(b, &parts)
		for _, name := range model.KeyParts() {
			o = append(o, compat.Member{Name: name, Value: compat.Secret{Value: secret.New([]byte(parts[name]))}})
		}
		return err
	})
	return o
}

func (m *management) renew(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b RenewBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	return leaseReply(m.s.Renew(ctx, r.Actor, r.At, r.Param("name"), int64(b.TTL)))
}

func (m *management) revoke(ctx context.Context, r *route.Request) (compat.Reply, error) {
	return leaseReply(m.s.Revoke(ctx, r.Actor, r.At, r.Param("name")))
}
