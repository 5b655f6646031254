package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"cofre/cluster/membership"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/node"
	"cofre/vault/disk"
	"cofre/vault/keyring"
	"cofre/vault/seal"
	"cofre/vault/seal/keyfile"
	"cofre/vault/seal/shamir"
	"cofre/vault/secret"
)

// opener opens and seals this node's vault and keeps the open ring in step with the state.
type opener struct {
	m        *member
	shares   *shamir.Collector
	recovery *shamir.Collector

	mu   sync.Mutex // one opening or sealing at a time
	wake chan struct{}
}

func newOpener(m *member) *opener {
	return &opener{m: m, shares: shamir.NewCollector(shamir.Unseal), recovery: shamir.NewCollector(shamir.Recovery), wake: make(chan struct{}, 1)}
}

// heldFile says that a person sealed this node: automatic seals do not open it until a person does.
const heldFile = "sealed-by-hand"

var errNoRing = model.Errorf(model.Unavailable, "this node has not received the cluster's state yet: wait until it has caught up")

func (o *opener) path(name string) string { return filepath.Join(o.m.config.DataDir, name) }

func (o *opener) held() bool {
	_, err := os.Stat(o.path(heldFile))
	return err == nil
}

// run opens the vault by itself where that is possible, follows changes of the ring, and tells the cluster when the vault
// opens or closes.
func (o *opener) run(ctx context.Context) error {
	told := true // a fresh process was announced as sealed
	for {
		changed, keys := o.m.fsm.Changed(), o.m.keys.Changed()
		if err := o.follow(ctx); err != nil {
			o.m.part("vault").WithError(err).Warn("the vault stays sealed")
		}
		if sealed := o.m.keys.Sealed(); sealed != told && o.tell(ctx, sealed) == nil {
			told = sealed
		}
		retry := time.NewTimer(2 * time.Second)
		select {
		case <-changed:
		case <-keys:
		case <-o.wake:
		case <-retry.C:
		case <-ctx.Done():
		}
		retry.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func (o *opener) follow(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	row, ok := o.m.ring()
	if !ok {
		return nil
	}
	if ring, err := o.m.keys.Current(); err == nil {
		if err := ring.Update(row); errors.Is(err, keyring.ErrRootChanged) {
			o.m.keys.Seal() // the root key was rotated: open anew with what this node holds
		} else if err != nil {
			return err
		}
		return nil
	}
	if o.m.config.Seal != keyfile.Name || o.held() {
		return nil
	}
	b, err := os.ReadFile(o.path(rootFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a newcomer gets the root key from a member
	}
	if err != nil {
		return fmt.Errorf("read the sealed root key %s: %w", o.path(rootFile), err)
	}
	var blob seal.Blob
	if err := codec.Decode(b, &blob); err != nil {
		return fmt.Errorf("read the sealed root key %s: %w", o.path(rootFile), err)
	}
	root, err := o.seal().Unwrap(ctx, blob, seal.Input{})
	if err != nil {
		return fmt.Errorf("open %s: %w", o.path(rootFile), err)
	}
	defer root.Wipe()
	return o.install(row, root)
}

func (o *opener) seal() seal.Seal {
	return keyfile.New(filepath.Join(o.m.config.KeyDir, "seal.key"), o.m.config.DataDir)
}

// install opens the ring of a row and puts it into use.
func (o *opener) install(row model.Keyring, root secret.Value) error {
	ring, err := keyring.Open(row, root)
	if err != nil {
		return err
	}
	if err := ring.Locked(); err != nil {
		o.m.part("vault").WithError(err).Debug("keys are not locked in memory")
	}
	o.m.keys.Install(ring)
	o.m.part("vault").Info("the vault is open")
	return nil
}

// keep stores the root key under this node's own seal, so that it opens by itself after a restart.
func (o *opener) keep(ctx context.Context, root secret.Value) error {
	if o.m.config.Seal != keyfile.Name {
		return nil
	}
	return keepRoot(ctx, o.seal(), o.path(rootFile), root)
}

func keepRoot(ctx context.Context, s seal.Seal, path string, root secret.Value) error {
	blob, err := s.Wrap(ctx, root)
	if err != nil {
		return err
	}
	b, err := codec.Encode(blob)
	if err != nil {
		return err
	}
	return disk.WriteFile(path, b)
}

func (o *opener) tell(ctx context.Context, sealed bool) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := command.Propose(ctx, o.m.proposer, node.Seal, nodeActor, node.SealArgs{Sealed: sealed})
	if err == nil && !sealed {
		o.m.announce(ctx)
	}
	return err
}

// unsealed is the answer to a share or to `cofre unseal`.
type unsealed struct {
	Sealed bool `json:"sealed"`
	Have   int  `json:"have"`
	Need   int  `json:"need"`
}

// unseal opens by hand: with one more share, or with the node's own seal when there is no share.
func (o *opener) unseal(ctx context.Context, kind shamir.Kind, share secret.Value) (unsealed, error) {
	if share.Len() == 0 {
		if err := o.letGo(); err != nil {
			return unsealed{}, err
		}
		err := o.follow(ctx)
		if err == nil && o.m.keys.Sealed() && o.m.config.Seal != keyfile.Name {
			err = model.Errorf(model.Invalid, "this cluster is opened by shares: cofre unseal asks for them one by one")
		}
		return unsealed{Sealed: o.m.keys.Sealed()}, err
	}
	c := o.shares
	if kind == shamir.Recovery {
		c = o.recovery
	}
	p, err := c.Add(share)
	if err != nil {
		return unsealed{}, model.Errorf(model.Invalid, "%s", err)
	}
	if !p.Complete() {
		return unsealed{Sealed: o.m.keys.Sealed(), Have: p.Have, Need: p.Need}, nil
	}
	defer c.Reset()
	key, err := c.Key()
	if err != nil {
		return unsealed{}, model.Errorf(model.Invalid, "%s", err)
	}
	defer key.Wipe()
	return unsealed{Sealed: false, Have: p.Have, Need: p.Need}, o.openWith(ctx, kind, key)
}

func (o *opener) openWith(ctx context.Context, kind shamir.Kind, key secret.Value) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	row, ok := o.m.ring()
	if !ok {
		return errNoRing
	}
	open := keyring.OpenShamir
	if kind == shamir.Recovery {
		open = keyring.OpenRecovery
	}
	root, err := open(row, key)
	if err != nil {
		return model.Errorf(model.Invalid, "the shares do not open this cluster: %s", err)
	}
	defer root.Wipe()
	if err := o.install(row, root); err != nil {
		return err
	}
	return errors.Join(o.letGo(), o.keep(ctx, root))
}

// letGo forgets that a person sealed this node, because a person opens it.
func (o *opener) letGo() error {
	if err := os.Remove(o.path(heldFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("unseal: %w", err)
	}
	return nil
}

// close seals by hand.
func (o *opener) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := disk.WriteFile(o.path(heldFile), []byte("sealed by an operator\n")); err != nil {
		return err
	}
	o.m.keys.Seal()
	o.shares.Reset()
	o.recovery.Reset()
	return nil
}

// fetch gets the root key for a newcomer, from whichever member hands it over after the approval.
func (o *opener) fetch(ctx context.Context) error {
	for {
		changed := o.m.fsm.Changed()
		self, ok := o.m.row(o.m.id())
		if row, has := o.m.ring(); ok && has && !self.Delivered && o.m.keys.Sealed() && !o.held() {
			err := membership.FetchRoot(ctx, o.m.client, o.m.others, func(box []byte) error { return o.receive(ctx, row, self, box) }, o.m.part("vault"))
			if err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (o *opener) receive(ctx context.Context, row model.Keyring, self model.Node, box []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	private := secret.New(append([]byte(nil), o.m.self.Get().HPKE...))
	defer private.Wipe()
	root, err := keyring.UnwrapKey(private, box, rootInfo(row.Cluster, self.ID, model.Fingerprint(self.PublicKey), self.Token))
	if err != nil {
		return err
	}
	defer root.Wipe()
	if err := o.install(row, root); err != nil {
		return err
	}
	return o.keep(ctx, root)
}

// deliver wraps the root key for an approved newcomer; the delivery is committed first.
func (m *member) deliver(ctx context.Context, to model.NodeID) ([]byte, error) {
	ring, err := m.keys.Current()
	if err != nil {
		return nil, err
	}
	r, err := command.Propose(ctx, m.proposer, node.Deliver, nodeActor, node.MemberArgs{ID: to})
	if err != nil {
		return nil, err
	}
	var box []byte
	err = ring.WithRoot(func(root secret.Value) error {
		box, err = keyring.WrapKey(root, r.HPKE, rootInfo(m.self.Get().Cluster, to, r.Key, r.Token))
		return err
	})
	return box, err
}

// rootInfo binds a wrapped root key to its one receiver (RULES 6).
func rootInfo(c model.ClusterID, n model.NodeID, key, token string) []byte {
	return fmt.Appendf(nil, "cofre root key\x00%s\x00%s\x00%s\x00%s", c, n, key, token)
}

// others lists the members that could hand over the root key.
func (m *member) others() []model.NodeID {
	var ids []model.NodeID
	for _, n := range m.rows() {
		if n.ID != m.id() && n.State == model.NodeApproved {
			ids = append(ids, n.ID)
		}
	}
	return ids
}
