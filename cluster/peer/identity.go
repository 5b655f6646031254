package peer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"cofre/fsm/codec"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Identity is who a node is. It lives in the disk ring, so that a sealed node has it.
type Identity struct {
	Node    model.NodeID
	Cluster model.ClusterID
	Key     *ecdsa.PrivateKey
	Chain   [][]byte // this node's certificate first, DER
	CA      [][]byte // certificates of the cluster's authority, newest first, DER
	Gossip  [][]byte // keys of the gossip ring, newest first
	HPKE    []byte   // private key that the root key is wrapped to
	// Contacts are the members that admitted this node. They count until the node table arrives with the log.
	Contacts []Contact
	// Ran says that raft has run here. From then on a log that is not there is lost: a node without one would take part as if it had
	// never voted and never confirmed an entry.
	Ran bool
}

// Contact is a member as a newcomer is told of it.
type Contact struct {
	Node      model.NodeID `cbor:"node"`
	Peer      string       `cbor:"peer"`   // host:port
	Gossip    string       `cbor:"gossip"` // host:port
	PublicKey []byte       `cbor:"public_key"`
}

// stored is the content of the sealed file.
type stored struct {
	Node     model.NodeID    `cbor:"node"`
	Cluster  model.ClusterID `cbor:"cluster"`
	Key      []byte          `cbor:"key"` // PKCS #8
	Chain    [][]byte        `cbor:"chain"`
	CA       [][]byte        `cbor:"ca"`
	Gossip   [][]byte        `cbor:"gossip"`
	HPKE     []byte          `cbor:"hpke"`
	Contacts []Contact       `cbor:"contacts,omitempty"`
	Ran      bool            `cbor:"ran,omitempty"`
}

// NewKey draws a node's long-lived key.
func NewKey() (*ecdsa.PrivateKey, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("draw a node key: %w", err)
	}
	return k, nil
}

// Save writes the identity through seal, which encrypts it (vault/disk.SealFile).
func (id *Identity) Save(seal func(secret.Value) error) error {
	key, err := x509.MarshalPKCS8PrivateKey(id.Key)
	if err != nil {
		return fmt.Errorf("save the node's identity: %w", err)
	}
	b, err := codec.Encode(stored{id.Node, id.Cluster, key, id.Chain, id.CA, id.Gossip, id.HPKE, id.Contacts, id.Ran})
	clear(key)
	if err != nil {
		return fmt.Errorf("save the node's identity: %w", err)
	}
	v := secret.New(b)
	defer v.Wipe()
	if err := seal(v); err != nil {
		return fmt.Errorf("save the node's identity: %w", err)
	}
	return nil
}

// Load reads the identity from what Save wrote (vault/disk.OpenFile).
func Load(open func() (secret.Value, error)) (*Identity, error) {
	v, err := open()
	if err != nil {
		return nil, fmt.Errorf("load the node's identity: %w", err)
	}
	defer v.Wipe()
	var s stored
	if err := v.Reveal(func(b []byte) error { return codec.Decode(b, &s) }); err != nil {
		return nil, fmt.Errorf("load the node's identity: %w", err)
	}
	defer clear(s.Key)
	key, err := x509.ParsePKCS8PrivateKey(s.Key)
	if err != nil {
		return nil, errors.New("load the node's identity: the node key cannot be read")
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("load the node's identity: the node key is of another kind")
	}
	return &Identity{Node: s.Node, Cluster: s.Cluster, Key: ec, Chain: s.Chain, CA: s.CA, Gossip: s.Gossip, HPKE: s.HPKE, Contacts: s.Contacts, Ran: s.Ran}, nil
}

// PublicKey is the SubjectPublicKeyInfo that the node table pins.
func (id *Identity) PublicKey() []byte {
	b, err := x509.MarshalPKIXPublicKey(&id.Key.PublicKey)
	if err != nil {
		panic(err) // P-256 keys always encode
	}
	return b
}

func (id *Identity) certificate() *tls.Certificate {
	chain := append([][]byte{}, id.Chain...)
	if len(id.CA) > 0 {
		chain = append(chain, id.CA[0]) // a joining node pins the authority, so it must be sent
	}
	return &tls.Certificate{Certificate: chain, PrivateKey: id.Key}
}

// Check tells whether the certificate is for this identity and of its authority.
func (id *Identity) Check() error {
	if len(id.Chain) == 0 || len(id.CA) == 0 {
		return errors.New("the identity has no certificate")
	}
	leaf, err := x509.ParseCertificate(id.Chain[0])
	if err != nil {
		return err
	}
	ca, err := x509.ParseCertificate(id.CA[0])
	if err != nil {
		return err
	}
	if err := leaf.CheckSignatureFrom(ca); err != nil {
		return err
	}
	cluster, node, err := namesOf(leaf)
	if err != nil {
		return err
	}
	if cluster != id.Cluster || node != id.Node || !id.Key.PublicKey.Equal(leaf.PublicKey) {
		return fmt.Errorf("the certificate is of node %s in cluster %s", node, cluster)
	}
	return nil
}
