package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"cofre/cmd/cofre/client"
	"cofre/httpapi/route"
)

// fetch walks the pages of a list up to limit items; more tells that there are others.
func fetch[T any](ctx context.Context, c *client.Client, path string, query url.Values, limit int) (all []T, more bool, err error) {
	q := url.Values{}
	for k, v := range query {
		q[k] = v
	}
	more = true
	for more && len(all) < limit {
		q.Set("limit", strconv.Itoa(min(limit-len(all), route.MaxPage)))
		var page route.Listed[T]
		if err := c.Do(ctx, http.MethodGet, path+"?"+q.Encode(), nil, &page); err != nil {
			return nil, false, err
		}
		all = append(all, page.Items...)
		q.Set("after", page.Next)
		more = page.Next != ""
	}
	if len(all) > limit { // pages of attempts count operations
		return all[:limit], true, nil
	}
	return all, more, nil
}

// lists says that a command prints a list: as CSV too, and at most --limit items.
func (s *session) lists(c *cobra.Command, def int) *int {
	s.tabular(c)
	return c.Flags().Int("limit", def, "print at most this many")
}

// listed fetches and prints a list, in an order that people expect; nil is the API's.
func listed[T any](s *session, c *cobra.Command, path string, query url.Values, limit int, order func(a, b T) int, header string, row func(T) []string) error {
	if limit < 1 {
		return fmt.Errorf("--limit is at least 1")
	}
	api, err := s.client()
	if err != nil {
		return err
	}
	rows, more, err := fetch[T](c.Context(), api, path, query, limit)
	if err != nil {
		return err
	}
	if more {
		fmt.Fprintf(note(c), "There are more: raise --limit %d.\n", limit)
	}
	if order != nil {
		slices.SortStableFunc(rows, order)
	}
	return list(s, c, rows, header, row)
}

// call sends one request and gives the answer.
func call[T any](s *session, c *cobra.Command, method, path string, body any) (T, error) {
	var out T
	api, err := s.client()
	if err != nil {
		return out, err
	}
	err = api.Do(c.Context(), method, path, body, &out)
	return out, err
}

// at writes a path with names in it.
func at(format string, names ...string) string {
	escaped := make([]any, len(names))
	for i, n := range names {
		escaped[i] = url.PathEscape(n)
	}
	return "/api/v1/" + fmt.Sprintf(format, escaped...)
}

// text is a flag's value if it was given: what is absent stays as it is.
func text(c *cobra.Command, name string) *string {
	if !c.Flags().Changed(name) {
		return nil
	}
	v, _ := c.Flags().GetString(name)
	return &v
}

func texts(c *cobra.Command, name string) *[]string {
	if !c.Flags().Changed(name) {
		return nil
	}
	v, _ := c.Flags().GetStringSlice(name)
	if len(v) == 1 && v[0] == "" {
		v = []string{}
	}
	return &v
}

func truth(c *cobra.Command, name string) *bool {
	if !c.Flags().Changed(name) {
		return nil
	}
	v, _ := c.Flags().GetBool(name)
	return &v
}

func whole(c *cobra.Command, name string) *int {
	if !c.Flags().Changed(name) {
		return nil
	}
	v, _ := c.Flags().GetInt(name)
	return &v
}

// named turns a list of names into a list of another kind of name.
func named[T ~string](list *[]string) *[]T {
	if list == nil {
		return nil
	}
	out := make([]T, len(*list))
	for i, v := range *list {
		out[i] = T(v)
	}
	return &out
}
