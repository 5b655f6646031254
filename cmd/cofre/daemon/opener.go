package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/node"
	"cofre/vault/disk"
	"cofre/vault/keyring"
	"cofre/vault/seal/shamir"
	"cofre/vault/secret"
)

// opener opens and seals this node's vault and keeps the open ring in step with the state.
type opener struct {
	m        *member
	shares   *shamir.Collector
	recovery *shamir.Collector
	drafts   *drafts

	mu            sync.Mutex // one opening or sealing at a time; guards what follows
	kept          uint32     // generation of the root key that this node's own seal keeps
	rootlessSince time.Time  // since when it was seen that this node should keep a root key and does not
	followed      model.Pos  // the newest order to seal that this node has followed, as followedFile says

	wake chan struct{}
}

func newOpener(m *member) *opener {
	o := &opener{m: m, shares: shamir.NewCollector(shamir.Unseal), recovery: shamir.NewCollector(shamir.Recovery), drafts: &drafts{list: map[shamir.Kind]draft{}}, wake: make(chan struct{}, 1)}
	o.followed = o.obeyed()
	return o
}

// heldFile says that a person sealed this node: automatic seals do not open it until a person does.
const heldFile = "sealed-by-hand"

// followedFile names the newest order to seal that this node has followed: who opened it since is not locked out again because
// the node started anew before it could tell the cluster.
const followedFile = "sealed-by-order"

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
	var last string
	for {
		changed, keys := o.m.watches.keys(), o.m.keys.Changed()
		if err := o.follow(ctx); err == nil {
			last = ""
		} else if err.Error() != last { // it is tried again and again
			last = err.Error()
			o.m.part("vault").WithError(err).WithField("sealed", o.m.keys.Sealed()).Warn("the vault does not follow the state")
		}
		o.hold(ctx)
		if sealed := o.m.keys.Sealed(); (sealed != told || o.owes()) && o.tell(ctx, sealed) == nil {
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
	if order := o.ordered(); order > o.followed {
		if err := o.obey(order); err != nil {
			return err
		}
	}
	if ring, err := o.m.keys.Current(); err == nil {
		return o.goOn(ctx, row, ring)
	}
	if !opensItself(o.m.config) || o.held() {
		return nil
	}
	root, err := unwrapRoot(ctx, o.m.config)
	if errors.Is(err, fs.ErrNotExist) {
		return o.rootless(err) // a newcomer gets the root key from a member
	}
	if err != nil {
		return err
	}
	defer root.Wipe()
	return o.take(ctx, row, root)
}

// onItsWay is how long a root key may take from the moment that its delivery is committed until this node keeps it.
const onItsWay = 10 * time.Second

// rootless says that the root key is lost if it was delivered to this node some time ago.
func (o *opener) rootless(err error) error {
	switch self, ok := o.m.row(o.m.id()); {
	case !ok || !self.Delivered:
		o.rootlessSince = time.Time{}
	case o.rootlessSince.IsZero():
		o.rootlessSince = time.Now()
	case time.Since(o.rootlessSince) > onItsWay:
		return fmt.Errorf("the root key that this node kept is lost, or never came: approve it again on another member (cofre cluster approve %s), or open it here (cofre recover unseal): %w", o.m.id(), err)
	}
	return nil
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

func (o *opener) tell(ctx context.Context, sealed bool) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	o.mu.Lock()
	followed := o.followed
	o.mu.Unlock()
	_, err := command.Propose(ctx, o.m.proposer, node.Seal, nodeActor, node.SealArgs{Sealed: sealed, Followed: followed})
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
	Others int  `json:"others"` // shares of other sets
}

// unseal opens by hand: with one more share, or with the node's own seal when there is no share.
func (o *opener) unseal(ctx context.Context, kind shamir.Kind, share secret.Value) (unsealed, error) {
	if share.Len() == 0 {
		if err := o.letGo(); err != nil {
			return unsealed{}, err
		}
		err := o.follow(ctx)
		if err == nil && o.m.keys.Sealed() && !opensItself(o.m.config) {
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
		return unsealed{}, refusedShare(err, kind, p)
	}
	if !p.Complete() {
		return unsealed{Sealed: o.m.keys.Sealed(), Have: p.Have, Need: p.Need, Others: p.Others}, nil
	}
	key, err := c.Key()
	if err != nil {
		return unsealed{}, model.Errorf(model.Invalid, "%s", err)
	}
	defer key.Wipe()
	if err := o.openWith(ctx, kind, key); err != nil {
		c.Drop() // what others entered of another set stays
		return unsealed{}, err
	}
	c.Reset()
	return unsealed{Sealed: false, Have: p.Have, Need: p.Need}, nil
}

// refusedShare says what to do about a share that is not taken.
func refusedShare(err error, kind shamir.Kind, p shamir.Progress) error {
	text := err.Error()
	if errors.Is(err, shamir.ErrKind) {
		text += ". " + map[shamir.Kind]string{shamir.Unseal: "cofre recover unseal takes recovery shares", shamir.Recovery: "cofre unseal --shares takes the others"}[kind]
	}
	if p.Have > 0 {
		text += fmt.Sprintf(" (%d of %d are there)", p.Have, p.Need)
	}
	return model.Errorf(model.Invalid, "%s", text)
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
		return model.Errorf(model.Invalid, "the shares do not open this cluster, and are forgotten: they are of another one, or were replaced since; enter those that are in force now (%s)", err)
	}
	defer root.Wipe()
	return errors.Join(o.take(ctx, row, root), o.letGo())
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
	return o.shut("sealed by an operator\n")
}

// ordered is the order to seal that this node's row holds until the node says that it has followed; 0: none.
func (o *opener) ordered() model.Pos {
	self, _ := o.m.row(o.m.id())
	return self.SealBy
}

// obey seals on an order. It is noted behind that: a node that starts in between is held, and obeys again. The caller holds mu.
func (o *opener) obey(order model.Pos) error {
	if err := o.shut("sealed with the whole cluster\n"); err != nil {
		return err
	}
	if err := disk.WriteFile(o.path(followedFile), strconv.AppendUint(nil, uint64(order), 10)); err != nil {
		return err
	}
	o.followed = order
	o.m.part("vault").Warn("the vault is sealed, as was ordered for every node, until a person opens it")
	return nil
}

// obeyed is the newest order that this node has followed; 0: none that it knows, and it follows what its row holds.
func (o *opener) obeyed() model.Pos {
	text, err := os.ReadFile(o.path(followedFile))
	if err != nil {
		return 0
	}
	order, _ := strconv.ParseUint(string(text), 10, 64)
	return model.Pos(order)
}

// owes tells whether this node has followed an order and not said so yet.
func (o *opener) owes() bool {
	order := o.ordered()
	o.mu.Lock()
	defer o.mu.Unlock()
	return order != 0 && order <= o.followed
}

// shut wipes the keys and keeps them away until a person opens the vault. The caller holds mu.
func (o *opener) shut(why string) error {
	if err := disk.WriteFile(o.path(heldFile), []byte(why)); err != nil {
		return err
	}
	o.m.keys.Seal()
	o.shares.Reset()
	o.recovery.Reset()
	o.drafts.reset()
	return nil
}
