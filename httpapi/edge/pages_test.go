package edge_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"testing"
)

// Whoever follows the cursors gets every item once and in order, whatever the length of a page, and no cursor behind the last one.
func TestPagesHoldEveryItemOnce(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	admin := h.token(h.admin)
	h.stock(admin)
	for i := range 3 {
		h.json(admin, "POST", "/api/v1/applications", 201, fmt.Sprintf(`{"name":"app%d"}`, i))
		h.json(admin, "POST", "/api/v1/policies", 201, fmt.Sprintf(`{"name":"policy%d"}`, i))
		h.json(admin, "POST", "/iso/sctm/secret", 201, fmt.Sprintf(`{"identity":"secret%d","data":{"A":"1"}}`, i))
		h.json(admin, "POST", "/api/v1/encryption-keys", 201, fmt.Sprintf(`{"name":"key%d","algorithm":"aes256-gcm96"}`, i))
		h.json(admin, "POST", "/iso/pam/credential", 201, fmt.Sprintf(`{"identifier":"more%d","username":"u%d","hostname":"web1","ip":"192.0.2.1","content":"x"}`, i, i))
	}
	for _, path := range []string{"applications", "policies", "secrets", "encryption-keys", "credentials"} {
		page := func(limit int, after string) (items []string, next string) {
			t.Helper()
			var a struct {
				Items []json.RawMessage
				Next  string
			}
			got := h.json(admin, "GET", fmt.Sprintf("/api/v1/%s?limit=%d&after=%s", path, limit, url.QueryEscape(after)), 200, "")
			if err := json.Unmarshal([]byte(got.raw), &a); err != nil {
				t.Fatal(err)
			}
			for _, one := range a.Items {
				items = append(items, string(one))
			}
			return items, a.Next
		}
		all, next := page(1000, "")
		if len(all) < 3 || next != "" {
			t.Fatalf("%s: %d items, next %q", path, len(all), next)
		}
		for _, limit := range []int{1, 2, len(all) - 1, len(all)} {
			items, next := page(limit, "")
			for pages := 1; next != ""; pages++ {
				if pages > len(all) {
					t.Fatalf("%s by %d: the cursors do not end", path, limit)
				}
				var more []string
				if more, next = page(limit, next); len(more) == 0 || len(more) > limit {
					t.Errorf("%s by %d: a page of %d", path, limit, len(more))
				}
				items = append(items, more...)
			}
			if !slices.Equal(items, all) {
				t.Errorf("%s by %d: %d items instead of %d", path, limit, len(items), len(all))
			}
		}
	}
}
