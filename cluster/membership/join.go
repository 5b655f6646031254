package membership

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"

	"cofre/cluster/peer"
	"cofre/cluster/rpc"
	"cofre/fsm/model"
)

// Request is what a newcomer sends over house-join/1.
type Request struct {
	Name      model.NodeID       `cbor:"name"`
	Secret    []byte             `cbor:"secret"`
	CSR       []byte             `cbor:"csr"`
	HPKE      []byte             `cbor:"hpke"` // public key that the root key will be wrapped to
	Peer      string             `cbor:"peer"`
	API       string             `cbor:"api"`
	Gossip    string             `cbor:"gossip"`
	Announced model.Announcement `cbor:"announced"`
	Dev       bool               `cbor:"dev,omitempty"` // member of a practice cluster
}

// Reply is what it gets. Nothing in it opens the vault.
type Reply struct {
	Cluster     model.ClusterID `cbor:"cluster"`
	Certificate []byte          `cbor:"certificate"`
	CA          [][]byte        `cbor:"ca"`
	Gossip      [][]byte        `cbor:"gossip"`
	Members     []peer.Contact  `cbor:"members"`
}

// Newcomer is a node that wants to join. Its keys are drawn and saved before, so that a repeated attempt is the same
// node.
type Newcomer struct {
	Key        *ecdsa.PrivateKey
	HPKE       []byte // private
	HPKEPublic []byte
	Peer       string // addresses under which members reach it
	API        string
	Gossip     string
	Announced  model.Announcement
	Dev        bool          // member of a practice cluster
	Dial       peer.DialFunc // nil: the network
	Log        logrus.FieldLogger
}

const (
	askTime   = 15 * time.Second
	askPause  = time.Second
	certFault = "the member sent a certificate that is not for this node"
)

// Join asks the members that the token names, one after the other, until one admits this node, one denies it, or ctx
// ends.
func (n *Newcomer) Join(ctx context.Context, t Token) (*peer.Identity, error) {
	csr, err := peer.NewRequest(n.Key, t.Name)
	if err != nil {
		return nil, err
	}
	q := Request{Name: t.Name, CSR: csr, HPKE: n.HPKEPublic, Peer: n.Peer, API: n.API, Gossip: n.Gossip, Announced: n.Announced, Dev: n.Dev}
	for {
		for _, address := range t.Peers {
			r, err := n.ask(ctx, t, address, q)
			if err == nil {
				return n.accept(t, r)
			}
			switch model.KindOf(err) {
			case model.Denied, model.Invalid, model.Conflict:
				return nil, fmt.Errorf("join at %s: %w", address, err)
			}
			n.Log.WithError(err).WithField("member", address).Warn("the member did not admit this node; trying on")
			if ctx.Err() != nil {
				return nil, fmt.Errorf("join: %w", errors.Join(err, ctx.Err()))
			}
		}
		select {
		case <-time.After(askPause):
		case <-ctx.Done():
			return nil, fmt.Errorf("join: no member admitted this node: %w", ctx.Err())
		}
	}
}

func (n *Newcomer) ask(ctx context.Context, t Token, address string, q Request) (r Reply, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	raw, err := peer.Join(ctx, n.Dial, address, t.Cluster, t.CA)
	if err != nil {
		return r, err
	}
	conn := rpc.NewConn(raw, "", nil)
	defer func() { _ = conn.Close() }()
	err = t.Secret.Reveal(func(s []byte) error {
		q.Secret = s
		return conn.Call(ctx, rpc.Join, q, &r)
	})
	return r, err
}

// accept checks that the answer is for this node and makes its identity.
func (n *Newcomer) accept(t Token, r Reply) (*peer.Identity, error) {
	id := &peer.Identity{
		Node: t.Name, Cluster: t.Cluster, Key: n.Key, Chain: [][]byte{r.Certificate}, CA: r.CA, Gossip: r.Gossip, HPKE: n.HPKE,
		Contacts: r.Members,
	}
	if r.Cluster != t.Cluster || len(r.Members) == 0 || len(r.CA) == 0 {
		return nil, errors.New("join: the member's answer is not complete")
	}
	pinned := false
	for _, ca := range r.CA {
		pinned = pinned || peer.Hash(ca) == t.CA
	}
	if !pinned {
		return nil, errors.New("join: the member's answer lacks the authority that the join token pins")
	}
	if err := id.Check(); err != nil {
		return nil, fmt.Errorf("join: %s: %w", certFault, err)
	}
	return id, nil
}
