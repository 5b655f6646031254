package table

import (
	"fmt"
	"reflect"
)

// owner makes a shallow copy of a value its holder's own: whatever it shares with the original is copied too, except
// byte strings, which nobody changes in place. nil: a shallow copy is enough.
type owner func(v reflect.Value)

// ownerOf works out, once for each row type, what a copy of it would share.
func ownerOf(t reflect.Type) owner {
	switch t.Kind() {
	case reflect.Pointer:
		return ownPointer(t)
	case reflect.Slice:
		return ownSlice(t)
	case reflect.Map:
		return ownMap(t)
	case reflect.Struct:
		return ownStruct(t)
	case reflect.Array:
		if ownerOf(t.Elem()) != nil {
			panic(fmt.Sprintf("a row holds an array of %s: use a slice", t.Elem()))
		}
	case reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		panic(fmt.Sprintf("a row holds a %s: rows are plain data", t))
	}
	return nil
}

func ownStruct(t reflect.Type) owner {
	type field struct {
		i   int
		own owner
	}
	var fields []field
	for i := range t.NumField() {
		if f := t.Field(i); !f.IsExported() || f.Tag.Get("cbor") == "-" {
			continue // the codec does not carry it, so it is empty
		}
		if own := ownerOf(t.Field(i).Type); own != nil {
			fields = append(fields, field{i, own})
		}
	}
	if fields == nil {
		return nil
	}
	return func(v reflect.Value) {
		for _, f := range fields {
			f.own(v.Field(f.i))
		}
	}
}

func ownPointer(t reflect.Type) owner {
	own := ownerOf(t.Elem())
	return func(v reflect.Value) {
		if v.IsNil() {
			return
		}
		n := reflect.New(t.Elem())
		n.Elem().Set(v.Elem())
		if own != nil {
			own(n.Elem())
		}
		v.Set(n)
	}
}

func ownSlice(t reflect.Type) owner {
	if t.Elem().Kind() == reflect.Uint8 {
		return nil
	}
	own := ownerOf(t.Elem())
	return func(v reflect.Value) {
		if v.IsNil() {
			return
		}
		n := reflect.MakeSlice(t, v.Len(), v.Len())
		reflect.Copy(n, v)
		if own != nil {
			for i := range n.Len() {
				own(n.Index(i))
			}
		}
		v.Set(n)
	}
}

func ownMap(t reflect.Type) owner {
	own := ownerOf(t.Elem())
	return func(v reflect.Value) {
		if v.IsNil() {
			return
		}
		n := reflect.MakeMapWithSize(t, v.Len())
		for it := v.MapRange(); it.Next(); {
			e := reflect.New(t.Elem()).Elem()
			e.Set(it.Value())
			if own != nil {
				own(e)
			}
			n.SetMapIndex(it.Key(), e)
		}
		v.Set(n)
	}
}
