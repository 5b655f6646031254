// Package keyring opens, rotates and wipes the vault ring: the root key, the key terms and the named private keys.
//
// It owns the meaning of the ciphertext in model.Keyring. The row is replicated and holds no plaintext; a Ring is the
// same row opened by the root key, in this process only. Functions that change keys return a new row for the caller to
// commit and leave the Ring as it is; after the commit every node brings its Ring up with Update, or, when the root
// key changed, with Open. Root and term keys stand in locked memory outside the Go heap.
//
// cmd, vault/access, cluster join and the runner may call it; nothing below fsm may.
package keyring

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"

	"cofre/fsm/model"
	"cofre/vault/barrier"
	"cofre/vault/seal"
	"cofre/vault/secret"
)

// The errors of opening a ring.
var (
	// ErrSealed says that no ring is open on this node.
	ErrSealed = barrier.ErrSealed
	// ErrWrongRoot says that the root key is not the one of this row: another cluster's, or another generation.
	ErrWrongRoot error = model.Errorf(model.Denied, "the root key does not open this keyring")
	// ErrRootChanged says that the row is under another generation of the root key than the ring.
	ErrRootChanged error = model.Errorf(model.Conflict, "the root key was changed")
)

// Ring is an open vault ring. It may be used by many goroutines; after Close every call answers ErrSealed.
type Ring struct {
	barrier *barrier.Barrier

	mu         sync.RWMutex // guards the fields below
	cluster    model.ClusterID
	generation uint32
	revision   uint64 // of the newest row seen
	root       secret.Value
	terms      map[uint32]secret.Value // never changed in place: the barrier holds it too
	memory     *memory                 // nil: closed
}

// Create makes the ring of a new cluster: a root key of generation 1 and key term 1.
func Create(cluster model.ClusterID, dev bool, at model.Time) (model.Keyring, *Ring, error) {
	root, term := newKey(), newKey()
	defer root.Wipe()
	defer term.Wipe()
	row := model.Keyring{Cluster: cluster, Dev: dev, Root: 1, Active: 1, Terms: []model.KeyTerm{{N: 1, Root: 1, At: at}}}
	if err := reseal(&row, root, map[uint32]secret.Value{1: term}); err != nil {
		return model.Keyring{}, nil, fmt.Errorf("create keyring: %w", err)
	}
	r, err := Open(row, root)
	return row, r, err
}

// Open opens a row with the root key, which stays the caller's, to wipe.
func Open(row model.Keyring, root secret.Value) (*Ring, error) {
	if err := Check(row, root); err != nil {
		return nil, fmt.Errorf("open keyring: %w", err)
	}
	m := newMemory()
	r := &Ring{barrier: barrier.New(), cluster: row.Cluster, generation: row.Root, root: m.keep(root), memory: m}
	if err := r.Update(row); err != nil {
		r.Close()
		return nil, fmt.Errorf("open keyring: %w", err)
	}
	return r, nil
}

// Check tells whether a root key is the one of the row: nil or ErrWrongRoot.
func Check(row model.Keyring, root secret.Value) error {
	id, err := seal.Unbox(root, checkLabel(row), row.Check)
	if err != nil || !id.Equal(secret.New([]byte(row.Cluster))) {
		return ErrWrongRoot
	}
	return nil
}

// Update brings the ring up with a row that was committed under the same root key: new terms come, destroyed ones go.
// A row older than one seen before changes nothing.
func (r *Ring) Update(row model.Keyring) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.matches(row); err != nil {
		return fmt.Errorf("update keyring: %w", err)
	}
	if row.Revision < r.revision {
		return nil
	}
	terms := make(map[uint32]secret.Value, len(row.Terms))
	for _, t := range row.Terms {
		if known, ok := r.terms[t.N]; ok {
			terms[t.N] = known
			continue
		}
		key, err := seal.Unbox(r.root, termLabel(row, t.N), t.Box)
		if err != nil {
			return fmt.Errorf("update keyring: read key term %d: %w", t.N, err)
		}
		terms[t.N] = r.memory.keep(key)
		key.Wipe()
	}
	if err := r.barrier.Install(row.Active, terms); err != nil {
		return fmt.Errorf("update keyring: %w", err)
	}
	old := r.terms
	r.terms, r.revision = terms, row.Revision
	for n, key := range old {
		if _, ok := terms[n]; !ok {
			key.Wipe() // the barrier let go of it when Install returned
		}
	}
	return nil
}

// Barrier encrypts and decrypts under the ring's terms. It is sealed when the ring is closed.
func (r *Ring) Barrier() *barrier.Barrier { return r.barrier }

// Generation is the generation of the root key.
func (r *Ring) Generation() uint32 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.generation
}

// WithRoot lends the root key, to seal it or to wrap it for another node. Use must neither keep it nor call the ring.
func (r *Ring) WithRoot(use func(root secret.Value) error) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.memory == nil {
		return ErrSealed
	}
	return use(r.root)
}

// Locked tells why root and term keys may be swapped to disk; nil when they cannot. It is a note for the log and for
// status, not a reason to stop.
func (r *Ring) Locked() error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.memory == nil {
		return ErrSealed
	}
	return r.memory.unlocked
}

// Close wipes every key. Calls that are using one finish first.
func (r *Ring) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.memory == nil {
		return
	}
	r.barrier.Seal()
	r.root.Wipe()
	for _, key := range r.terms {
		key.Wipe()
	}
	r.terms = nil
	r.memory.release()
	r.memory = nil
}

// matches tells whether a row belongs to this ring. The caller holds mu.
func (r *Ring) matches(row model.Keyring) error {
	switch {
	case r.memory == nil:
		return ErrSealed
	case row.Cluster != r.cluster:
		return ErrWrongRoot
	case row.Root != r.generation:
		return ErrRootChanged
	}
	return nil
}

func newKey() secret.Value {
	b := make([]byte, seal.KeySize)
	_, _ = rand.Read(b)
	return secret.New(b)
}

// reseal fills Check and the boxes of all terms under a root key of generation row.Root.
func reseal(row *model.Keyring, root secret.Value, terms map[uint32]secret.Value) (err error) {
	row.Check, err = seal.Box(root, checkLabel(*row), secret.New([]byte(row.Cluster)))
	if err != nil {
		return err
	}
	row.Terms = slices.Clone(row.Terms) // the caller's row is somebody's state
	for i := range row.Terms {
		t := &row.Terms[i]
		key, ok := terms[t.N]
		if !ok {
			return fmt.Errorf("key term %d is not in the ring", t.N)
		}
		t.Root = row.Root
		if t.Box, err = seal.Box(root, termLabel(*row, t.N), key); err != nil {
			return err
		}
	}
	if len(row.Terms) == 0 {
		return errors.New("the keyring has no terms")
	}
	return nil
}

// Labels bind each box to its place and to the facts beside it, so that rows cannot be mixed.

func checkLabel(row model.Keyring) string {
	return fmt.Sprintf("keyring check, cluster %q, root %d, dev %t", row.Cluster, row.Root, row.Dev)
}

func termLabel(row model.Keyring, n uint32) string {
	return fmt.Sprintf("key term %d, cluster %q, root %d", n, row.Cluster, row.Root)
}
