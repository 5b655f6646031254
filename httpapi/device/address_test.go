package device_test

import (
	"testing"

	"cofre/fsm/model"
	"cofre/httpapi/device"
)

func TestCheckAddress(t *testing.T) {
	t.Parallel()
	for ip, good := range map[string]bool{
		"": true, "192.0.2.7": true, "2001:db8::7": true, "fe80::1%eth0": true, "db.example.org": true, "3com": true,
		"999.1.1.1": false, "10.0.0": false, "192.0.2.7:22": false, "db.example.org:22": false, "[2001:db8::7]": false, "12": false,
	} {
		if err := device.CheckAddress(ip); (err == nil) != good || err != nil && !model.Is(err, model.Invalid) {
			t.Errorf("%q: %v", ip, err)
		}
	}
}
