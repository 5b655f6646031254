// Package gossip tells which members seem alive and where they listen, by memberlist.
//
// Gossip is a rumour and never authority: joining, removing and regranting are commands or time. It guarantees that
// every message is encrypted under the cluster's gossip ring, which sealed nodes have too, and that a message carries
// nothing but a node's name, its addresses and its cluster. Status displays and the choice of whom to ask first use it.
package gossip

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/sirupsen/logrus"

	"cofre/fsm/codec"
	"cofre/fsm/model"
)

// Config is what a node's gossip needs.
type Config struct {
	Node      model.NodeID
	Cluster   model.ClusterID
	Bind      string   // host:port to listen on, UDP and TCP
	Advertise string   // host:port others use; empty: Bind
	Peer, API string   // addresses that are spread
	Keys      [][]byte // gossip ring, newest first; 16, 24 or 32 bytes each
}

// Health is what the rumour says of a member.
type Health string

// The states of health.
const (
	Alive   Health = "alive"
	Suspect Health = "suspect"
	Dead    Health = "dead"
)

// Member is a node as rumoured.
type Member struct {
	Node   model.NodeID
	Health Health
	Gossip string
	Peer   string
	API    string
}

// meta is all that is said about a node beside its name and address.
type meta struct {
	Cluster model.ClusterID `cbor:"c"`
	Peer    string          `cbor:"p"`
	API     string          `cbor:"a"`
}

// Gossip is this node's part in the rumours.
type Gossip struct {
	list *memberlist.Memberlist
	ring *memberlist.Keyring
	self meta
	log  logrus.FieldLogger

	mu   sync.Mutex // guards seen
	seen map[model.NodeID]Member
}

// Start opens the port.
func Start(c Config, log logrus.FieldLogger) (*Gossip, error) {
	if len(c.Keys) == 0 {
		return nil, errors.New("start gossip: the ring has no key, and gossip is never sent in clear")
	}
	ring, err := memberlist.NewKeyring(c.Keys, c.Keys[0])
	if err != nil {
		return nil, fmt.Errorf("start gossip: %w", err)
	}
	g := &Gossip{ring: ring, self: meta{c.Cluster, c.Peer, c.API}, log: log, seen: map[model.NodeID]Member{}}
	m := memberlist.DefaultLANConfig()
	m.Name, m.Keyring = string(c.Node), ring
	m.Delegate, m.Events, m.Alive = (*delegate)(g), (*events)(g), (*admit)(g)
	m.Logger = stdlog.New(lines{log}, "", 0)
	m.LogOutput = nil
	if m.BindAddr, m.BindPort, err = hostPort(c.Bind); err != nil {
		return nil, fmt.Errorf("start gossip: %w", err)
	}
	if c.Advertise != "" {
		if m.AdvertiseAddr, m.AdvertisePort, err = hostPort(c.Advertise); err != nil {
			return nil, fmt.Errorf("start gossip: %w", err)
		}
	}
	if g.list, err = memberlist.Create(m); err != nil {
		return nil, fmt.Errorf("start gossip: %w", err)
	}
	return g, nil
}

func hostPort(s string) (string, int, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.Atoi(port)
	return host, n, err
}

const rejoinEvery = 30 * time.Second

// Run keeps contact with the members that known names (host:port), until ctx ends; then it says goodbye and closes.
func (g *Gossip) Run(ctx context.Context, known func() []string) error {
	for {
		if peers := known(); len(peers) > 0 && g.list.NumMembers() <= len(peers) {
			if n, err := g.list.Join(peers); n == 0 && err != nil {
				g.log.WithError(err).Debug("no member was reached by gossip")
			}
		}
		select {
		case <-time.After(rejoinEvery):
		case <-ctx.Done():
			_ = g.list.Leave(time.Second) // a courtesy; the others find out anyway
			return g.list.Shutdown()
		}
	}
}

