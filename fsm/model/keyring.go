package model

// KeyTerm is one data key, sealed under a generation of the root key.
type KeyTerm struct {
	N    uint32 `cbor:"n"`
	Root uint32 `cbor:"root"` // generation of the root key that Box is sealed under
	Box  []byte `cbor:"box"`
	At   Time   `cbor:"at"`
}

// NamedKey is a key of the vault ring with a purpose, for example "token": private half sealed by the barrier.
type NamedKey struct {
	Name   string `cbor:"name"`
	ID     uint32 `cbor:"id"`
	Public []byte `cbor:"public,omitempty"`
	Row    string `cbor:"row"` // random id that binds the ciphertext to its place
	Secret Sealed `cbor:"secret"`
	At     Time   `cbor:"at"`
}

// ShamirConfig is present when the cluster is opened by shares.
type ShamirConfig struct {
	Shares    int    `cbor:"shares"`
	Threshold int    `cbor:"threshold"`
	Root      []byte `cbor:"root"` // AEAD(K, root)
	Key       []byte `cbor:"key"`  // AEAD(root, K): lets the root rotate without shares
}

// RootBox hands one node the root key that followed an older one: sealed under the older root key and then, by HPKE, to
// the node. A sealed node cannot open it, nor can a former member that knew the older root key.
type RootBox struct {
	Node NodeID `cbor:"node"`
	From uint32 `cbor:"from"` // generation of the root key that it is sealed under
	To   uint32 `cbor:"to"`   // generation of the root key that it holds
	Box  []byte `cbor:"box"`
}

// GossipBox hands one node the key of the gossip ring by HPKE; sealed nodes open it too.
type GossipBox struct {
	Node NodeID `cbor:"node"`
	Root uint32 `cbor:"root"` // generation of the root key that it came with
	Box  []byte `cbor:"box"`
}

// Keyring is the vault ring as replicated: ciphertext only. There is one row.
type Keyring struct {
	Cluster  ClusterID     `cbor:"cluster"`
	Dev      bool          `cbor:"dev"`    // a practice cluster, for ever
	Root     uint32        `cbor:"root"`   // generation of the root key
	Check    []byte        `cbor:"check"`  // AEAD(root, cluster id): proves that a root key is the right one
	Active   uint32        `cbor:"active"` // term that new values are encrypted under
	Terms    []KeyTerm     `cbor:"terms"`
	Keys     []NamedKey    `cbor:"keys"`
	CA       []byte        `cbor:"ca"`       // certificates of the cluster's CA, PEM, newest first
	Recovery []byte        `cbor:"recovery"` // recovery public key, its proof under the root key, and the root key wrapped to it
	Shamir   *ShamirConfig `cbor:"shamir,omitempty"`
	Revision uint64        `cbor:"revision"`
	// What nodes have not taken yet: root keys until they report that they hold them, the gossip key until the next eject.
	Handover []RootBox   `cbor:"handover,omitempty"`
	Gossip   []GossipBox `cbor:"gossip,omitempty"`
}

// Term finds a key term by number; nil if it is not in the ring.
func (k *Keyring) Term(n uint32) *KeyTerm {
	for i := range k.Terms {
		if k.Terms[i].N == n {
			return &k.Terms[i]
		}
	}
	return nil
}

// HandedTo tells whether the newest root key, of generation Root, is on its way to a node.
func (k *Keyring) HandedTo(id NodeID) bool {
	for _, b := range k.Handover {
		if b.Node == id && b.To == k.Root {
			return true
		}
	}
	return false
}

// Succeeds refuses a ring that does not follow from the old one: another cluster, a lost term, a jump of the root key.
func (k *Keyring) Succeeds(old *Keyring) error {
	switch {
	case old.Revision != k.Revision:
		return Errorf(Conflict, "the keyring changed meanwhile: try again")
	case old.Cluster != k.Cluster || old.Dev != k.Dev:
		return Errorf(Invalid, "a cluster's identity does not change")
	case k.Root != old.Root && k.Root != old.Root+1:
		return Errorf(Invalid, "root key %d does not follow %d", k.Root, old.Root)
	}
	for _, t := range old.Terms {
		if k.Term(t.N) == nil {
			return Errorf(Invalid, "key term %d is missing", t.N)
		}
	}
	if k.Term(k.Active) == nil {
		return Errorf(Invalid, "the active key term %d is missing", k.Active)
	}
	return nil
}

// Key finds the newest key with a name; nil if there is none.
func (k *Keyring) Key(name string) *NamedKey {
	var best *NamedKey
	for i := range k.Keys {
		if k.Keys[i].Name == name && (best == nil || k.Keys[i].ID > best.ID) {
			best = &k.Keys[i]
		}
	}
	return best
}

// Unconfirmed says why nothing that time ends is carried out while System.Frozen holds.
const Unconfirmed = "nobody has confirmed the time since it jumped by more than a day, or since a restore: cofre cluster confirm-time"

// System is the one row of facts about the replicated state itself.
type System struct {
	At     Time   `cbor:"at"`               // state time
	Level  uint16 `cbor:"level"`            // active feature level
	Leases Leases `cbor:"leases"`           // timing of leases
	Frozen bool   `cbor:"frozen,omitempty"` // state time jumped by more than a day, or was restored: pruning and expiry wait for an operator
	// FirstTerm is the oldest key term that was not destroyed; ciphertext of older ones is refused, for it would never open.
	FirstTerm uint32 `cbor:"first_term,omitempty"`
	// Replan is the number of the credential from which on all are to be planned anew, because the policies changed; 0: none.
	Replan uint64 `cbor:"replan,omitempty"`
	// TemplateLevels is the number of approvals that a version of a template needs once others than its author may give them; 0: one.
	TemplateLevels int `cbor:"template_levels,omitempty"`
}

// Leases is the timing of leases, one cluster setting, in milliseconds.
type Leases struct {
	TTL    int64 `cbor:"ttl"`
	Renew  int64 `cbor:"renew"`
	Margin int64 `cbor:"margin"`
	Grace  int64 `cbor:"grace"`
}

// DefaultLeases and DemoLeases are the two timings of RULES 5.
var (
	DefaultLeases = Leases{TTL: 60_000, Renew: 15_000, Margin: 10_000, Grace: 30_000}
	DemoLeases    = Leases{TTL: 6_000, Renew: 1_500, Margin: 1_000, Grace: 3_000}
)
