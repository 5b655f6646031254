package fsm_test

import (
	"reflect"
	"testing"

	"cofre/fsm/model"
	"cofre/fsm/state"
)

// sealedIn tells whether a type holds ciphertext of the barrier.
func sealedIn(t reflect.Type, seen map[reflect.Type]bool) bool {
	if t == reflect.TypeFor[model.Sealed]() {
		return true
	}
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if sealedIn(t.Field(i).Type, seen) {
				return true
			}
		}
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return sealedIn(t.Elem(), seen)
	}
	return false
}

// Every table whose rows hold ciphertext takes part in the rotation of key terms; a forgotten one would lose its values
// with the term. The ring itself is re-encrypted as a whole.
func TestSealedTables(t *testing.T) {
	t.Parallel()
	found := 0
	for _, table := range state.Schema {
		get, ok := reflect.TypeOf(table).MethodByName("Get")
		if !ok {
			t.Fatalf("table %s has no Get", table.Name())
		}
		row := get.Type.Out(0).Elem()
		has := sealedIn(row, map[reflect.Type]bool{})
		if has {
			found++
		}
		if listed := state.SealedNamed(table.Name()) != nil || row == reflect.TypeFor[model.Keyring](); has != listed {
			t.Errorf("table %s holds ciphertext: %t, state.SealedTables knows it: %t", table.Name(), has, listed)
		}
	}
	if found < 2 { // credentials and the ring: the search itself works
		t.Errorf("ciphertext was found in %d tables", found)
	}
}
