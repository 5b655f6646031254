package runner

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/vault/secret"
)

// job is everything that one attempt works with, read from one view.
type job struct {
	operation  *model.Operation
	credential *model.Credential
	device     *model.Device
	auth       *model.Credential // who logs in: the credential itself unless another is set
	parent     *model.Credential
	policy     model.Policy
	template   model.TemplateVersion
	executor   executors.Executor
	at         model.Time // state time of the view
	started    model.Time
	trace      *executors.Recorder
	candidate  secret.Value
	decrypt    func(*model.Credential) (secret.Value, error)
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
	v := r.View()
	defer v.Close()
	j.at = state.SystemRow(v).At
	var ok bool
	if j.credential, ok = state.Credentials.Get(v, o.Target.ID); !ok {
		return j, missing("the credential is gone")
	}
	if j.device, ok = state.Devices.Get(v, string(j.credential.Device)); !ok {
		return j, missing("the device is gone")
	}
	j.auth = j.credential
	if id := j.credential.Execution.Authentication; id != "" {
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
	if j.executor, ok = r.Executors(o.Executor); !ok {
		return j, missing("this node has no executor " + string(o.Executor))
	}
	if t, ok := state.Templates.Get(v, string(o.Template)); ok && t.Active && t.Current() != nil {
		j.template = *t.Current()
	}
	return j, nil
}

func missing(msg string) error { return &executors.Failure{Class: executors.ClassTemplate, Msg: msg} }

func (j *job) compile() (executors.Program, error) {
	if j.template.N == 0 {
		return nil, missing("the template is gone, inactive, or waits for approval")
	}
	p, err := j.executor.Compile(j.template.Content)
	if err != nil {
		return nil, &executors.Failure{Class: executors.ClassTemplate, Msg: err.Error()}
	}
	return p, nil
}

// resolve gives the value of a hole; the caller owns it.
func (j *job) resolve(n mask.Name) (secret.Value, error) {
	c, d := j.credential, j.device
	switch n {
	case mask.NewPassword:
		if j.candidate.Len() == 0 {
			return secret.Value{}, fmt.Errorf("%s: %w", n, mask.ErrNoValue)
		}
		return j.candidate.Clone(), nil
	case mask.CurrentPassword:
		return j.decrypt(c)
	case mask.AuthPassword:
		return j.decrypt(j.auth)
	}
	text, ok := map[mask.Name]string{
		mask.Username: c.Username, mask.AuthUser: j.auth.Username, "AUTH_DOMAIN": j.auth.Domain, mask.AddInfo: c.Additional,
		"IP": d.IP, "HOSTNAME": d.Hostname, "DOMAIN": either(c.Domain, d.Domain),
		"CONNECT_IP": d.Address(), "CONNECT_PORT": strconv.Itoa(int(j.endpoint().Port)),
	}[n]
	if !ok || text == "" {
		return secret.Value{}, fmt.Errorf("%s: %w", n, mask.ErrNoValue)
	}
	return secret.New([]byte(text)), nil
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// endpoint is where the executor connects; a device lists its ports by protocol, named like the executor or as that says.
func (j *job) endpoint() model.Endpoint {
	d := j.device
	protocols := []string{strings.ToUpper(string(j.operation.Executor))}
	if c, ok := j.executor.(executors.Connectivity); ok {
		protocols = c.Protocols()
	}
	var port uint16
	for _, p := range protocols {
		if port = d.Port(p); port != 0 {
			break
		}
	}
	return model.Endpoint{
		Hostname: d.Hostname, Address: d.Address(), Port: port,
		HostKeys: d.HostKeys, CA: d.CA, InsecureTLS: d.InsecureTLS,
	}
}

func (r *Runner) session(l *lease, j *job) executors.Session {
	return executors.Session{Target: j.endpoint(), Resolve: j.resolve, Dial: r.dialer(j.device), Trace: j.trace, Before: l.check}
}

func (j *job) wipe() { j.candidate.Wipe() }

const maxMessage = 1000

// done makes the report of an attempt.
func (j *job) done(o model.Outcome) operation.FinishArgs {
	return operation.FinishArgs{Outcome: o, Attempt: model.Attempt{
		Template: j.operation.Template, TemplateVersion: j.template.N, StartedAt: j.started, Steps: j.trace.Steps(),
	}}
}

func (j *job) failed(o model.Outcome, err error) operation.FinishArgs {
	a := j.done(o)
	a.Class, a.Message = failureOf(err)
	if len(a.Message) > maxMessage {
		a.Message = strings.ToValidUTF8(a.Message[:maxMessage], "")
	}
	return a
}
