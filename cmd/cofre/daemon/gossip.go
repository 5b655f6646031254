package daemon

import (
	"context"

	"cofre/cluster/gossip"
	"cofre/fsm/model"
)

// rumour runs gossip; without it the node works, it only learns later that others are gone.
func (m *member) rumour(ctx context.Context) error {
	id := m.self.Get()
	g, err := gossip.Start(gossip.Config{
		Node: id.Node, Cluster: id.Cluster, Bind: m.config.Gossip.Listen, Advertise: m.config.Gossip.Advertise,
		Peer: m.config.Peer.Advertise, API: "https://" + m.config.API.Advertise, Keys: id.Gossip,
	}, m.part("gossip"))
	if err != nil {
		return err
	}
	m.gossip.Store(g)
	return g.Run(ctx, func() []string {
		var known []string
		for _, n := range m.rows() {
			if n.ID != id.Node && n.State != model.NodeRemoved && n.Gossip != "" {
				known = append(known, n.Gossip)
			}
		}
		for _, c := range id.Contacts {
			if len(known) == 0 && c.Gossip != "" {
				known = append(known, c.Gossip)
			}
		}
		return known
	})
}

// health is what gossip says of the members; nothing is known before it runs.
func (m *member) health() map[model.NodeID]gossip.Health {
	out := map[model.NodeID]gossip.Health{}
	if g := m.gossip.Load(); g != nil {
		for _, o := range g.Members() {
			out[o.Node] = o.Health
		}
	}
	return out
}

// alive is a rumour: a node that gossip calls dead or suspect gets no new work, whoever it says nothing about does.
func (m *member) alive(id model.NodeID) bool {
	h, known := m.health()[id]
	return !known || h == gossip.Alive
}

// able tells whether a node may be given work: it is alive, and its clock does not make its reports worthless.
func (m *member) able(id model.NodeID) bool { return m.alive(id) && m.clock.Usable(id) }
