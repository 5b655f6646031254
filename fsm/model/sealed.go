package model

// Sealed is ciphertext made by the barrier under key term Term: safe to copy, store, replicate and send.
type Sealed struct {
	Term uint32 `cbor:"t"`
	Box  []byte `cbor:"b"`
}

// IsZero tells whether there is no ciphertext.
func (s Sealed) IsZero() bool { return s.Term == 0 && len(s.Box) == 0 }
