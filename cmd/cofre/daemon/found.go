package daemon

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"time"

	"cofre/cluster/peer"
	"cofre/fsm"
	"cofre/fsm/command"
	fsmkeyring "cofre/fsm/keyring"
	"cofre/fsm/model"
	"cofre/vault/access"
	"cofre/vault/keyring"
	"cofre/vault/seal/shamir"
	"cofre/vault/secret"
)

var errNoCluster = model.Errorf(model.Unavailable, "this node does not belong to a cluster yet: found one with cofre init, or enter one with cofre cluster join")

var errEntering = model.Errorf(model.Conflict, "this node is founding or entering a cluster at this moment: cofre status tells when it has")

// foundArgs are the choices of `cofre init`.
type foundArgs struct {
	Shares            int  `json:"shares"` // of the Shamir seal
	Threshold         int  `json:"threshold"`
	RecoveryShares    int  `json:"recovery_shares"`
	RecoveryThreshold int  `json:"recovery_threshold"`
	FastLeases        bool `json:"fast_leases"` // 6 s leases, for practice and tests
}

// founded is shown once.
type founded struct {
	Cluster      model.ClusterID
	ClientID     string
	ClientSecret secret.Value
	Shares       []secret.Value // of the Shamir seal, if that is the seal
	Recovery     []secret.Value
	Fingerprint  string
}

// found makes a new cluster with this node as its only member. Whatever fails before the node runs leaves it empty.
func (d *Daemon) found(ctx context.Context, a foundArgs) (_ *founded, err error) {
	if !d.entering.TryLock() {
		return nil, errEntering
	}
	defer d.entering.Unlock()
	if m, err := d.current(); err == nil {
		return nil, m.belongs()
	}
	if err := d.mustBeEmpty(); err != nil {
		return nil, err
	}
	if err := canServe(ctx, d.config); err != nil {
		return nil, err
	}
	runs := false
	defer func() {
		if err != nil && !runs {
			err = errors.Join(err, d.emptyAgain())
		}
	}()
	key, err := d.makeKeys()
	if err != nil {
		return nil, err
	}
	now := model.TimeOf(time.Now())
	out := &founded{Cluster: model.ClusterID(randomHex(16))}
	row, ring, err := keyring.Create(out.Cluster, d.config.Dev, now)
	if err != nil {
		return nil, err
	}
	row, root, err := d.newRing(&row, ring, a, out, now)
	if err != nil {
		return nil, errors.Join(err, closeRing(ring))
	}
	defer root.Wipe()
	id, err := d.firstIdentity(row, ring, out)
	if err != nil {
		return nil, errors.Join(err, closeRing(ring))
	}
	create, err := d.firstRows(row, ring, id, a, out, now)
	if err != nil {
		return nil, errors.Join(err, closeRing(ring))
	}
	if err := keepRoot(ctx, d.config, root); err != nil {
		return nil, errors.Join(err, closeRing(ring))
	}
	if err := d.saveIdentity(id, key); err != nil {
		return nil, err
	}
	m, err := d.newMember(id, key)
	if err != nil {
		return nil, err
	}
	m.keys.Install(ring)
	if err := m.node.Bootstrap(d.config.Peer.Advertise); err != nil {
		return nil, errors.Join(err, m.close())
	}
	if err := d.start(m); err != nil {
		return nil, err
	}
	runs = true
	operator := model.Actor{Kind: model.ActorOperator, Name: "init"}
	if _, err := command.Propose(ctx, m.proposer, fsmkeyring.Create, operator, create); err != nil {
		return nil, fmt.Errorf("create the cluster (empty %s before trying again): %w", d.config.DataDir, err)
	}
	m.announce(ctx)
	_, _ = m.reader.ReadIndex(ctx) // the API serves from the first consistent read on, and who founded it goes on there at once
	return out, nil
}

// newRing adds the named keys, the recovery shares and the Shamir shares to a fresh ring; it gives a copy of the root key.
func (d *Daemon) newRing(row *model.Keyring, ring *keyring.Ring, a foundArgs, out *founded, now model.Time) (model.Keyring, secret.Value, error) {
	fail := func(err error) (model.Keyring, secret.Value, error) { return *row, secret.Value{}, err }
	if err := access.AddKeys(ring, row, now); err != nil {
		return fail(err)
	}
	if err := newCA(ring, row, now); err != nil {
		return fail(err)
	}
	recovery, texts, err := shamir.Generate(shamir.Recovery, a.RecoveryShares, a.RecoveryThreshold)
	if err != nil {
		return fail(model.Errorf(model.Invalid, "recovery shares: %s", err))
	}
	out.Recovery = texts
	next, err := ring.SetRecovery(*row, recovery)
	recovery.Wipe()
	if err != nil {
		return fail(err)
	}
	if d.config.Seal == shamir.Name {
		k, texts, err := shamir.Generate(shamir.Unseal, a.Shares, a.Threshold)
		if err != nil {
			return fail(model.Errorf(model.Invalid, "shares: %s", err))
		}
		out.Shares = texts
		next, err = ring.SetShamir(next, k, a.Shares, a.Threshold)
		k.Wipe()
		if err != nil {
			return fail(err)
		}
	}
	var root secret.Value
	err = ring.WithRoot(func(r secret.Value) error { root = r.Clone(); return nil })
	return next, root, err
}

