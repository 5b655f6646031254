package edge_test

import (
	"encoding/csv"
	"net/http"
	"strings"
	"testing"

	"cofre/httpapi/operation"
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
	if len(rows) != 2 || strings.Join(rows[0], " ") != operation.Columns || rows[1][2] != "two" || rows[1][3] != "web1" {
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
