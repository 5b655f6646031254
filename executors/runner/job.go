package runner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/vault/secret"
	"cofre/vault/totp"
)

// job is everything that one attempt works with, read from one view.
type job struct {
	operation  *model.Operation
	credential *model.Credential
	user       *model.DynamicUser // credential is then its account
	device     *model.Device
	auth       *model.Credential // who logs in: the credential itself unless another is set
	parent     *model.Credential
	policy     model.Policy
	template   chosen
	profile    *model.DynamicProfile
	removal    chosen // of a dynamic user, before its creation is tried again
	executor   executors.Executor
	started    model.Time
	trace      *executors.Recorder
	candidate  secret.Value
	ways       map[model.DeviceID][]hop // to each of the doors
	shutOut    shutOut                  // on the way
	doors      []*model.Device          // that the secret opens, the device first; more than one only for an SSH key
	connect    time.Duration            // longest wait for a connection, and for an answer; 0: those of the executor
	read       time.Duration
	turned     bool        // the new key is proven at every door: from now on it logs in
	dialed     atomic.Bool // somebody was to be reached
	connected  atomic.Bool // a connection was made since it was set to false
	entered    atomic.Bool // so was the login of who does the work
	decrypt    func(*model.Credential) (secret.Value, error)
	code       func(*model.OTPKey) (secret.Value, error) // one-time code of this moment
	held       *held                                     // of a dynamic user
	mixed      bool                                      // the nodes are of several versions: another may understand what this one does not
}

func (r *Runner) load(o *model.Operation) (*job, error) {
	j := &job{operation: o, trace: executors.NewRecorder(), started: model.TimeOf(time.Now())}
	j.decrypt = func(c *model.Credential) (secret.Value, error) {
		v := c.ByRole(model.RoleCurrent)
		if v == nil {
			return secret.Value{}, fmt.Errorf("credential %d holds no secret: %w", c.Number, mask.ErrNoValue)
		}
		return r.Keys.Decrypt(r.Place(v.Row), v.Secret)
	}
	j.code = func(k *model.OTPKey) (secret.Value, error) {
		key, err := r.Keys.Decrypt(r.Place(k.Row), k.Secret)
		if err != nil {
			return secret.Value{}, err
		}
		defer key.Wipe()
		return totp.Code(key, time.Now())
	}
	v := r.View()
	defer v.Close()
	var ok bool
	if j.credential, ok = r.account(v, j); !ok {
		return j, missing("the credential is gone")
	}
	if j.device, ok = state.Devices.Get(v, string(j.credential.Device)); !ok {
		return j, missing("the device is gone")
	}
	var err error
	if j.doors, err = doors(v, j.credential, j.device); err != nil {
		return j, err
	}
	j.ways = map[model.DeviceID][]hop{}
	for _, d := range j.doors {
		if j.ways[d.ID], err = wayTo(v, d, o.Lease); err != nil {
			return j, err
		}
	}
	if o.Kind == model.SearchOrphans && o.Lease.Door == "" {
		return j, missing("the device has no credential with the profile's user name")
	}
	j.auth = j.credential
	if j.user != nil && o.Lease.Door == "" && (o.Kind == model.Deprovision || o.State != model.OpSettling) {
		return j, missing("the device has no credential with the profile's user name")
	}
	if id := o.Lease.Door; id != "" {
		if j.auth, ok = state.Credentials.Get(v, string(id)); !ok || !j.auth.Enabled {
			return j, missing("the authentication credential is gone or inactive")
		}
	}
	if j.credential.Parent != "" {
		j.parent, _ = state.Credentials.Get(v, string(j.credential.Parent))
	}
	if o.Kind == model.ChildPasswordChange && j.parent == nil {
		return j, missing("the parent credential is gone")
	}
	j.policy = state.PolicyOf(v, j.credential)
	settings := state.Automation(v).Settings
	j.connect, j.read = model.Span(settings.ConnectTimeout), model.Span(settings.ReadTimeout)
	if j.user != nil {
		j.held = r.holding(v, j.user.For, j.user.Owner, j.user.Held)
	}
	if j.executor, ok = r.Executors(o.Executor); !ok {
		return j, refused("this node has no executor " + string(o.Executor)) // another one may
	}
	j.mixed = mixed(v)
	j.template = templateOf(v, o.Template)
	if t, ok := state.Templates.Get(v, string(o.Template)); ok && o.Kind == model.Preflight && t.Version(o.TemplateVersion) != nil {
		j.template = chosen{TemplateVersion: *t.Version(o.TemplateVersion)}
	}
	if o.Kind == model.Provision {
		j.removal = templateOf(v, j.profile.Remove)
	}
	return j, nil
}

