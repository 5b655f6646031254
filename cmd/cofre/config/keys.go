package config

import (
	"cmp"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Key is one setting, as the environment, the flags and the documentation know it.
type Key struct {
	Path    string // "api.listen": in the file, and as a flag
	Env     string // "COFRE_API_LISTEN"
	Default string
	Doc     string
	Set     func(*Config, string) error
	Get     func(*Config) string
}

// auditDocs documents the keys of package siem, which is not ours.
var auditDocs = map[string]string{
	"audit.local.mode":      "audit events in this machine's syslog: public (ids only), full (names and addresses, needs plaintext) or off",
	"audit.local.facility":  "syslog facility of the local echo",
	"audit.local.tag":       "program name of the local echo",
	"audit.local.plaintext": "names and addresses may lie readable in this machine's syslog",
	"audit.batch":           "greatest number of events in one write to a receiver",
	"audit.keep":            "how long the cluster keeps audit events, at least 720h (30 days); 0: for ever. The leader's setting counts: set it alike on every node",
	"audit.timeout":         "how long connecting to a receiver, or one write, may take",
}

// Keys lists every setting that is a single value or a list of words; the lists of audit's receivers are for the file
// only.
func Keys() []Key {
	def := Default()
	return keysOf(reflect.ValueOf(def), nil, nil)
}

func keysOf(v reflect.Value, path []string, index []int) []Key {
	var keys []Key
	for i := range v.NumField() {
		f := v.Type().Field(i)
		p := append(append([]string(nil), path...), f.Tag.Get("yaml"))
		at := append(append([]int(nil), index...), i)
		switch {
		case f.Type.Kind() == reflect.Struct:
			keys = append(keys, keysOf(v.Field(i), p, at)...)
		case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() != reflect.String:
		default:
			name := strings.Join(p, ".")
			keys = append(keys, Key{
				Path: name, Env: "COFRE_" + strings.ToUpper(strings.NewReplacer(".", "_").Replace(name)),
				Default: text(v.Field(i)), Doc: cmp.Or(f.Tag.Get("doc"), auditDocs[name]),
				Set: func(c *Config, s string) error { return set(reflect.ValueOf(c).Elem().FieldByIndex(at), s) },
				Get: func(c *Config) string { return text(reflect.ValueOf(c).Elem().FieldByIndex(at)) },
			})
		}
	}
	return keys
}

func text(v reflect.Value) string {
	if v.Kind() == reflect.Slice {
		return strings.Join(v.Interface().([]string), ",")
	}
	return fmt.Sprint(v.Interface())
}

func set(v reflect.Value, s string) error {
	if v.Type() == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(s)
		if err != nil {
			return fmt.Errorf("%q is not a span of time such as 30s", s)
		}
		v.SetInt(int64(d))
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Int:
		n, err := strconv.Atoi(s)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", s)
		}
		v.SetInt(int64(n))
	case reflect.Float64:
		n, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return fmt.Errorf("%q is not a number", s)
		}
		v.SetFloat(n)
	case reflect.Bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", s)
		}
		v.SetBool(b)
	default: // a list of words
		var list []string
		for _, w := range strings.Split(s, ",") {
			if w = strings.TrimSpace(w); w != "" {
				list = append(list, w)
			}
		}
		v.Set(reflect.ValueOf(list))
	}
	return nil
}

// Print writes the settings in force as YAML, each with its documentation.
func Print(w io.Writer, c Config) error {
	for _, k := range Keys() {
		if _, err := fmt.Fprintf(w, "# %s (%s)\n%s: %s\n", k.Doc, k.Env, k.Path, k.Get(&c)); err != nil {
			return err
		}
	}
	return nil
}
