package peer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"time"

	"cofre/fsm/model"
)

const (
	caLife   = 20 * 365 * 24 * time.Hour
	certLife = 30 * 24 * time.Hour
	renewAt  = 10 * 24 * time.Hour // left to live
	backdate = 5 * time.Minute     // clocks differ a little
)

// NewCA draws the cluster's authority: its key and self-signed certificate.
func NewCA(cluster model.ClusterID, now time.Time) (key *ecdsa.PrivateKey, der []byte, err error) {
	if key, err = NewKey(); err != nil {
		return nil, nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "cofre " + string(cluster)},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(caLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err = x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return nil, nil, fmt.Errorf("make the cluster's authority: %w", err)
	}
	return key, der, nil
}

// NewRequest is a certificate request for the node's key.
func NewRequest(key *ecdsa.PrivateKey, node model.NodeID) ([]byte, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: string(node)}}, key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate request: %w", err)
	}
	return der, nil
}

// RequestKey checks that whoever made the request holds its key, and gives that key.
func RequestKey(csr []byte) (spki []byte, err error) {
	r, err := x509.ParseCertificateRequest(csr)
	if err == nil {
		err = r.CheckSignature()
	}
	if err != nil {
		return nil, fmt.Errorf("read a certificate request: %w", err)
	}
	if _, ok := r.PublicKey.(*ecdsa.PublicKey); !ok {
		return nil, errors.New("read a certificate request: a node key is ECDSA")
	}
	return r.RawSubjectPublicKeyInfo, nil
}

// IssueNode signs a node's certificate for 30 days. Names come from the caller, never from the request; hosts are host
// names or IP addresses of the peer listener.
func IssueNode(caKey crypto.Signer, ca []byte, csr []byte, cluster model.ClusterID, node model.NodeID, hosts []string, now time.Time) ([]byte, error) {
	if _, err := RequestKey(csr); err != nil {
		return nil, err
	}
	r, err := x509.ParseCertificateRequest(csr)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate: %w", err)
	}
	parent, err := x509.ParseCertificate(ca)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: string(node)},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(certLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		URIs: []*url.URL{nodeURI(cluster, node)}, BasicConstraintsValid: true,
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else if h != "" {
			t.DNSNames = append(t.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, r.PublicKey, caKey)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate: %w", err)
	}
	return der, nil
}

// NeedsRenewal tells whether a node's certificate has 10 days or less to live, or cannot be read.
func NeedsRenewal(der []byte, now time.Time) bool {
	c, err := x509.ParseCertificate(der)
	return err != nil || c.NotAfter.Sub(now) <= renewAt
}

// Hash is the pin of an authority's certificate in a join token.
func Hash(ca []byte) [sha256.Size]byte { return sha256.Sum256(ca) }

// EncodePEM and DecodePEM convert certificates to and from the keyring's form.
func EncodePEM(ders [][]byte) []byte {
	var out []byte
	for _, der := range ders {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return out
}

// DecodePEM reads every certificate of a PEM text.
func DecodePEM(text []byte) (ders [][]byte) {
	for {
		var b *pem.Block
		if b, text = pem.Decode(text); b == nil {
			return ders
		}
		if b.Type == "CERTIFICATE" {
			ders = append(ders, b.Bytes)
		}
	}
}

func nodeURI(cluster model.ClusterID, node model.NodeID) *url.URL {
	return &url.URL{Scheme: "cofre", Host: string(cluster), Path: "/" + string(node)}
}

// namesOf reads cluster and node from a certificate.
func namesOf(c *x509.Certificate) (model.ClusterID, model.NodeID, error) {
	if len(c.URIs) != 1 || c.URIs[0].Scheme != "cofre" || len(c.URIs[0].Path) < 2 {
		return "", "", errors.New("the certificate names no node of a cofre cluster")
	}
	return model.ClusterID(c.URIs[0].Host), model.NodeID(c.URIs[0].Path[1:]), nil
}

func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("draw a serial number: %w", err)
	}
	return n, nil
}