// newCA gives the cluster an authority, whose certificate replaces older ones in the row.
func newCA(ring *keyring.Ring, row *model.Keyring, now model.Time) error {
	key, der, err := peer.NewCA(row.Cluster, now.Std())
	if err != nil {
		return err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("make the cluster's authority: %w", err)
	}
	row.CA = peer.EncodePEM([][]byte{der})
	return ring.AddKey(row, access.KeyCA, nil, secret.New(pkcs8), now)
}

func (d *Daemon) firstIdentity(row model.Keyring, ring *keyring.Ring, out *founded) (*peer.Identity, error) {
	key, err := peer.NewKey()
	if err != nil {
		return nil, err
	}
	private, _, err := keyring.NewHPKEKey()
	if err != nil {
		return nil, err
	}
	gossip := make([]byte, 32)
	_, _ = rand.Read(gossip)
	id := &peer.Identity{Node: model.NodeID(d.config.Node), Cluster: out.Cluster, Key: key, CA: peer.DecodePEM(row.CA), Gossip: [][]byte{gossip}}
	_ = private.Reveal(func(b []byte) error { id.HPKE = append([]byte(nil), b...); return nil })
	private.Wipe()
	csr, err := peer.NewRequest(key, id.Node)
	if err != nil {
		return nil, err
	}
	ca, err := ring.Key(row, access.KeyCA)
	if err != nil {
		return nil, err
	}
	defer ca.Private.Wipe()
	cert, err := issue(ca.Private, id.CA[0], csr, out.Cluster, id.Node, d.hosts())
	if err != nil {
		return nil, err
	}
	id.Chain = [][]byte{cert}
	out.Fingerprint = model.Fingerprint(id.PublicKey())
	return id, nil
}

func (d *Daemon) firstRows(row model.Keyring, ring *keyring.Ring, id *peer.Identity, a foundArgs, out *founded, now model.Time) (fsmkeyring.CreateArgs, error) {
	pepper, err := ring.Key(row, access.KeyPepper)
	if err != nil {
		return fsmkeyring.CreateArgs{}, err
	}
	defer pepper.Private.Wipe()
	keys, stored, err := access.NewClientKeys(func(msg []byte) (id uint32, sum []byte, err error) {
		err = pepper.Private.Reveal(func(b []byte) error {
			h := hmac.New(sha256.New, b)
			h.Write(msg)
			sum = h.Sum(nil)
			return nil
		})
		return pepper.ID, sum, err
	}, now)
	if err != nil {
		return fsmkeyring.CreateArgs{}, err
	}
	out.ClientID, out.ClientSecret = keys.ClientID, keys.Secret
	self, err := d.selfRow(id)
	if err != nil {
		return fsmkeyring.CreateArgs{}, err
	}
	app, auth := administrator("administrator", keys.ClientID, stored)
	if d.config.Dev {
		auth.Rights = append([]model.Right(nil), model.Rights...)
	}
	leases := model.DefaultLeases
	if a.FastLeases || d.config.Dev {
		leases = model.DemoLeases
	}
	return fsmkeyring.CreateArgs{
		Keyring: row, Leases: leases, Level: fsm.Level, Application: app, Authorization: auth,
		Node: self,
	}, nil
}

// selfRow is this node as the first member of a cluster.
func (d *Daemon) selfRow(id *peer.Identity) (model.Node, error) {
	hpke, err := hpkePublic(id.HPKE)
	return model.Node{
		ID: id.Node, PublicKey: id.PublicKey(), HPKE: hpke, Peer: d.config.Peer.Advertise, API: "https://" + d.config.API.Advertise, Gossip: d.config.Gossip.Advertise,
		Announced: model.Announcement{Version: d.version, Level: fsm.Level},
	}, err
}

// administrator holds every right but secret.read (RULES 8).
func administrator(name, clientID string, s model.ClientSecret) (model.Application, model.Authorization) {
	app := model.Application{ID: model.ApplicationID(randomHex(16)), Name: name, Description: "administrator", Enabled: true}
	auth := model.Authorization{
		ID: model.AuthorizationID(randomHex(16)), Application: app.ID, Name: name, ClientID: clientID, Secrets: []model.ClientSecret{s},
		Modules: append([]model.Module(nil), model.Modules...), Write: true, Filter: model.Filter{All: true}, Enabled: true, Epoch: 1,
	}
	for _, r := range model.Rights {
		if r != model.SecretRead {
			auth.Rights = append(auth.Rights, r)
		}
	}
	return app, auth
}

func closeRing(r *keyring.Ring) error { r.Close(); return nil }

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// hosts are the names that this node's certificate is good for.
func (d *Daemon) hosts() []string {
	return certHosts(d.config.Node, d.config.Peer.Advertise, d.config.API.Advertise)
}

func certHosts(node string, addresses ...string) []string {
	hosts := []string{node, "localhost", "127.0.0.1"}
	for _, a := range addresses {
		if h := hostOf(a); h != "" {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

func hostOf(address string) string {
	h, _, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	return h
}