// SetKeys replaces the ring: the first key encrypts from now on, the others only decrypt.
func (g *Gossip) SetKeys(keys [][]byte) error {
	if len(keys) == 0 {
		return errors.New("change the gossip ring: there is no key")
	}
	for _, k := range keys {
		if err := g.ring.AddKey(k); err != nil {
			return fmt.Errorf("change the gossip ring: %w", err)
		}
	}
	if err := g.ring.UseKey(keys[0]); err != nil {
		return fmt.Errorf("change the gossip ring: %w", err)
	}
	for _, old := range g.ring.GetKeys() {
		kept := false
		for _, k := range keys {
			kept = kept || string(k) == string(old)
		}
		if !kept {
			if err := g.ring.RemoveKey(old); err != nil {
				return fmt.Errorf("change the gossip ring: %w", err)
			}
		}
	}
	return nil
}

// Members lists what is rumoured, this node included, by name. Dead members stay listed.
func (g *Gossip) Members() []Member {
	g.mu.Lock()
	all := map[model.NodeID]Member{}
	for id, m := range g.seen {
		all[id] = m
	}
	g.mu.Unlock()
	for _, n := range g.list.Members() {
		m := describe(n)
		if n.State == memberlist.StateSuspect {
			m.Health = Suspect
		}
		all[m.Node] = m
	}
	out := make([]Member, 0, len(all))
	for _, m := range all {
		out = append(out, m)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Node < out[j].Node })
	return out
}

func describe(n *memberlist.Node) Member {
	m := Member{Node: model.NodeID(n.Name), Health: Alive, Gossip: n.Address()}
	var d meta
	if codec.Decode(n.Meta, &d) == nil { // a rumour that cannot be read tells at least that the node is there
		m.Peer, m.API = d.Peer, d.API
	}
	return m
}

// note remembers a member, so that a dead one can still be listed.
func (g *Gossip) note(n *memberlist.Node, h Health) {
	m := describe(n)
	m.Health = h
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen[m.Node] = m
}

type events Gossip

// NotifyJoin is memberlist's.
func (e *events) NotifyJoin(n *memberlist.Node) { (*Gossip)(e).note(n, Alive) }

// NotifyLeave is memberlist's.
func (e *events) NotifyLeave(n *memberlist.Node) { (*Gossip)(e).note(n, Dead) }

// NotifyUpdate is memberlist's.
func (e *events) NotifyUpdate(n *memberlist.Node) { (*Gossip)(e).note(n, Alive) }

type admit Gossip

// NotifyAlive refuses nodes of another cluster.
func (a *admit) NotifyAlive(n *memberlist.Node) error {
	var d meta
	if err := codec.Decode(n.Meta, &d); err != nil {
		return fmt.Errorf("gossip of %s cannot be read: %w", n.Name, err)
	}
	if d.Cluster != a.self.Cluster {
		return fmt.Errorf("gossip of %s is of cluster %s, this is cluster %s", n.Name, d.Cluster, a.self.Cluster)
	}
	return nil
}

type delegate Gossip

// NodeMeta is what is spread about this node.
func (d *delegate) NodeMeta(limit int) []byte {
	b := codec.MustEncode(d.self)
	if len(b) > limit {
		b = codec.MustEncode(meta{Cluster: d.self.Cluster})
	}
	return b
}

// NotifyMsg ignores messages: there are none.
func (*delegate) NotifyMsg([]byte) {}

// GetBroadcasts has nothing to spread.
func (*delegate) GetBroadcasts(int, int) [][]byte { return nil }

// LocalState has nothing to exchange.
func (*delegate) LocalState(bool) []byte { return nil }

// MergeRemoteState ignores what comes.
func (*delegate) MergeRemoteState([]byte, bool) {}

// lines turns memberlist's log lines, "[WARN] memberlist: text", into ours.
type lines struct{ log logrus.FieldLogger }

var _ io.Writer = lines{}

func (l lines) Write(p []byte) (int, error) {
	text := strings.TrimSpace(string(p))
	log := l.log.WithField("part", "gossip")
	level, rest, ok := strings.Cut(strings.TrimPrefix(text, "["), "] ")
	if !ok {
		log.Info(text)
		return len(p), nil
	}
	rest = strings.TrimPrefix(rest, "memberlist: ")
	switch level {
	case "ERR", "ERROR":
		log.Error(rest)
	case "WARN":
		log.Warn(rest)
	case "INFO":
		log.Info(rest)
	default:
		log.Debug(rest)
	}
	return len(p), nil
}
