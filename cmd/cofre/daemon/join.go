package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"cofre/cluster/membership"
	"cofre/cluster/peer"
	"cofre/executors"
	"cofre/executors/all"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/node"
	"cofre/fsm/state"
	"cofre/vault/disk"
	"cofre/vault/keyring"
	"cofre/vault/secret"
)

const pendingFile = "identity.pending"

// nodeKey gives the keys with which this node will join. They are drawn and saved once, so that a repeated attempt is
// the same node and an operator can name its fingerprint in advance.
func (d *Daemon) nodeKey() (*peer.Identity, disk.Key, error) {
	if m, err := d.current(); err == nil {
		return nil, disk.Key{}, m.belongs()
	}
	key, err := d.makeKeys()
	if err != nil {
		return nil, key, err
	}
	path := filepath.Join(d.config.DataDir, pendingFile)
	if _, err := os.Stat(path); err == nil {
		id, err := peer.Load(func() (secret.Value, error) { return disk.OpenFile(path, key, pendingFile) })
		return id, key, err
	}
	k, err := peer.NewKey()
	if err != nil {
		return nil, key, err
	}
	private, _, err := keyring.NewHPKEKey()
	if err != nil {
		return nil, key, err
	}
	defer private.Wipe()
	id := &peer.Identity{Node: model.NodeID(d.config.Node), Key: k}
	_ = private.Reveal(func(b []byte) error { id.HPKE = append([]byte(nil), b...); return nil })
	return id, key, id.Save(func(v secret.Value) error { return disk.SealFile(path, key, pendingFile, v) })
}

// Joined is the answer to a node that entered a cluster.
type Joined struct {
	Node        string `json:"node"`
	Fingerprint string `json:"fingerprint"`
	Approved    bool   `json:"approved"` // its token was made for its key
}

// join enters a cluster with a token. The node is then a sealed member, and waits for approval unless
// the token was made for its key.
func (d *Daemon) join(ctx context.Context, token secret.Value) (j Joined, err error) {
	if !d.entering.TryLock() {
		return j, errEntering
	}
	defer d.entering.Unlock()
	if m, err := d.current(); err == nil {
		return j, m.belongs()
	}
	t, err := membership.ParseToken(token)
	if err != nil {
		return j, model.Errorf(model.Invalid, "%s", err)
	}
	if string(t.Name) != d.config.Node {
		return j, model.Errorf(model.Invalid, "the token is for node %s, this one is %s (key node)", t.Name, d.config.Node)
	}
	if err := d.mustBeEmpty(); err != nil {
		return j, err
	}
	if err := canServe(ctx, d.config); err != nil {
		return j, err
	}
	pending, key, err := d.nodeKey()
	if err != nil {
		return j, err
	}
	public, err := hpkePublic(pending.HPKE)
	if err != nil {
		return j, err
	}
	n := &membership.Newcomer{
		Key: pending.Key, HPKE: pending.HPKE, HPKEPublic: public, Peer: d.config.Peer.Advertise,
		API: "https://" + d.config.API.Advertise, Gossip: d.config.Gossip.Advertise,
		Announced: announcement(d.config, d.version), Dev: d.config.Dev, Log: d.log.WithField("part", "join"),
	}
	id, err := n.Join(ctx, t)
	if err != nil {
		return j, err
	}
	if err := d.saveIdentity(id, key); err != nil {
		return j, err
	}
	if err := os.Remove(filepath.Join(d.config.DataDir, pendingFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return j, fmt.Errorf("join: %w", err)
	}
	m, err := d.newMember(id, key)
	if err != nil {
		return j, err
	}
	return Joined{Node: d.config.Node, Fingerprint: model.Fingerprint(id.PublicKey()), Approved: t.Approved}, d.start(m)
}

// admitter is the member's side of joining.
func (m *member) admitter() *membership.Admitter {
	return &membership.Admitter{
		Self: m.self,
		Known: func(tokenID string) bool {
			v := m.fsm.View()
			defer v.Close()
			return state.JoinTokens.Has(v, tokenID)
		},
		Issue: m.issueFor,
		Propose: func(ctx context.Context, tokenID string, publicKey []byte, q membership.Request) error {
			if dev := m.dev(); dev != q.Dev {
				return model.Errorf(model.Denied, "practice clusters and others do not mix: the key dev of the newcomer is %t, this cluster's is %t", q.Dev, dev)
			}
			_, err := command.Propose(ctx, m.proposer, node.Join, nodeActor, node.JoinArgs{
				Token: tokenID, ID: q.Name, PublicKey: publicKey, HPKE: q.HPKE, Peer: q.Peer, API: q.API, Gossip: q.Gossip, Announced: q.Announced,
			})
			return err
		},
		Contacts: func() []peer.Contact { return membership.Contacts(m.rows()) },
		Log:      m.part("join"),
	}
}

// dev tells whether this is a practice cluster.
func (m *member) dev() bool {
	row, ok := m.ring()
	return ok && row.Dev
}

// checkStamp refuses to run a practice cluster's data as a real one, and the reverse (RULES 8).
func (d *Daemon) checkStamp(m *member) error {
	row, ok := m.ring()
	if !ok || row.Dev == d.config.Dev {
		return nil
	}
	if row.Dev {
		return fmt.Errorf("the data in %s is of a practice cluster (cofre dev): it never becomes a real one", d.config.DataDir)
	}
	return fmt.Errorf("the data in %s is of a real cluster: remove the key dev", d.config.DataDir)
}

// checkTemplate compiles a template with its executor.
func checkTemplate(e model.ExecutorName, kind model.TemplateKind, content string) (model.Compiled, error) {
	x := all.Find(e)
	if x == nil {
		name, err := all.Named(string(e))
		if err == nil {
			err = fmt.Errorf("there is no executor %q: write %s", e, name)
		}
		return model.Compiled{}, model.Errorf(model.Invalid, "%s", err).WithField("executor")
	}
	c, err := executors.Inspect(x, kind, content)
	if err != nil {
		return model.Compiled{}, model.Errorf(model.Invalid, "the template does not compile: %s", err).WithField("content")
	}
	return c, nil
}