// chosen is the version of a template that an attempt works by; without one, why there is none.
type chosen struct {
	model.TemplateVersion
	none string
}

// templateOf is the version in force.
func templateOf(r table.Reader, id model.TemplateID) chosen {
	t, ok := state.Templates.Get(r, string(id))
	switch {
	case !ok:
		return chosen{none: "the template is gone"}
	case !t.Active:
		return chosen{none: fmt.Sprintf("the template is inactive: cofre template enable %q", t.Name)}
	case t.Current() == nil:
		return chosen{none: fmt.Sprintf("no version of the template is approved: cofre template review %q", t.Name)}
	}
	return chosen{TemplateVersion: *t.Current()}
}

// account finds what the operation is about, as an account.
func (r *Runner) account(v *table.View, j *job) (*model.Credential, bool) {
	id := j.operation.Target.ID
	var ok bool
	switch j.operation.Target.Kind {
	case model.TargetDynamicUser:
	case model.TargetOrphans:
		s, known := state.OrphanSearches.Get(v, id)
		if !known {
			return nil, false
		}
		if j.profile, ok = state.Profiles.Get(v, string(s.Profile)); !ok {
			return nil, false
		}
		return s.Account(j.profile), true
	default:
		return state.Credentials.Get(v, id)
	}
	if j.user, ok = state.DynamicUsers.Get(v, id); !ok {
		return nil, false
	}
	if j.profile, ok = state.Profiles.Get(v, string(j.user.Profile)); !ok {
		return nil, false
	}
	return j.user.Account(j.profile), true
}

func missing(msg string) error { return &executors.Failure{Class: executors.ClassTemplate, Msg: msg} }

func (j *job) compile(t chosen) (executors.Program, error) {
	if t.N == 0 {
		return nil, missing(t.none)
	}
	kind := model.TemplateChange
	if k := accessKinds[j.operation.Kind]; k != "" {
		kind = k
	}
	if j.profile != nil || j.operation.Kind == model.SecretAutomation {
		kind = model.TemplateAutomation
	}
	p, err := executors.Compile(j.executor, kind, t.Content)
	switch {
	case err != nil && j.mixed:
		return nil, refused("this node's version does not understand the template: " + err.Error())
	case err != nil:
		return nil, missing(err.Error())
	}
	return p, nil
}

// mixed tells whether an update of the cluster is under way.
func mixed(v table.Reader) bool {
	versions := map[string]bool{}
	for n := range state.Nodes.All(v, "") {
		if n.State == model.NodeApproved {
			versions[n.Announced.Version] = true
		}
	}
	return len(versions) > 1
}

// verifier proves secrets of this job: the template's own way to log in, if it names one and is there, else the executor's.
func (j *job) verifier() (executors.Verifier, bool) {
	program, err := j.compile(j.template)
	if err != nil {
		program = nil
	}
	return executors.VerifierOf(j.executor, program)
}

// endpoint is where the executor connects; a device lists its ports by protocol, named like the executor or as that says.
func (j *job) endpoint() model.Endpoint {
	protocols := []string{strings.ToUpper(string(j.operation.Executor))}
	if c, ok := j.executor.(executors.Connectivity); ok {
		protocols = c.Protocols()
	}
	return endpoint(j.device, protocols)
}

