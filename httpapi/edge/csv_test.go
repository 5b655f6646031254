package edge_test

import (
	"encoding/csv"
	"net/http"
	"slices"
	"strings"
	"testing"

	"cofre/httpapi/application"
	"cofre/httpapi/audit"
	"cofre/httpapi/credential"
	"cofre/httpapi/device"
	"cofre/httpapi/operation"
	"cofre/httpapi/policy"
	"cofre/httpapi/session"
	"cofre/httpapi/template"
)

// Operations come as CSV by a parameter or by the Accept header, page by page, with the columns of the terminal.
func TestOperationsAsCSV(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	tok := h.token(h.admin)
	h.stock(tok)
	h.json(tok, "POST", "/api/v1/templates", 200, `{"name":"change","executor":"ssh","content":"exec [#NEW_PASSWORD#]"}`)
	for _, name := range []string{"one", "two"} {
		h.json(tok, "POST", "/api/v1/credentials", 201, `{"identifier":"`+name+`","hostname":"web1","username":"`+name+`","secret":"Secret-0f-the-vault","execution":{"template":"change"}}`)
		h.json(tok, "POST", "/api/v1/operations", 201, `{"credential":"`+name+`"}`)
	}
	get := func(path, accept string) (rows [][]string, next string) {
		t.Helper()
		r := h.request("GET", path, tok, "", "")
		r.Header.Set("Accept", accept)
		res, err := h.server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if rows, err = csv.NewReader(res.Body).ReadAll(); err != nil || res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/csv") {
			t.Fatalf("%d %v: %v", res.StatusCode, res.Header, err)
		}
		next, _, _ = strings.Cut(strings.TrimPrefix(res.Header.Get("Link"), "<"), ">")
		return rows, next
	}
	rows, next := get("/api/v1/operations?state=ready&limit=1&format=csv", "*/*")
	if len(rows) != 2 || strings.Join(rows[0], " ") != operation.Wide || rows[1][2] != "two" || rows[1][3] != "web1" {
		t.Fatalf("%q", rows)
	}
	if rows, next = get(next, "application/json"); len(rows) != 2 || rows[1][2] != "one" || next != "" {
		t.Errorf("%q, then %q", rows, next)
	}
	if rows, _ = get("/api/v1/operations", "text/csv, */*;q=0.1"); len(rows) != 3 {
		t.Errorf("%q", rows)
	}
	h.json(tok, "GET", "/api/v1/operations?format=xml", 400, "")
	h.json(tok, "GET", "/api/v1/operations?format=json", 200, "")
}

// Lists come as CSV with the columns of the terminal, without secrets; what others chose is no formula for a spreadsheet.
func TestListsAsCSV(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	tok := h.token(h.admin)
	h.stock(tok)
	h.json(tok, "POST", "/api/v1/templates", 200, `{"name":"change","executor":"ssh","content":"exec [#NEW_PASSWORD#]"}`)
	h.json(tok, "POST", "/api/v1/applications", 201, `{"name":"shop","description":"=HYPERLINK(\"http://x\")"}`)
	h.json(tok, "POST", "/api/v1/credentials", 201, `{"identifier":"one","hostname":"web1","username":"@SUM(A1)","secret":"Secret-0f-the-vault","execution":{"template":"change"}}`)
	for path, want := range map[string]struct {
		columns string
		row     []string // cells that one row has
	}{
		"/api/v1/credentials":                  {credential.Columns, []string{"one", "'@SUM(A1)", "web1", "change"}},
		"/api/v1/devices":                      {device.Columns, []string{"web1"}},
		"/api/v1/applications":                 {application.Columns, []string{"shop", `'=HYPERLINK("http://x")`}},
		"/api/v1/policies":                     {policy.Columns, []string{"default", "enabled"}},
		"/api/v1/templates?origin=own":         {template.Columns, []string{"change", "ssh", "own"}},
		"/api/v1/templates/change/versions":    {"VERSION AUTHOR SAVED REVIEW APPROVED-BY CLOSED-BY NOTE", []string{"1"}},
		"/api/v1/audit?kind=application.put":   {audit.Columns, []string{"application.put"}},
		"/api/v1/sessions":                     {session.Columns, nil},
		"/api/v1/credentials?search=nobody":    {credential.Columns, nil},
		"/api/v1/templates?origin=own&limit=1": {template.Columns, []string{"change"}},
	} {
		r := h.request("GET", path, tok, "", "")
		r.Header.Set("Accept", "text/csv")
		res, err := h.server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(res.Body).ReadAll()
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK || len(rows) == 0 || strings.Join(rows[0], " ") != want.columns {
			t.Errorf("%s: %d %q: %v", path, res.StatusCode, rows, err)
			continue
		}
		all := slices.Concat(rows[1:]...)
		if strings.Contains(strings.Join(all, " "), "Secret-0f") {
			t.Errorf("%s: shows a secret", path)
		}
		if want.row == nil && len(rows) != 1 {
			t.Errorf("%s: %q", path, rows)
		}
		if want.row != nil && !slices.ContainsFunc(rows[1:], func(row []string) bool {
			return !slices.ContainsFunc(want.row, func(cell string) bool { return !slices.Contains(row, cell) })
		}) {
			t.Errorf("%s: no row has %q: %q", path, want.row, rows)
		}
		h.json(tok, "GET", path+map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")]+"format=xml", 400, "")
	}
}
