package membership

import (
	"context"
	"net"
	"net/url"

	"github.com/sirupsen/logrus"

	"cofre/cluster/peer"
	"cofre/cluster/rpc"
	"cofre/fsm/model"
)

// Admitter is the member's side of joining. It sees the token's secret, hashes it, and forgets it.
type Admitter struct {
	Self *peer.Holder
	// Known tells from the local state whether a token with this id exists: strangers cause no proposals.
	Known func(tokenID string) bool
	// Issue signs a node's certificate; it fails with Kind VaultSealed where the authority's key is not at hand.
	Issue func(ctx context.Context, csr []byte, node model.NodeID, hosts []string) ([]byte, error)
	// Propose commits node.join, which uses the token up.
	Propose func(ctx context.Context, tokenID string, publicKey []byte, q Request) error
	// Contacts lists the members for the newcomer.
	Contacts func() []peer.Contact
	Log      logrus.FieldLogger
}

// maxJoins bounds the joins that are answered at once; the port is open to strangers.
const maxJoins = 4

// Handler answers rpc.Join on house-join/1 connections.
func (a *Admitter) Handler() rpc.Handler {
	free := make(chan struct{}, maxJoins)
	return rpc.Handle(func(ctx context.Context, _ model.NodeID, q Request) (Reply, error) {
		select {
		case free <- struct{}{}:
			defer func() { <-free }()
		default:
			return Reply{}, model.Errorf(model.Limited, "too many nodes are joining at once: try again")
		}
		return a.admit(ctx, q)
	})
}

func (a *Admitter) admit(ctx context.Context, q Request) (Reply, error) {
	id := tokenID(q.Secret)
	clear(q.Secret)
	log := a.Log.WithField("node", string(q.Name))
	if !a.Known(id) {
		log.Warn("a node showed a join token that is not known")
		return Reply{}, model.Errorf(model.Denied, "the join token is not known: it was used, it is too old, or this member has not heard of it yet")
	}
	publicKey, err := peer.RequestKey(q.CSR)
	if err != nil {
		return Reply{}, &model.Error{Op: "join", Kind: model.Invalid, Msg: "the certificate request is not valid", Err: err}
	}
	if len(q.HPKE) == 0 || !isHostPort(q.Peer) {
		return Reply{}, model.Errorf(model.Invalid, "a joining node names its HPKE key and its peer address")
	}
	cert, err := a.Issue(ctx, q.CSR, q.Name, hostsOf(q))
	if err != nil {
		return Reply{}, err
	}
	if err := a.Propose(ctx, id, publicKey, q); err != nil {
		return Reply{}, err
	}
	log.WithField("fingerprint", model.Fingerprint(publicKey)).Info("a node joined; approve it after comparing the fingerprint")
	self := a.Self.Get()
	return Reply{Cluster: self.Cluster, Certificate: cert, CA: self.CA, Gossip: self.Gossip, Members: a.Contacts()}, nil
}

// hostsOf lists the names that the newcomer's certificate is good for: its peer and API addresses.
func hostsOf(q Request) []string {
	host, _, _ := net.SplitHostPort(q.Peer)
	hosts := []string{host}
	if u, err := url.Parse(q.API); err == nil && u.Hostname() != "" && u.Hostname() != host {
		hosts = append(hosts, u.Hostname())
	}
	return hosts
}

func isHostPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	return err == nil && host != "" && port != ""
}
