package keyring

import (
	"fmt"
	"slices"

	"cofre/fsm/audit"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Rewrapped are values of one row under another term. Row says which value it is: it is bound into the ciphertext, and
// a value never changes under its row.
type Rewrapped struct {
	Table  string      `cbor:"table"`
	Key    string      `cbor:"key"`
	Values []Exchanged `cbor:"values"`
}

// Exchanged is the new ciphertext of one value.
type Exchanged struct {
	Row    string       `cbor:"row"`
	From   uint32       `cbor:"from"` // term of the ciphertext that it replaces
	Secret model.Sealed `cbor:"secret"`
}

// RewrapArgs are rows whose values were encrypted again.
type RewrapArgs struct {
	Rows []Rewrapped `cbor:"rows"`
}

// RewrapResult counts the values that were exchanged.
type RewrapResult struct {
	Done int `cbor:"done"`
}

// Rewrap exchanges ciphertext for the same value under the active term, wherever it still stands under the old one. It
// is no change of an object: neither its revision nor an event tells of it.
var Rewrap = command.Define("keyring.rewrap", 1, func(tx *table.Tx, m command.Meta, a RewrapArgs) (RewrapResult, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return RewrapResult{}, err
	}
	k, err := current(tx)
	if err != nil {
		return RewrapResult{}, err
	}
	var r RewrapResult
	for _, row := range a.Rows {
		t := state.SealedNamed(row.Table)
		if t == nil {
			return RewrapResult{}, model.Errorf(model.Invalid, "the table %q holds no ciphertext", row.Table)
		}
		var values []state.Exchanged
		for _, v := range row.Values {
			if v.Secret.Term == k.Active && len(v.Secret.Box) > 0 { // else the term rotated again meanwhile
				values = append(values, state.Exchanged(v))
			}
		}
		r.Done += t.Exchange(tx, row.Key, values)
	}
	return r, nil
})

// DestroyArgs name the oldest key term that stays.
type DestroyArgs struct {
	Below uint32 `cbor:"below"`
}

// Destroy removes the key terms before one, if nothing is encrypted under them any more, kept versions included. What
// is still on its way under them is refused from now on (state.CheckTerm).
var Destroy = command.Define("keyring.destroy", 1, func(tx *table.Tx, m command.Meta, a DestroyArgs) (Done, error) {
	if _, err := command.Authorize(tx, m.Actor, m.At, bySystem, nil); err != nil {
		return Done{}, err
	}
	k, err := current(tx)
	if err != nil {
		return Done{}, err
	}
	if a.Below > k.Active || k.Term(a.Below) == nil {
		return Done{}, model.Errorf(model.Invalid, "key term %d is not one that can be the oldest", a.Below)
	}
	for _, t := range state.SealedTables {
		if t.CountOlder(tx, a.Below, 1) > 0 {
			return Done{}, model.Errorf(model.Conflict, "a row of table %s holds a value under an older key term", t.Name())
		}
	}
	for _, n := range k.Keys {
		if !n.Secret.IsZero() && n.Secret.Term < a.Below {
			return Done{}, model.Errorf(model.Conflict, "the key %s %d stands under key term %d", n.Name, n.ID, n.Secret.Term)
		}
	}
	var gone []model.KeyTerm
	k.Terms = slices.DeleteFunc(k.Terms, func(t model.KeyTerm) bool {
		if t.N < a.Below {
			gone = append(gone, t)
		}
		return t.N < a.Below
	})
	if len(gone) == 0 {
		return Done{}, nil
	}
	k.Revision++
	state.Keyring.Put(tx, k)
	sys := state.SystemRow(tx)
	sys.FirstTerm = a.Below
	state.System.Put(tx, &sys)
	for _, t := range gone {
		tx.Emit(audit.KeyTermDestroyed.With("term", fmt.Sprint(t.N)))
	}
	return Done{}, nil
})
