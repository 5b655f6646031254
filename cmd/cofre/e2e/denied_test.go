package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"
)

// TestDenialsAreAuditedTogether: whoever guesses tokens and client keys fills neither the log nor the trail, and every guess is counted.
func TestDenialsAreAuditedTogether(t *testing.T) {
	c := StartNodes(t, 3, Setup{})
	const guesses = 300 // below the limit of a source, so that each is looked at
	start := time.Now()
	for i := range guesses {
		a, err := c.api.Send(t.Context(), c.list[i%3], http.MethodGet, "/iso/pam/credential", fmt.Sprint("guess.", i, ".x"), nil)
		if err != nil || a.Status != http.StatusUnauthorized {
			t.Fatalf("%d %v %s", a.Status, err, a.Body)
		}
	}
	took := time.Since(start)
	Eventually(t, 20*time.Second, "the guesses are in the trail", func() error {
		var events struct {
			Items []struct {
				Fields map[string]string `json:"fields"`
			} `json:"items"`
		}
		c.Must(http.MethodGet, "/api/v1/audit?kind=audit.note&limit=1000", nil, &events)
		counted := 0
		for _, e := range events.Items {
			n, err := strconv.Atoi(e.Fields["count"])
			if err != nil {
				t.Fatal(err)
			}
			counted += n
		}
		if counted < guesses {
			return fmt.Errorf("%d of %d are counted", counted, guesses)
		}
		if most := 3 * (int(took/time.Second) + 2); len(events.Items) > most {
			t.Errorf("%d guesses in %s are %d events, more than one of each node in a second (%d)", guesses, took, len(events.Items), most)
		}
		t.Logf("%d guesses in %s are %d events", guesses, took, len(events.Items))
		return nil
	})
}