// endpoint is a device with the port of the first of some protocols that it lists.
func endpoint(d *model.Device, protocols []string) model.Endpoint {
	var port uint16
	var protocol string
	for _, protocol = range protocols {
		if port = d.Port(protocol); port != 0 {
			break
		}
	}
	if port == 0 {
		protocol = ""
	}
	return model.Endpoint{
		Hostname: d.Hostname, Address: d.Address(), Port: port, Protocol: protocol,
		HostKeys: d.HostKeys, CA: d.CA, InsecureTLS: d.InsecureTLS,
	}
}

func (r *Runner) session(l *lease, j *job) executors.Session {
	j.connected.Store(false)
	j.entered.Store(false)
	dial := r.dialer(j)
	// A session stays for the next attempt only if it is of somebody who changes others, whose secret no attempt replaces; if
	// nothing is on the way: a jump host's or proxy's connection ends with its attempt; and if the device has no limit of its own,
	// which counts connections too.
	var sessions *executors.Sessions
	if j.managed() && len(j.ways[j.device.ID]) == 0 && j.device.Lanes == 0 {
		sessions = r.sessions
	}
	return executors.Session{Target: j.endpoint(), Resolve: j.resolve, Managed: j.managed(), Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		j.dialed.Store(true)
		c, err := dial(ctx, network, address)
		if err == nil && network != "udp" { // which asks where to log in
			j.connected.Store(true)
		}
		return c, err
	}, Sessions: sessions, Trace: j.trace, Capture: l.capture, Entered: func() { j.entered.Store(true) }, Before: l.check, ConnectTimeout: j.connect, ReadTimeout: j.read}
}

// managed tells whether another credential logs in to do the work.
func (j *job) managed() bool { return j.auth.ID != j.credential.ID }

func (j *job) wipe() { j.candidate.Wipe() }

const maxMessage = 1000

// done makes the report of an attempt.
func (j *job) done(o model.Outcome) operation.FinishArgs {
	return operation.FinishArgs{Outcome: o, Logins: model.Logins{Way: j.shutOut.list()}, Attempt: model.Attempt{
		Template: j.operation.Template, TemplateVersion: j.template.N, StartedAt: j.started, Steps: j.trace.Steps(),
	}}
}

// ran is failed for a program that was run: it logs in before it writes, so that its login may be what failed.
func (j *job) ran(o model.Outcome, err error) operation.FinishArgs {
	a := j.failed(o, err)
	if o == model.OutcomeNotStarted && !j.entered.Load() && !executors.IsSpared(err) {
		a.Logins.Door = operation.Unpassed(a.Class, j.connected.Load())
	}
	var f *executors.Failure
	if errors.As(err, &f) { // a password that a target refuses within the session counts for whose it is
		switch f.Denied {
		case mask.AuthPassword:
			a.Logins.Door = 1
		case mask.CurrentPassword:
			a.Logins.Own = 1
		}
	}
	return a
}

// unsure is failed for a login as the account itself, which may have been refused. What failed as AUTH_USER, who was to find it, counts there:
// a wrong secret of a manager must not be shown for each account that it manages, until the target locks it.
func (j *job) unsure(o model.Outcome, err error) operation.FinishArgs {
	var f *executors.Failure
	if errors.As(err, &f) && f.Denied == mask.AuthPassword && j.managed() {
		j.shutOut.note(j.auth.ID)
		return j.failed(o, err)
	}
	a := j.failed(o, err)
	if !executors.IsSpared(err) {
		a.Logins.Own = operation.Unpassed(a.Class, j.connected.Load())
	}
	return a
}

func (j *job) failed(o model.Outcome, err error) operation.FinishArgs {
	a := j.done(o)
	a.Class, a.Message = failureOf(err)
	// What was refused before anybody was dialed, the device's settings refuse: no pinned key, or a protocol that is not encrypted. A session
	// that stayed from an attempt before is dialed by nobody either, and may break.
	own := a.Class == string(executors.ClassHostKey) || a.Class == string(executors.ClassTLS)
	a.Futile = own && !j.dialed.Load() && !j.entered.Load()
	if len(a.Message) > maxMessage {
		a.Message = strings.ToValidUTF8(a.Message[:maxMessage], "")
	}
	return a
}
