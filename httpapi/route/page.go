package route

import (
	"slices"
	"strings"
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
	return max(1, int(n)), err
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
