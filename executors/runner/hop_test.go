package runner_test

import (
	"strings"
	"testing"

	"cofre/executors/runner"
	"cofre/fsm/credential"
	"cofre/fsm/device"
	"cofre/fsm/model"
)

// TestWhoLogsInOnTheWay: the secret of a credential that was switched off, or is of another device than the jump host by now, is shown to no
// jump host.
func TestWhoLogsInOnTheWay(t *testing.T) {
	t.Parallel()
	h := open(t)
	bastion := as(h, device.Put, device.PutArgs{Device: model.Device{Hostname: "bastion", IP: "192.0.2.9", Connectivities: []model.Connectivity{{Protocol: "SSH", Port: 22}}}}).Device.ID
	login := put(h, credential.PutArgs{Identifier: "jumper", Device: bastion, Username: new("jump"), Secret: &credential.NewSecret{Row: "rj", Secret: model.Sealed{Term: 1, Box: []byte("Jump-pass-1")}}})
	way := func(as model.CredentialID) error {
		v := h.m.View()
		defer v.Close()
		own := *h.device(h.credential().Device)
		own.Via, own.ViaLogin = bastion, as
		_, err := runner.Spent(v, &own, &model.Lease{})
		return err
	}
	if err := way(login); err != nil {
		t.Error(err)
	}
	const gone = "who logs in at bastion is gone, inactive, or no credential of it any more"
	if err := way(h.credential().ID); err == nil || !strings.Contains(err.Error(), gone) {
		t.Errorf("a credential of another device: %v", err)
	}
	as(h, credential.SetStatus, credential.StatusArgs{ID: login})
	if err := way(login); err == nil || !strings.Contains(err.Error(), gone) {
		t.Errorf("one that was switched off: %v", err)
	}
}
