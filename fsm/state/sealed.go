package state

import (
	"iter"
	"slices"

	"cofre/fsm/model"
	"cofre/fsm/table"
)

// Value is one ciphertext in a row, and the random id that binds it to its place.
type Value struct {
	Row    string
	Secret *model.Sealed
}

// SealedTable is a table whose rows hold ciphertext of the barrier: what a rotation of the key term encrypts again.
type SealedTable interface {
	Name() string
	// Older lists the rows that hold values under terms before one; a row stands once for each such term.
	Older(r table.Reader, below uint32) iter.Seq[SealedRow]
	// CountOlder counts, up to a limit, rows per term before one.
	CountOlder(r table.Reader, below uint32, limit int) int
	// Exchange replaces ciphertext of the values that stand under row and term from, and counts them.
	Exchange(tx *table.Tx, key string, values []Exchanged) int
}

// SealedRow is a row with its values; they are copies.
type SealedRow struct {
	Key    string
	Values []Value
}

// Exchanged is the new ciphertext of a value.
type Exchanged struct {
	Row    string
	From   uint32 // term of the ciphertext that it replaces
	Secret model.Sealed
}

// SealedTables lists every table with ciphertext, except the ring itself; a test finds what is forgotten here.
var SealedTables = []SealedTable{
	sealed[model.Credential]{Credentials, credentialValues},
	sealed[model.DynamicUser]{DynamicUsers, userValues},
	sealed[model.DSMVersion]{DSMVersions, dsmValues},
	sealed[model.OAuth1Keys]{OAuth1Keys, oauth1Values},
	sealed[model.Information]{Informations, informationValues},
	sealed[model.EncryptionKey]{EncryptionKeys, encryptionValues},
	sealed[model.ChainRun]{ChainRuns, runValues},
	sealed[model.AWSKey]{AWSKeys, awsValues},
	sealed[model.Capture]{Captures, captureValues},
}

// SealedNamed finds a table of ciphertext by name; nil if there is none.
func SealedNamed(name string) SealedTable {
	for _, t := range SealedTables {
		if t.Name() == name {
			return t
		}
	}
	return nil
}

// CheckTerm refuses ciphertext of a key term that was destroyed while the value was on its way: it would never open again.
func CheckTerm(r table.Reader, s model.Sealed) error {
	if first := SystemRow(r).FirstTerm; !s.IsZero() && s.Term < first {
		return model.Errorf(model.Conflict, "the secret was encrypted under key term %d, which was destroyed meanwhile: try again", s.Term)
	}
	return nil
}

func userValues(u *model.DynamicUser) []Value { return []Value{{u.Row, &u.Secret}} }

func credentialValues(c *model.Credential) []Value {
	values := make([]Value, len(c.Versions))
	for i := range c.Versions {
		values[i] = Value{c.Versions[i].Row, &c.Versions[i].Secret}
	}
	if c.OTP != nil {
		values = append(values, Value{c.OTP.Row, &c.OTP.Secret})
	}
	return values
}

const termIndex = "term"

// sealedIndex finds the rows of a table by the key terms of their values.
func sealedIndex[T any](values func(*T) []Value) table.Index[T] {
	return table.Index[T]{Name: termIndex, Keys: func(row *T) []string {
		var keys []string
		for _, v := range values(row) {
			if k := table.NumberKey(uint64(v.Secret.Term)); !v.Secret.IsZero() && !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
		return keys
	}}
}

type sealed[T any] struct {
	table  *table.Table[T]
	values func(*T) []Value
}

// Name is the table's.
func (s sealed[T]) Name() string { return s.table.Name() }

// Older lists rows with values under older terms, oldest term first.
func (s sealed[T]) Older(r table.Reader, below uint32) iter.Seq[SealedRow] {
	return func(yield func(SealedRow) bool) {
		for row := range s.table.Range(r, termIndex, table.NumberKey(0), table.NumberKey(uint64(below))) {
			if !yield(SealedRow{s.table.Key(row), s.values(row)}) {
				return
			}
		}
	}
}

// CountOlder counts index entries, without reading rows.
func (s sealed[T]) CountOlder(r table.Reader, below uint32, limit int) int {
	return s.table.Count(r, termIndex, table.NumberKey(0), table.NumberKey(uint64(below)), limit)
}

// Exchange replaces ciphertext where it still is what it was.
func (s sealed[T]) Exchange(tx *table.Tx, key string, values []Exchanged) (n int) {
	row, ok := s.table.Get(tx, key)
	if !ok {
		return 0
	}
	for _, v := range s.values(row) {
		for _, e := range values {
			if v.Row == e.Row && v.Secret.Term == e.From {
				*v.Secret = e.Secret
				n++
			}
		}
	}
	if n > 0 {
		s.table.Put(tx, row)
	}
	return n
}
