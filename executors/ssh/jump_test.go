package ssh_test

import (
	"net"
	"testing"
	"time"

	xssh "golang.org/x/crypto/ssh"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/ssh"
	"cofre/fsm/model"
)

// TestUnpassedJumpHost: a login that a jump host refused, or may have, counts against the credential that logs in there; nobody was refused
// where no secret was shown.
func TestUnpassedJumpHost(t *testing.T) {
	t.Parallel()
	closing, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target.Answer(t, closing, func(net.Conn) {})
	pinned := []model.HostKey{{Fingerprint: "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"}}
	over := make(chan struct{})
	defer close(over) // before the servers are waited for
	password := func(judge func() error) *xssh.ServerConfig {
		return &xssh.ServerConfig{PasswordCallback: func(xssh.ConnMetadata, []byte) (*xssh.Permissions, error) { return nil, judge() }}
	}
	for name, c := range map[string]struct {
		at       model.Endpoint
		class    executors.Class
		unpassed bool
	}{
		"nobody is there":            {model.Endpoint{Address: "127.0.0.1", Port: 1, HostKeys: pinned}, executors.ClassNetwork, false},
		"it closes before it asks":   {model.Endpoint{Address: "127.0.0.1", Port: target.PortOf(closing.Addr().String()), HostKeys: pinned}, executors.ClassNetwork, false},
		"it takes keys only":         {fake{cfg: &xssh.ServerConfig{PublicKeyCallback: func(xssh.ConnMetadata, xssh.PublicKey) (*xssh.Permissions, error) { return nil, nil }}}.serve(t), executors.ClassRefused, false},
		"it refuses the password":    {fake{cfg: password(func() error { return net.ErrClosed })}.serve(t), executors.ClassRefused, true},
		"silence after the password": {fake{cfg: password(func() error { <-over; return nil })}.serve(t), executors.ClassTimeout, true},
	} {
		s := session(c.at)
		s.ConnectTimeout = 200 * time.Millisecond
		_, err := ssh.Jump(t.Context(), s, "192.0.2.1:22")
		f, ok := err.(*executors.Failure) //nolint:errorlint // the contract
		if !ok || f.Class != c.class || f.Unpassed != c.unpassed || executortest.ClassOf(err) == executors.ClassAuth {
			t.Errorf("%s: %v, unpassed: %t", name, err, ok && f.Unpassed)
		}
	}
}
