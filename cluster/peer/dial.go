package peer

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/sirupsen/logrus"

	"cofre/fsm/model"
)

// The protocols of the peer port, by ALPN.
const (
	ProtoRaft = "raft/1"
	ProtoRPC  = "house-rpc/1"
	ProtoJoin = "house-join/1"
)

const handshakeTime = 5 * time.Second

// DialFunc opens a connection; net.Dialer.DialContext is one.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Dialer opens connections to members.
type Dialer struct {
	Self   func() *Identity // newest identity of this node
	Pinned Lookup
	Dial   DialFunc // nil: the network
	Log    logrus.FieldLogger
}

func (d *Dialer) open(ctx context.Context, address string) (net.Conn, error) {
	dial := d.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: handshakeTime}).DialContext
	}
	return dial(ctx, "tcp", address)
}

// To connects to a member. node "" accepts whichever member answers.
func (d *Dialer) To(ctx context.Context, proto string, node model.NodeID, address string) (net.Conn, error) {
	raw, err := d.open(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("connect to %s at %s: %w", node, address, err)
	}
	conn, err := d.secure(ctx, raw, proto, node)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connect to %s at %s: %w", node, address, err), raw.Close())
	}
	return conn, nil
}

func (d *Dialer) secure(ctx context.Context, raw net.Conn, proto string, node model.NodeID) (net.Conn, error) {
	self := d.Self()
	conn := tls.Client(raw, pinnedConfig(proto, self.certificate()))
	state, err := handshake(ctx, conn, proto)
	if err != nil {
		return nil, err
	}
	_, verdict := authorize(state.PeerCertificates[0], self, node, d.Pinned, time.Now(), d.Log)
	if err := exchange(conn, verdict, true); err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(time.Time{})
}

// Join is how a newcomer connects: it has no certificate, and knows of the cluster only the hash of its authority.
func Join(ctx context.Context, dial DialFunc, address string, cluster model.ClusterID, caHash [sha256.Size]byte) (net.Conn, error) {
	d := Dialer{Dial: dial}
	raw, err := d.open(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	conn := tls.Client(raw, pinnedConfig(ProtoJoin, nil))
	state, err := handshake(ctx, conn, ProtoJoin)
	if err == nil {
		err = exchange(conn, checkAuthority(state.PeerCertificates, cluster, caHash), true)
	}
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connect to %s: %w", address, err), raw.Close())
	}
	return conn, nil
}

// checkAuthority accepts a chain whose authority is the pinned one and whose leaf is a node of the cluster. Dates do not
// count: a cluster that was off for months still lets a node join.
func checkAuthority(chain []*x509.Certificate, cluster model.ClusterID, caHash [sha256.Size]byte) error {
	for _, ca := range chain[1:] {
		if Hash(ca.Raw) != caHash {
			continue
		}
		if err := chain[0].CheckSignatureFrom(ca); err != nil {
			return fmt.Errorf("the member's certificate is not of the pinned authority: %w", err)
		}
		got, node, err := namesOf(chain[0])
		if err != nil {
			return err
		}
		if got != cluster {
			return fmt.Errorf("%w: node %s is of cluster %s, the join token is of cluster %s", ErrOtherCluster, node, got, cluster)
		}
		return nil
	}
	return errors.New("the member does not show the authority that the join token pins")
}

// pinnedConfig is the one place that switches crypto/tls's own verification off: authorize and checkAuthority decide by
// pinned keys instead, before a byte of the protocol is sent.
func pinnedConfig(proto string, cert *tls.Certificate) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{proto}, InsecureSkipVerify: true} //nolint:gosec // see above
	if cert != nil {
		c.Certificates = []tls.Certificate{*cert}
	}
	return c
}

func handshake(ctx context.Context, conn *tls.Conn, protos ...string) (tls.ConnectionState, error) {
	deadline := time.Now().Add(handshakeTime)
	if t, ok := ctx.Deadline(); ok && t.Before(deadline) {
		deadline = t
	}
	if err := conn.SetDeadline(deadline); err != nil {
		return tls.ConnectionState{}, err
	}
	if err := conn.HandshakeContext(ctx); err != nil {
		return tls.ConnectionState{}, fmt.Errorf("TLS handshake: %w", err)
	}
	state := conn.ConnectionState()
	for _, p := range protos {
		if state.NegotiatedProtocol == p {
			return state, nil
		}
	}
	return state, fmt.Errorf("TLS handshake: the peer does not speak %v", protos)
}
