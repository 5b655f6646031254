package runner_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/runner"
	"cofre/fsm/credential"
	"cofre/fsm/model"
)

// TestNames: a name that leads to this machine, to link-local or metadata addresses, or to the cluster is refused, also when it leads
// elsewhere too. It is resolved once in an attempt: who changes it in the middle moves nothing.
func TestNames(t *testing.T) {
	t.Parallel()
	const allowed, cluster = "192.0.2.1", "198.51.100.7"
	d := &model.Device{Hostname: "web1.example.org"}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // no socket is opened; what is refused is told before
	for addresses, refused := range map[string]bool{
		"127.0.0.1": true, "::1": true, "::ffff:127.0.0.1": true, "0.0.0.0": true, "::": true,
		"169.254.169.254": true, "fe80::1": true, "::ffff:169.254.169.254": true, "224.0.0.1": true, "ff02::1": true,
		cluster: true, "::ffff:" + cluster: true,
		allowed + " 169.254.169.254": true, allowed + " " + cluster: true,
		allowed: false, "2001:db8::1": false, "10.0.0.1": false,
	} {
		lookups := 0
		dial := runner.Straight(d, func(a string) bool { return a == cluster }, func(_ context.Context, _, host string) ([]netip.Addr, error) {
			if lookups++; host != d.Hostname {
				t.Errorf("%s is looked up", host)
			}
			var all []netip.Addr
			for _, a := range strings.Fields(addresses) {
				all = append(all, netip.MustParseAddr(a))
			}
			return all, nil
		})
		for range 2 {
			_, err := dial(ctx, "tcp", d.Hostname+":22")
			if err == nil || strings.Contains(err.Error(), "the device's name leads to") != refused {
				t.Errorf("%s: %v", addresses, err)
			}
		}
		if !refused && lookups != 1 {
			t.Errorf("%s: looked up %d times", addresses, lookups)
		}
	}
	d.IP = "127.0.0.1" // registered as an address: it is meant, and nothing is looked up
	if _, err := runner.Straight(d, func(string) bool { return true }, nil)(ctx, "tcp", "127.0.0.1:22"); err == nil || !strings.Contains(err.Error(), "cancel") {
		t.Errorf("a registered address: %v", err)
	}
}

// TestCheckHop: nobody logs in at a hop whose budget of failing logins is used up, nor again after a failure in this attempt.
func TestCheckHop(t *testing.T) {
	t.Parallel()
	d, login := &model.Device{Hostname: "bastion"}, &model.Credential{ID: "jumper"}
	for _, c := range []struct {
		login         *model.Credential
		spent         bool
		before, after string // "": it may
	}{
		{nil, false, "", ""},
		{login, false, "", "its login failed before in this attempt"},
		{login, true, "the budget of failing logins is used up", "the budget of failing logins is used up"},
	} {
		before, after := runner.CheckHop(d, c.login, c.spent)
		for _, x := range []struct {
			err  error
			want string
		}{{before, c.before}, {after, c.after}} {
			if (x.err != nil) != (x.want != "") || x.err != nil && !strings.Contains(x.err.Error(), "on the way, at bastion: "+x.want) {
				t.Errorf("%+v: %v", c, x.err)
			}
		}
	}
}

// TestAuthenticationCredentialGone: nobody logs in as an authentication credential that was switched off after the lease was given.
func TestAuthenticationCredentialGone(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]bool{"active": false, "switched off": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			own := h.credential()
			manager := put(h, credential.PutArgs{Identifier: "manager", Device: own.Device, Username: new("manager"), Secret: &credential.NewSecret{Row: "rm", Secret: model.Sealed{Term: 1, Box: []byte("Manager-pass-1")}}})
			put(h, credential.PutArgs{ID: own.ID, Execution: &credential.ExecutionPatch{Authentication: &manager}})
			id, _ := h.grant()
			if off {
				as(h, credential.SetStatus, credential.StatusArgs{ID: manager})
			}
			h.start(fake{run: func(context.Context, executors.Session) (executors.Outcome, error) {
				if off {
					t.Error("it logs in")
				}
				return executors.NotStarted, &executors.Failure{Class: executors.ClassNetwork, Msg: "as " + string(manager)}
			}})
			h.await(id, name, func(o *model.Operation) bool { return o.Attempt == 1 && o.Lease == nil })
			if o := h.operation(id); strings.Contains(o.Message, "the authentication credential is gone or inactive") != off {
				t.Errorf("%s: %s", o.State, o.Message)
			}
		})
	}
}
