package route

import (
	"net/http"
	"slices"
	"strings"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
)

// MaxPage is the greatest number of items in one answer of a management list.
const MaxPage = 1000

// DefaultPage is the number of items when the client does not say.
const DefaultPage = 100

// Listed is one page of a list. Next is the cursor of the page behind it, to be sent as `after`; empty at the end.
type Listed[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"send it as after to get the next page"`
}

// PageFields document the parameters of a list.
var PageFields = []Field{
	{Name: "limit", In: "query", Type: "integer", Text: "items in one answer: 100 by default, 1000 at most"},
	{Name: "after", In: "query", Text: "the cursor `next` of the page before"},
}

// Limit is the number of items that the client wants.
func (r *Request) Limit() (int, error) {
	n, err := r.QueryNumber("limit", DefaultPage, MaxPage)
	if err == nil && n == 0 {
		err = model.Errorf(model.Invalid, "limit must be a whole number from 1 to %d", MaxPage).WithField("limit")
	}
	return int(n), err
}

// Cursor is the page that the client wants of a list in the order of numbers: how many items, and behind which number.
func (r *Request) Cursor() (limit int, after uint64, err error) {
	if limit, err = r.Limit(); err != nil {
		return 0, 0, err
	}
	after, err = r.QueryNumber("after", 0, 1<<62)
	return limit, after, err
}

// Named finds what a path names by its id or by its name; nil: there is none. An id counts first, so that nobody comes before
// another by a name that looks like its id.
func Named[T any](all []T, named string, is func(*T) (id, name string)) *T {
	var found *T
	for i := range all {
		switch id, name := is(&all[i]); named {
		case id:
			return &all[i]
		case name:
			found = &all[i]
		}
	}
	return found
}

// Page cuts the page that the client wants out of a whole list, ordered by a key that is unique.
func Page[T any](r *Request, all []T, key func(T) string) (Listed[T], error) {
	limit, err := r.Limit()
	if err != nil {
		return Listed[T]{}, err
	}
	after := r.Query("after")
	all = slices.DeleteFunc(all, func(t T) bool { return after != "" && key(t) <= after })
	slices.SortFunc(all, func(a, b T) int { return strings.Compare(key(a), key(b)) })
	page := Listed[T]{Items: all}
	if len(all) > limit {
		page.Items, page.Next = all[:limit], key(all[limit-1])
	}
	return page, nil
}

// TableFields document the parameters of a list that is given as CSV too.
var TableFields = append([]Field{
	{Name: "format", In: "query", Text: "json (default) or csv; `Accept: text/csv` asks for CSV too. The next page of CSV stands in the Link header"},
}, PageFields...)

// ListReply answers with a page, as CSV if the client wants that.
func ListReply[T any](r *Request, page Listed[T], columns []string, row func(T) []string) (compat.Reply, error) {
	format := r.Query("format")
	if format == "" && prefersCSV(r.HTTP.Header.Values("Accept")) {
		format = "csv"
	}
	switch format {
	case "", "json":
		return compat.JSON(page), nil
	case "csv":
	default:
		return compat.Reply{}, model.Errorf(model.Invalid, "format is json or csv").WithField("format")
	}
	t := compat.Table{Header: columns}
	for _, x := range page.Items {
		t.Rows = append(t.Rows, row(x))
	}
	reply := compat.JSON(t)
	if page.Next != "" {
		q := r.HTTP.URL.Query()
		q.Set("after", page.Next)
		reply.Header = http.Header{"Link": {"<" + r.HTTP.URL.EscapedPath() + "?" + q.Encode() + `>; rel="next"`}}
	}
	return reply, nil
}

// prefersCSV tells whether an Accept header names CSV and not JSON, which is the default.
func prefersCSV(accept []string) bool {
	all := strings.ToLower(strings.Join(accept, ","))
	return strings.Contains(all, "text/csv") && !strings.Contains(all, "application/json")
}
