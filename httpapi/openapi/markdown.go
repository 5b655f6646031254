package openapi

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// Markdown writes docs/api.md.
func Markdown(routes []route.Route) string {
	var b strings.Builder
	b.WriteString("<!-- generated from the routes in httpapi: do not edit -->\n# API\n\n")
	b.WriteString("Routes below `/iso` exist below `/api` too, in any case of letters. They take forms, multipart, JSON and query parameters, and show\n")
	b.WriteString("every payload beside `response` and inside it. Routes below `/api/v1` take strict JSON and answer errors as\n")
	b.WriteString("`application/problem+json` with `kind`, `field` and `request`. Every authenticated GET takes `?consistency=strong`.\n")
	var tags []string
	for _, r := range routes {
		if !slices.Contains(tags, r.Doc.Tag) {
			tags = append(tags, r.Doc.Tag)
		}
	}
	for _, tag := range tags {
		fmt.Fprintf(&b, "\n## %s\n", tag)
		for i := range routes {
			if routes[i].Doc.Tag == tag {
				one(&b, &routes[i])
			}
		}
	}
	return b.String()
}

func one(b *strings.Builder, r *route.Route) {
	fmt.Fprintf(b, "\n### `%s %s`\n\n%s.", r.Method, r.Path, strings.TrimSuffix(r.Doc.Summary, "."))
	if r.Doc.Text != "" {
		b.WriteString(" " + r.Doc.Text)
	}
	who, leaves := "with a token", "leaves no audit event"
	if r.Auth == route.Public {
		who = "by anybody"
	}
	if r.Event != route.NoEvent {
		leaves = "audited as `" + r.Event + "`"
	}
	fmt.Fprintf(b, "\n\nCalled %s; %s", who, leaves)
	if r.Dialect == compat.Management && len(r.Aliases) > 0 {
		fmt.Fprintf(b, "; also `%s`", strings.Join(r.Aliases, "`, `"))
	}
	b.WriteString(".\n")
	rows := append(fieldRows(r), structRows("", reflect.TypeOf(r.Doc.Body))...)
	if len(rows) > 0 {
		b.WriteString("\n| field | type | |\n|---|---|---|\n" + strings.Join(rows, ""))
	}
}

func fieldRows(r *route.Route) []string {
	var rows []string
	for _, f := range r.Doc.Fields {
		where := f.Text
		if f.In == "query" && r.Method != http.MethodGet {
			where += " (query)"
		}
		if f.Required {
			where = "required; " + where
		}
		kind := f.Type
		if kind == "" {
			kind = "string"
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |\n", f.Name, kind, strings.TrimSuffix(where, "; ")))
	}
	return rows
}

func structRows(prefix string, t reflect.Type) []string {
	var rows []string
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		schema := schemas{}.typ(f.Type)
		kind, _ := schema["type"].(string)
		if kind == "" {
			rows = append(rows, structRows(prefix+name+".", f.Type)...)
			continue
		}
		if kind == "array" && f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct {
			rows = append(rows, structRows(prefix+name+"[].", f.Type.Elem())...)
			continue
		}
		rows = append(rows, fmt.Sprintf("| `%s%s` | %s | %s |\n", prefix, name, kind, f.Tag.Get("doc")))
	}
	return rows
}
