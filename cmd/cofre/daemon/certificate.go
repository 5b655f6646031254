package daemon

import (
	"context"
	"crypto"
	"crypto/ecdh"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"cofre/cluster/peer"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// issue signs a node's certificate with the CA's private key.
func issue(private secret.Value, ca, csr []byte, c model.ClusterID, n model.NodeID, hosts []string) (cert []byte, err error) {
	err = private.Reveal(func(der []byte) error {
		key, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			return errors.New("the CA's key cannot be read")
		}
		signer, ok := key.(crypto.Signer)
		if !ok {
			return errors.New("the CA's key does not sign")
		}
		cert, err = peer.IssueNode(signer, ca, csr, c, n, hosts, time.Now())
		return err
	})
	return cert, err
}

// issueFor signs for a member or newcomer; it fails while this node's vault is sealed.
func (m *member) issueFor(_ context.Context, csr []byte, n model.NodeID, hosts []string) ([]byte, error) {
	return m.issueUnder(m.self.Get().CA[0], csr, n, hosts)
}

// issueUnder signs with the newest CA key; it fails when ca is not that key's certificate.
func (m *member) issueUnder(ca, csr []byte, n model.NodeID, hosts []string) (cert []byte, err error) {
	self := m.self.Get()
	err = m.named.UseCA(func(key any) error {
		signer, ok := key.(crypto.Signer)
		if !ok {
			return errors.New("the CA's key does not sign")
		}
		cert, err = peer.IssueNode(signer, ca, csr, self.Cluster, n, append(hosts, string(n), "localhost", "127.0.0.1"), time.Now())
		return err
	})
	return cert, err
}

// renewOwn signs this node's own renewed certificate.
func (m *member) renewOwn(ctx context.Context, csr []byte) ([]byte, error) {
	return m.issueFor(ctx, csr, m.id(), m.ownHosts())
}

func (m *member) ownHosts() []string {
	return []string{hostOf(m.config.Peer.Advertise), hostOf(m.config.API.Advertise)}
}

// apiTLS serves the operator's own certificate, or this node's.
func (m *member) apiTLS() (*tls.Config, error) {
	// A client may show a certificate; an authorization may demand a certain one, by its fingerprint.
	c := &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert}
	if m.config.API.CertFile != "" {
		own, err := tls.LoadX509KeyPair(m.config.API.CertFile, m.config.API.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("load the API's certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{own}
		return c, nil
	}
	c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		id := m.self.Get()
		return &tls.Certificate{Certificate: append(append([][]byte{}, id.Chain...), id.CA...), PrivateKey: id.Key}, nil
	}
	return c, nil
}

// hpkePublic is the public half of a node's X25519 key.
func hpkePublic(private []byte) ([]byte, error) {
	k, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("read the node's HPKE key: %w", err)
	}
	return k.PublicKey().Bytes(), nil
}
