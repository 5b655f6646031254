package device

import (
	"testing"

	"cofre/fsm/model"
)

// Everything that decides where what is sent to a device goes, and who is believed to be it, is part of its route (RULES 8).
func TestRoute(t *testing.T) {
	t.Parallel()
	base := func() *model.Device {
		return &model.Device{Hostname: "web1", IP: "192.0.2.1", Site: "s", CA: "ca", Via: "v", ViaLogin: "c", Connectivities: []model.Connectivity{{Protocol: "SSH", Port: 22}}, Lanes: 2, Tags: []string{"t"}, Model: "m"}
	}
	for name, c := range map[string]struct {
		change func(*model.Device)
		same   bool
	}{
		"nothing":   {func(*model.Device) {}, true},
		"tags":      {func(d *model.Device) { d.Tags = nil }, true},
		"model":     {func(d *model.Device) { d.Model = "n" }, true},
		"name":      {func(d *model.Device) { d.Hostname = "web2" }, false},
		"address":   {func(d *model.Device) { d.IP = "192.0.2.2" }, false},
		"site":      {func(d *model.Device) { d.Site = "" }, false},
		"authority": {func(d *model.Device) { d.CA = "" }, false},
		"opt-out":   {func(d *model.Device) { d.InsecureTLS = true }, false},
		"jump host": {func(d *model.Device) { d.Via = "" }, false},
		"its login": {func(d *model.Device) { d.ViaLogin = "e" }, false},
		"port":      {func(d *model.Device) { d.Connectivities[0].Port = 2222 }, false},
		"one more": {func(d *model.Device) {
			d.Connectivities = append(d.Connectivities, model.Connectivity{Protocol: "TELNET", Port: 23})
		}, false},
	} {
		now := base()
		if c.change(now); sameRoute(base(), now) != c.same {
			t.Errorf("%s: the same route is %v", name, !c.same)
		}
	}
}
