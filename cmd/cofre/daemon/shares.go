package daemon

import (
	"context"
	"sync"

	"cofre/fsm/model"
	"cofre/vault/seal/shamir"
	"cofre/vault/secret"
)

// draft is a key whose shares were shown but that is not in force: it counts when a person has typed one of them back, so
// that nobody replaces shares by ones that were never kept.
type draft struct {
	key               secret.Value
	texts             []secret.Value
	shares, threshold int
}

func (d draft) wipe() {
	d.key.Wipe()
	for _, t := range d.texts {
		t.Wipe()
	}
}

// drafts holds at most one draft of each kind of shares, in this process only.
type drafts struct {
	mu   sync.Mutex // guards list; held while one is put in force
	list map[shamir.Kind]draft
}

type sharesArgs struct {
	Kind      shamir.Kind `json:"kind"` // unseal or recovery
	Shares    int         `json:"shares"`
	Threshold int         `json:"threshold"`
}

// operateShares makes new shares and shows them, once. The ones in force stay until these are confirmed.
func operateShares(ctx context.Context, m *member, _ model.Actor, a sharesArgs) (any, error) {
	row, ok := m.ring()
	switch {
	case !ok:
		return nil, errNoRing
	case m.keys.Sealed():
		return nil, model.Errorf(model.VaultSealed, "the vault is sealed on this node: open it first, or run this on an open one")
	case a.Kind != shamir.Unseal && a.Kind != shamir.Recovery:
		return nil, model.Errorf(model.Invalid, "there are shares of the kinds unseal and recovery")
	case a.Kind == shamir.Unseal && row.Shamir == nil:
		return nil, model.Errorf(model.Invalid, "this cluster is not opened by shares")
	}
	if err := m.fresh(ctx); err != nil {
		return nil, err // nobody could put them in force, and they would lie beside those that are
	}
	if a.Kind == shamir.Unseal && a.Shares == 0 {
		a.Shares, a.Threshold = row.Shamir.Shares, row.Shamir.Threshold
	}
	key, texts, err := shamir.Generate(a.Kind, a.Shares, a.Threshold)
	if err != nil {
		return nil, model.Errorf(model.Invalid, "%s", err)
	}
	d := draft{key, texts, a.Shares, a.Threshold}
	clones := make([]secret.Value, len(texts))
	for i, t := range texts {
		clones[i] = t.Clone()
	}
	m.opener.drafts.put(a.Kind, d)
	return map[string]any{"shares": shownAll(clones), "needed": a.Threshold}, nil
}

func (d *drafts) put(kind shamir.Kind, fresh draft) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list[kind].wipe()
	d.list[kind] = fresh
}

// use hands out the draft to which a typed share belongs, and forgets it when what was done with it succeeded.
func (d *drafts) use(kind shamir.Kind, typed secret.Value, do func(draft) error) error {
	defer typed.Wipe()
	d.mu.Lock()
	defer d.mu.Unlock()
	now, ok := d.list[kind]
	if !ok {
		return model.Errorf(model.Conflict, "no new shares wait for their confirmation on this node: start again")
	}
	known := false
	for _, t := range now.texts {
		known = shamir.Same(t, typed) || known
	}
	if !known {
		return model.Errorf(model.Invalid, "that is none of the new shares; the old ones stay in force")
	}
	if err := do(now); err != nil {
		return err
	}
	now.wipe()
	delete(d.list, kind)
	return nil
}

// reset forgets all drafts.
func (d *drafts) reset() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for kind, one := range d.list {
		one.wipe()
		delete(d.list, kind)
	}
}
