package api

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"cofre/fsm/model"
)

// compare lists the fields of want that have does not have so; what the file does not name stays.
func compare(prefix string, want, have map[string]any) []change {
	var out []change
	for _, k := range slices.Sorted(maps.Keys(want)) {
		w, h := want[k], have[k]
		if in, ok := w.(map[string]any); ok {
			inHave, _ := h.(map[string]any)
			out = append(out, compare(prefix+k+".", in, inHave)...)
			continue
		}
		if !same(w, h) {
			out = append(out, change{prefix + k, h, w})
		}
	}
	return out
}

// same compares values of JSON; absent is the same as empty, and lists of texts are sets.
func same(w, h any) bool {
	if h == nil {
		return w == nil || reflect.ValueOf(w).IsZero() || reflect.ValueOf(w).Kind() == reflect.Slice && reflect.ValueOf(w).Len() == 0
	}
	return reflect.DeepEqual(inOneOrder(w), inOneOrder(h))
}

func inOneOrder(v any) any {
	all, ok := v.([]any)
	if !ok {
		return v
	}
	out := make([]string, len(all))
	for i, e := range all {
		b, _ := json.Marshal(e) // it was JSON
		out[i] = string(b)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// asSpelt writes the hosts that an object refers to as the API does: their names are the same in any case. The name of a device itself
// may be spelt anew.
func asSpelt(o *object, have map[string]any) {
	spelt := map[string]string{}
	hosts(o.kind.name, have, func(s string) string { spelt[model.FoldHost(s)] = s; return s })
	hosts(o.kind.name, o.want, func(s string) string { return or(spelt[model.FoldHost(s)], s) })
}

func hosts(kind string, in map[string]any, write func(string) string) {
	for _, k := range []string{"hostname", "via", "device", "devices"} {
		switch v := in[k].(type) {
		case string:
			if k != "hostname" || kind != "device" {
				in[k] = write(v)
			}
		case []any:
			for i := range v {
				switch e := v[i].(type) {
				case string:
					v[i] = write(e)
				case map[string]any:
					hosts("", e, write)
				}
			}
		}
	}
}
