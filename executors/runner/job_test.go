package runner

import (
	"testing"

	"cofre/executors"
	"cofre/fsm/model"
)

type listed struct{ executors.Executor }

func (listed) Protocols() []string { return []string{"SSH", "SSH-WEAK"} }

// TestEndpointNamesTheProtocol: the executor learns under which of its names the device lists the port.
func TestEndpointNamesTheProtocol(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lists    []model.Connectivity
		port     uint16
		protocol string
	}{
		{nil, 0, ""},
		{[]model.Connectivity{{Protocol: "SSH-WEAK", Port: 2222}}, 2222, "SSH-WEAK"},
		{[]model.Connectivity{{Protocol: "SSH-WEAK", Port: 2222}, {Protocol: "SSH", Port: 22}}, 22, "SSH"},
		{[]model.Connectivity{{Protocol: "TELNET", Port: 23}}, 0, ""},
	} {
		j := &job{operation: &model.Operation{Executor: "ssh"}, device: &model.Device{Connectivities: c.lists}, executor: listed{}}
		if e := j.endpoint(); e.Port != c.port || e.Protocol != c.protocol {
			t.Errorf("%v: port %d, protocol %q", c.lists, e.Port, e.Protocol)
		}
	}
}
