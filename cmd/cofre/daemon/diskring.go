package daemon

import (
	"bytes"
	"context"
	"reflect"
	"slices"
	"time"

	"cofre/cluster/peer"
	"cofre/fsm/model"
	"cofre/vault/keyring"
	"cofre/vault/secret"
)

// followDiskRing brings what this node's identity file holds of the shared keys up with the state: the gossip key, also
// while sealed, and the CA with this node's certificate, as soon as the vault is open.
func (m *member) followDiskRing(ctx context.Context) error {
	var revision uint64
	var gossiping []byte // key that gossip runs under
	for {
		changed, keys := m.watches.keys(), m.keys.Changed()
		if row, ok := m.ring(); ok && row.Revision != revision {
			done, err := m.takeDiskRing(row)
			if err != nil {
				m.part("keys").WithError(err).Warn("take over the new gossip key and certificate")
			} else if done {
				revision = row.Revision
			}
		}
		if g, now := m.gossip.Load(), m.self.Get().Gossip; g != nil && !bytes.Equal(now[0], gossiping) {
			if err := g.SetKeys(now); err != nil {
				return err
			}
			gossiping = now[0]
		}
		retry := time.NewTimer(2 * time.Second)
		select {
		case <-changed:
		case <-keys:
		case <-retry.C:
		case <-ctx.Done():
		}
		retry.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// takeDiskRing changes the identity file where the row differs from it; done is false while the vault has to be open for
// the rest.
func (m *member) takeDiskRing(row model.Keyring) (done bool, err error) {
	self := m.self.Get()
	i := slices.IndexFunc(row.Gossip, func(b model.GossipBox) bool { return b.Node == m.id() })
	if i >= 0 {
		private := secret.New(slices.Clone(self.HPKE))
		defer private.Wipe()
		key, err := keyring.UnwrapKey(private, row.Gossip[i].Box, gossipInfo(row.Cluster, m.id(), row.Gossip[i].Root))
		if err != nil {
			return false, err
		}
		defer key.Wipe()
		var fresh []byte
		_ = key.Reveal(func(b []byte) error { fresh = bytes.Clone(b); return nil })
		if len(self.Gossip) != 1 || !bytes.Equal(self.Gossip[0], fresh) {
			if err := m.self.Update(m.save, func(id *peer.Identity) { id.Gossip = [][]byte{fresh} }); err != nil {
				return false, err
			}
			m.part("keys").Info("the gossip key is new")
		}
	}
	ca := peer.DecodePEM(row.CA)
	if len(ca) == 0 || reflect.DeepEqual(ca, self.CA) {
		return true, nil
	}
	if m.keys.Sealed() {
		return false, nil
	}
	csr, err := peer.NewRequest(self.Key, self.Node)
	if err != nil {
		return false, err
	}
	cert, err := m.issueUnder(ca[0], csr, self.Node, m.ownHosts())
	if err != nil {
		return false, err
	}
	m.part("keys").Info("the cluster's authority is new; this node has a certificate of it")
	return true, m.self.Update(m.save, func(id *peer.Identity) { id.CA, id.Chain = ca, [][]byte{cert} })
}
