// Package openapi makes the description of the API out of its routes: an OpenAPI 3.1 document, which the node serves, and
// the Markdown of docs/api.md. It owns no facts: what is not declared at a route is not in the documents.
package openapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"cofre/httpapi/compat"
	"cofre/httpapi/examples"
	"cofre/httpapi/route"
)

// Path is where the document is served.
const Path = "/api/v1/openapi.json"

// Routes offers the document over the given routes and itself, with an example of each route from the scripts.
func Routes(routes []route.Route, scripts []examples.Script, version string) []route.Route {
	self := route.Route{
		Method: http.MethodGet, Path: Path, Auth: route.Public, Dialect: compat.Management, Event: route.NoEvent,
		Doc: route.Doc{Tag: "openapi", Summary: "This document"},
	}
	all := append(slices.Clone(routes), self)
	document := sync.OnceValue(func() []byte { return Document(all, scripts, version) }) // no start of a node waits for it
	self.Handle = func(context.Context, *route.Request) (compat.Reply, error) {
		return compat.JSON(json.RawMessage(document())), nil
	}
	return []route.Route{self}
}

type object = map[string]any

// Document writes the OpenAPI document. Equal routes give equal bytes.
func Document(routes []route.Route, scripts []examples.Script, version string) []byte {
	if version == "" {
		version = "dev"
	}
	s := schemas{}
	paths := object{}
	shown := examples.For(scripts, declared(routes))
	for i := range routes {
		r := &routes[i]
		item, ok := paths[r.Path].(object)
		if !ok {
			item = object{}
			paths[r.Path] = item
		}
		op := operation(r, s)
		if step := shown[examples.Route{Method: r.Method, Path: r.Path}]; step != nil {
			exemplify(op, r, step)
		}
		item[strings.ToLower(r.Method)] = op
	}
	s["VendorError"], s["OAuthError"] = vendorError, oauthError
	s.of(compat.Problem{})
	doc := object{
		"openapi": "3.1.0",
		"info": object{"title": "Cofre", "version": version, "license": object{"name": "see LICENSE"},
			"description": "Routes below /iso exist below /api too, in any case of letters, and show every payload beside `response` and inside it. Management is below /api/v1: strict JSON, errors as application/problem+json. Authenticated GET requests take ?consistency=strong. HEAD is answered as GET, without the body, except where GET reads or issues a secret: 405. A credential that the caller does not reach is named *** where something points at it."},
		"paths": paths,
		"components": object{
			"schemas":         s,
			"securitySchemes": object{"token": object{"type": "http", "scheme": "bearer", "description": "an access token of /iso/oauth2/token"}},
		},
	}
	b, err := json.Marshal(doc)
	if err != nil {
		panic("openapi: " + err.Error()) // maps of strings and numbers only
	}
	return b
}

func operation(r *route.Route, s schemas) object {
	op := object{"summary": r.Doc.Summary, "tags": []string{r.Doc.Tag}, "operationId": operationID(r), "x-audit-event": r.Event}
	if r.Doc.Text != "" {
		op["description"] = r.Doc.Text
	}
	if needs := r.Doc.Needs.String(); needs != "" {
		op["x-needs"] = needs
	}
	if paths := r.Paths(); len(paths) > 1 {
		op["x-aliases"] = paths[1:]
	}
	if r.Auth == route.Authenticated {
		op["security"] = []object{{"token": []string{}}}
	} else {
		op["security"] = []object{}
	}
	var params []object
	for _, name := range r.Params() {
		params = append(params, object{"name": name, "in": "path", "required": true, "schema": object{"type": "string"}})
	}
	body := object{}
	var required []string
	for _, f := range r.Doc.Fields {
		if f.In == "query" || r.Method == http.MethodGet {
			params = append(params, object{"name": f.Name, "in": "query", "required": false, "description": f.Text, "schema": typed(f)})
			continue
		}
		schema := typed(f)
		if f.Type == "array" {
			schema["type"] = []string{"array", "string"} // a text with commas is a list too
		}
		body[f.Name] = described(schema, f.Text)
		if needed(r, f) {
			required = append(required, f.Name)
		}
	}
	if params != nil {
		op["parameters"] = params
	}
	switch {
	case r.Doc.Body != nil:
		op["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": s.of(r.Doc.Body)}}}
	case len(body) > 0:
		schema := object{"type": "object", "properties": body}
		if required != nil {
			schema["required"] = required
		}
		op["requestBody"] = object{"content": object{"application/x-www-form-urlencoded": object{"schema": schema}, "application/json": object{"schema": schema}, "multipart/form-data": object{"schema": schema}}}
	}
	op["responses"] = responses(r, s)
	return op
}

func responses(r *route.Route, s schemas) object {
	status := r.Doc.Status
	if status == 0 {
		status = http.StatusOK
	}
	media, name := "application/json", "VendorError"
	switch r.Dialect {
	case compat.Management, compat.Second:
		media, name = "application/problem+json", "compat.Problem"
	case compat.OAuth:
		name = "OAuthError"
	}
	content := object{"application/json": object{"schema": answer(r, s)}}
	if r.Doc.Binary != "" {
		content = object{r.Doc.Binary: object{"schema": object{"type": "string", "format": "binary"}}}
	}
	if r.Doc.CSV {
		content["text/csv"] = object{"schema": object{"type": "string"}}
	}
	return object{
		strconv.Itoa(status): object{"description": http.StatusText(status), "content": content},
		"default":            object{"description": "an error", "content": object{media: object{"schema": object{"$ref": "#/components/schemas/" + name}}}},
	}
}

func answer(r *route.Route, s schemas) object {
	fields, ok := r.Doc.Returns.([]route.Field)
	if !ok && r.Doc.Returns != nil {
		return s.of(r.Doc.Returns)
	}
	properties := object{}
	for _, f := range fields {
		schema := typed(f)
		if schema["type"] == "string" {
			schema["type"] = []string{"string", "null"}
		}
		properties[f.Name] = described(schema, f.Text)
	}
	if r.Dialect == compat.Vendor {
		properties["code"], properties["response"] = object{"type": "integer"}, envelope
	}
	return object{"type": "object", "properties": properties}
}

// needed tells whether a request must have a field: a change leaves out what stays.
func needed(r *route.Route, f route.Field) bool { return f.Required && r.Method != http.MethodPut }

func operationID(r *route.Route) string {
	words := strings.FieldsFunc(strings.ToLower(r.Method)+" "+r.Path, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9')
	})
	return strings.Join(words, "_")
}

func typed(f route.Field) object {
	switch f.Type {
	case "":
		return object{"type": "string"}
	case "array":
		return object{"type": "array", "items": object{}}
	}
	return object{"type": f.Type}
}

func described(schema object, text string) object {
	if text != "" {
		schema["description"] = text
	}
	return schema
}

var (
	text     = object{"type": "string"}
	number   = object{"type": "integer"}
	boolean  = object{"type": "boolean"}
	envelope = object{"type": "object", "required": []string{"status", "message", "error", "error_code"}, "properties": object{
		"status": number, "message": text, "error": boolean, "error_code": number, "detail": text, "mensagem": text, "erro": boolean, "cod_erro": number}}
	vendorError = object{"type": "object", "properties": object{"code": number, "response": envelope, "exception": object{"type": "object", "properties": object{
		"code": number, "message": text, "detail": object{"type": []string{"string", "null"}}}}}}
	oauthError = object{"type": "object", "properties": object{"error": text, "error_description": text, "message": text, "code": number, "response": envelope}}
)
