package edge_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/legacy"

	"cofre/httpapi/edge"
	"cofre/httpapi/examples"
	"cofre/httpapi/openapi"
)

// The document that the node serves is valid, complete, and true: real answers fit it.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	a := h.json("", "GET", openapi.Path, 200, "")
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData([]byte(a.raw))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(loader.Context); err != nil {
		t.Fatal(err)
	}
	for _, r := range edge.Routes() {
		item := doc.Paths.Value(r.Path)
		if item == nil || item.GetOperation(r.Method) == nil {
			t.Errorf("%s %s is not documented", r.Method, r.Path)
		}
	}
	for r, step := range examples.For(scripts(t), declared(edge.Routes())) { // Validate compared each with its schema
		_, answer, _ := strings.Cut(step.Answer, "\n")
		given := doc.Paths.Value(r.Path).GetOperation(r.Method).Responses.Value(step.Status())
		if json.Valid([]byte(answer)) && (given == nil || given.Value.Content["application/json"].Example == nil) {
			t.Errorf("%s %s has no example of its answer", r.Method, r.Path)
		}
	}
	tok := h.token(h.admin)
	h.stock(tok)
	doc.Servers = openapi3.Servers{{URL: h.server.URL}}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/health", "/iso/pam/credential", "/iso/pam/credential/1", "/iso/pam/device", "/iso/coe/senha/1", "/iso/pam/credential/none", "/api/v1/credentials", "/api/v1/credentials/1", "/api/v2/pam/credentials?limit=1", "/api/v2/pam/credentials/1", "/api/v2/pam/credentials/9",
		"/api/v1/devices", "/api/v1/devices/web1", "/api/v1/policies/default", "/api/v1/templates", "/api/v1/audit?limit=3", "/api/v1/whoami", "/api/v1/applications", "/api/v1/authorizations", "/api/v1/operations", "/api/v1/operations/none"} {
		req := h.request("GET", path, tok, "", "")
		found, params, err := router.FindRoute(req)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		a := h.send(req)
		in := &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: found, Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
		if err := openapi3filter.ValidateRequest(t.Context(), in); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: a.status, Header: http.Header{"Content-Type": a.header["Content-Type"]}}
		if err := openapi3filter.ValidateResponse(t.Context(), out.SetBodyBytes([]byte(a.raw))); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	text := openapi.Markdown(edge.Routes(), scripts(t))
	for _, r := range edge.Routes() {
		if !strings.Contains(text, "### `"+r.Method+" "+r.Path+"`") {
			t.Errorf("%s %s is missing", r.Method, r.Path)
		}
	}
	if text != openapi.Markdown(edge.Routes(), scripts(t)) || !strings.Contains(text, "| `execution.template` | string | name of a change template |") {
		t.Error("the text is not stable or lacks nested fields")
	}
}
