package openapi

import (
	"maps"
	"reflect"
	"strings"

	"cofre/httpapi/compat"
	"cofre/vault/secret"
)

// schemas collects the schemas of the structs that routes bind and answer, by package and name.
type schemas map[string]any

// of gives the schema of a struct value.
func (s schemas) of(v any) object { return s.typ(reflect.TypeOf(v)) }

func (s schemas) typ(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[secret.Value]():
		return object{"type": "string", "format": "password", "writeOnly": true}
	case reflect.TypeFor[compat.Time]():
		return object{"type": "string", "format": "date-time"}
	case reflect.TypeFor[compat.Duration]():
		return object{"type": "string", "description": "such as 720h or 1h30m"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.typ(t.Elem())
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Uint16, reflect.Uint64:
		return object{"type": "integer"}
	case reflect.Slice:
		return object{"type": "array", "items": s.typ(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.typ(t.Elem())}
	case reflect.Struct:
		return s.structure(t)
	}
	return object{"type": "string"}
}

func (s schemas) structure(t reflect.Type) object {
	name := nameOf(t)
	ref := object{"$ref": "#/components/schemas/" + name}
	if _, done := s[name]; done {
		return ref
	}
	properties := object{}
	s[name] = object{"type": "object", "additionalProperties": false, "properties": properties}
	for i := range t.NumField() {
		f := t.Field(i)
		key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		schema := s.typ(f.Type)
		if f.Anonymous && key == "" {
			maps.Copy(properties, s[nameOf(f.Type)].(object)["properties"].(object))
			continue
		}
		if f.Type == reflect.TypeFor[compat.Time]() && options != "omitempty" {
			schema = object{"type": "string"} // empty: there is none
		}
		if text := f.Tag.Get("doc"); text != "" {
			if _, isRef := schema["$ref"]; isRef {
				schema = object{"allOf": []object{schema}}
			}
			schema["description"] = text
		}
		properties[key] = schema
	}
	return ref
}

// nameOf is package.Type; a page of T is package.T.List.
func nameOf(t reflect.Type) string {
	name := t.Name()
	if i := strings.IndexByte(name, '['); i >= 0 {
		arg := strings.TrimSuffix(name[i+1:], "]")
		return arg[strings.LastIndexByte(arg, '/')+1:] + ".List"
	}
	path := t.PkgPath()
	return path[strings.LastIndexByte(path, '/')+1:] + "." + name
}
