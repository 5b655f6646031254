package dynamic

import (
	"cmp"
	"context"
	"strings"
	"time"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// TestBody says where a profile is tried.
type TestBody struct {
	Device string `json:"device" doc:"needed when the profile works on several"`
}

// TestView tells how far a trial of a profile came.
type TestView struct {
	Result string     `json:"result" doc:"passed, failed, or running: some step goes on after the answer"`
	Steps  []TestStep `json:"steps" doc:"create, login, remove and gone, in this order"`
	Lease  LeaseView  `json:"lease" doc:"the user that was made; it stays listed until it is proven gone a second time, ten minutes later"`
}

// TestStep is one step of a trial.
type TestStep struct {
	Step    string `json:"step"`
	Result  string `json:"result" doc:"ok, failed, running, or skipped"`
	Message string `json:"message,omitempty"`
}

// DefaultWait is how long a trial is waited for.
const DefaultWait = 45 * time.Second

const (
	ok, failed, running, skipped = "ok", "failed", "running", "skipped"

	testTTL = 2 * time.Minute // how long the user of a trial lives if nobody removes it
)

func (m *management) test(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var b TestBody
	if err := r.Bind(&b); err != nil {
		return compat.Reply{}, err
	}
	wait := DefaultWait
	if r.Query("wait") != "" {
		var err error
		if wait, err = r.QuerySpan("wait", MaxWait); err != nil {
			return compat.Reply{}, err
		}
	}
	p, err := m.s.Profile(ctx, r.Actor, r.At, r.Param("name"))
	if err != nil {
		return compat.Reply{}, err
	}
	name, err := m.s.Request(ctx, r.Actor, r.At, Request{Profile: p.Row.Identifier, Device: b.Device, TTL: min(p.Row.TTL, testTTL.Milliseconds())})
	if err != nil {
		return compat.Reply{}, err
	}
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	made, err := m.s.Await(limited, r.Actor, r.At, name, func(l *Lease) bool { return l.User.State != model.DynamicRequested || tried(l, model.Provision) })
	if err != nil {
		return compat.Reply{}, err
	}
	first := message(made, model.Provision)
	if made.User.State == model.DynamicRequested || made.User.State == model.DynamicActive {
		if _, err := m.s.Revoke(ctx, r.Actor, r.At, name); err != nil {
			return compat.Reply{}, err
		}
	}
	end, err := m.s.Await(limited, r.Actor, r.At, name, func(l *Lease) bool {
		return l.User.GoneAt != 0 || l.User.State == model.DynamicRemoved || l.User.Failures > 0
	})
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(trial(end, first)), nil
}

// tried tells whether an attempt of this kind ended without success.
func tried(l *Lease, kind model.OperationKind) bool { return message(l, kind) != "" }

// message is the last one of the newest operation of a kind.
func message(l *Lease, kind model.OperationKind) (text string) {
	for _, o := range l.Operations {
		if o.Kind == kind {
			text = o.Message
		}
	}
	return text
}

// trial reads from a lease what became of each step; first is the message of the first attempt to create it.
func trial(l *Lease, first string) TestView {
	u := &l.User
	v := TestView{Lease: leaseView(l)}
	step := func(name, result, message string) {
		v.Steps = append(v.Steps, TestStep{name, result, message})
	}
	switch {
	case u.ActiveAt != 0:
		step("create", ok, "")
		step("login", ok, "")
	case strings.Contains(first, model.ReportedDone):
		step("create", ok, "")
		step("login", failed, first)
	case first != "":
		step("create", failed, first)
		step("login", skipped, "")
	default:
		step("create", running, "")
		step("login", running, "")
	}
	last := message(l, model.Deprovision)
	switch {
	case u.GoneAt == 0 && u.State == model.DynamicRemoved:
		step("remove", skipped, "nothing was sent to the target")
		step("gone", skipped, "")
	case u.GoneAt != 0:
		step("remove", ok, "")
		step("gone", ok, "a login is refused")
	case u.Failures > 0 && strings.Contains(last, model.ReportedDone):
		step("remove", ok, "")
		step("gone", failed, last)
	case u.Failures > 0:
		step("remove", failed, cmp.Or(last, "it is tried again"))
		step("gone", skipped, "")
	default:
		step("remove", running, "")
		step("gone", running, "")
	}
	v.Result = "passed"
	for _, s := range v.Steps {
		switch {
		case s.Result == failed:
			v.Result = failed
		case s.Result == running && v.Result != failed:
			v.Result = running
		}
	}
	return v
}
