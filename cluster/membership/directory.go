package membership

import (
	"cofre/cluster/peer"
	"cofre/fsm/model"
)

// Directory finds members in the node table of the local replica, and before the table arrived with the log, among the
// contacts that admitted this node. A row decides alone: the row of a removed node stays, and refuses it.
type Directory struct {
	Self *peer.Holder
	Row  func(model.NodeID) (model.Node, bool)
	// InRaft tells whether raft's configuration on this node has a member.
	InRaft func(model.NodeID) bool
}

// PinnedRaft is the peer.Lookup of raft/1: a removed node takes part until raft has removed it too, because its vote may
// be needed for just that.
func (d *Directory) PinnedRaft(id model.NodeID) ([]byte, bool) {
	if n, ok := d.Row(id); ok && n.State == model.NodeRemoved && d.InRaft(id) {
		return n.PublicKey, true
	}
	return d.Pinned(id)
}

// Pinned is the peer.Lookup of house-rpc/1.
func (d *Directory) Pinned(id model.NodeID) ([]byte, bool) {
	if n, ok := d.Row(id); ok {
		return n.PublicKey, n.State != model.NodeRemoved
	}
	if c, ok := d.contact(id); ok {
		return c.PublicKey, true
	}
	return nil, false
}

// Peer is the address of a member's peer port; "" if it is not known.
func (d *Directory) Peer(id model.NodeID) string {
	if n, ok := d.Row(id); ok {
		if n.State == model.NodeRemoved {
			return "" // whatever the contacts say: they are from before
		}
		return n.Peer
	}
	c, _ := d.contact(id)
	return c.Peer
}

func (d *Directory) contact(id model.NodeID) (peer.Contact, bool) {
	for _, c := range d.Self.Get().Contacts {
		if c.Node == id {
			return c, true
		}
	}
	return peer.Contact{}, false
}

// Contacts makes the list for a newcomer of the rows of the table.
func Contacts(rows []model.Node) (out []peer.Contact) {
	for _, n := range rows {
		if n.State != model.NodeRemoved {
			out = append(out, peer.Contact{Node: n.ID, Peer: n.Peer, Gossip: n.Gossip, PublicKey: n.PublicKey})
		}
	}
	return out
}
