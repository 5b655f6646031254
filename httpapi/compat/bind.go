package compat

import (
	"bytes"
	"encoding"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Bind decodes a JSON object into a struct strictly, for management calls: a field that the struct lacks, a wrong type,
// a name that occurs twice, or anything behind the object is refused with the path of the field. Absent fields and null
// leave the struct as it is; a pointer tells them from zero values. An empty body is an empty object. The body is wiped.
func Bind(body []byte, dst any) error {
	defer clear(body)
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	n, err := parseJSON(body)
	if err != nil {
		return err
	}
	defer n.wipe()
	if n.kind != nodeObject {
		return model.Errorf(model.Invalid, "the body must be a JSON object").WithField("body")
	}
	return bind(n, reflect.ValueOf(dst).Elem(), "")
}

var (
	secretType = reflect.TypeFor[secret.Value]()
	textType   = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func wrongType(path, want string, n *node) error {
	return model.Errorf(model.Invalid, "%s must be %s, not %s", path, want, n.kind).WithField(path)
}

func bind(n *node, v reflect.Value, path string) error {
	if n.kind == nodeNull {
		return nil
	}
	if v.Kind() == reflect.Pointer {
		p := reflect.New(v.Type().Elem())
		v.Set(p)
		return bind(n, p.Elem(), path)
	}
	if v.Type() == secretType {
		if n.kind != nodeString {
			return wrongType(path, "a string", n)
		}
		v.Set(reflect.ValueOf(secret.New(append([]byte(nil), n.text...))))
		return nil
	}
	if v.CanAddr() && v.Addr().Type().Implements(textType) {
		if n.kind != nodeString {
			return wrongType(path, "a string", n)
		}
		if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText(n.text); err != nil {
			return &model.Error{Kind: model.Invalid, Msg: path + ": " + err.Error(), Field: path}
		}
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		if n.kind != nodeString {
			return wrongType(path, "a string", n)
		}
		v.SetString(string(n.text))
	case reflect.Bool:
		if n.kind != nodeBool {
			return wrongType(path, "a boolean", n)
		}
		v.SetBool(string(n.text) == "true")
	case reflect.Int, reflect.Int64, reflect.Uint16, reflect.Uint64:
		return bindNumber(n, v, path)
	case reflect.Slice:
		return bindList(n, v, path)
	case reflect.Struct:
		return bindStruct(n, v, path)
	default:
		panic("compat: a request struct holds a " + v.Kind().String() + " at " + path)
	}
	return nil
}

func bindNumber(n *node, v reflect.Value, path string) error {
	if n.kind != nodeNumber {
		return wrongType(path, "a number", n)
	}
	var err error
	if v.CanUint() {
		var u uint64
		if u, err = strconv.ParseUint(string(n.text), 10, v.Type().Bits()); err == nil {
			v.SetUint(u)
		}
	} else {
		var i int64
		if i, err = strconv.ParseInt(string(n.text), 10, v.Type().Bits()); err == nil {
			v.SetInt(i)
		}
	}
	if err != nil {
		return model.Errorf(model.Invalid, "%s must be a whole number that fits its range", path).WithField(path)
	}
	return nil
}

func bindList(n *node, v reflect.Value, path string) error {
	if n.kind != nodeList {
		return wrongType(path, "a list", n)
	}
	list := reflect.MakeSlice(v.Type(), len(n.list), len(n.list))
	for i, c := range n.list {
		at := path + "[" + strconv.Itoa(i) + "]"
		if c.kind == nodeNull {
			return wrongType(at, "a value", c)
		}
		if err := bind(c, list.Index(i), at); err != nil {
			return err
		}
	}
	v.Set(list)
	return nil
}

func bindStruct(n *node, v reflect.Value, path string) error {
	if n.kind != nodeObject {
		return wrongType(path, "an object", n)
	}
	for i, key := range n.keys {
		f, ok := fieldByTag(v, key)
		at := strings.TrimPrefix(path+"."+FieldName(key), ".")
		if !ok {
			return model.Errorf(model.Invalid, "unknown field %s", at).WithField(at)
		}
		if err := bind(n.list[i], f, at); err != nil {
			return err
		}
	}
	return nil
}

func fieldByTag(v reflect.Value, key string) (reflect.Value, bool) {
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if name == key && name != "" && name != "-" {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// FieldName shortens a name that a client chose, so that an error carries neither much of it nor control characters.
func FieldName(key string) string {
	out := strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == utf8.RuneError {
			return '?'
		}
		return r
	}, key)
	if len(out) > 64 {
		out = strings.ToValidUTF8(out[:64], "") + "..."
	}
	return out
}
