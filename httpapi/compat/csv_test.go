package compat

import (
	"encoding/csv"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNoCellIsAFormula: what others chose arrives as text, in the cell where it belongs.
func TestNoCellIsAFormula(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	table := Table{Header: []string{"A", "B"}, Rows: [][]string{
		{"=HYPERLINK(1)", "+1"}, {"-1", "@SUM(1)"}, {"\t=1", "\r=1"}, {"a,b\"c", "x\ny"}, {"", "web1=2"}, {"ação", "\u202e=1"},
	}}
	if err := JSON(table).Write(w, Management); err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"A", "B"}, {"'=HYPERLINK(1)", "'+1"}, {"'-1", "'@SUM(1)"}, {"?=1", "?=1"}, {"a,b\"c", "x?y"}, {"", "web1=2"}, {"ação", "?=1"}}
	got, err := csv.NewReader(w.Body).ReadAll()
	if d := cmp.Diff(want, got); err != nil || d != "" || w.Header().Get("Content-Type") != "text/csv; charset=utf-8; header=present" {
		t.Errorf("%v %v\n%s", err, w.Header(), d)
	}
}
