package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"cofre/executors/executortest/target"
)

// TestConnectionsOfALimitedTarget: a real PostgreSQL that lets two users in sees a burst of changes by a manager go well if the device
// has two lanes: each operation has one connection, also while it proves. Without a limit of its own the server turns some away, which
// shows that it counts.
func TestConnectionsOfALimitedTarget(t *testing.T) {
	t.Parallel()
	c := Start(t)
	pg := target.PostgreSQL(t)
	run := func(sql string) {
		t.Helper()
		if err := pg.Exec(sql); err != nil {
			t.Fatal(err)
		}
	}
	run(`CREATE ROLE manager LOGIN CREATEROLE PASSWORD 'Manager-pass-1'`)
	run(`ALTER SYSTEM SET autovacuum = off`) // its workers are counted too
	run(`SELECT pg_reload_conf()`)
	const accounts = 12
	for i := range accounts {
		run(fmt.Sprintf(`SET ROLE manager; CREATE ROLE account_%d LOGIN PASSWORD 'Account-pass-1'`, i))
	}
	c.Must(http.MethodPost, "/api/v1/policies", map[string]any{"name": "once", "attempts": 1}, nil)
	for device, lanes := range map[string]int{"localhost": 2, "127.0.0.1": 0} {
		c.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": device, "ip": "127.0.0.1", "ca": pg.CA(), "lanes": lanes,
			"connectivities": []map[string]any{{"protocol": "POSTGRESQL", "port": pg.Port()}}}, nil)
		credential(c, "manager-"+device, device, "manager", "Manager-pass-1", "", nil)
	}
	run(`ALTER DATABASE postgres CONNECTION LIMIT 2`)
	burst := func(device string) (numbers []uint64) {
		for i := range accounts {
			credential(c, fmt.Sprintf("account-%d-%s", i, device), device, fmt.Sprintf("account_%d", i), "Account-pass-1", "", map[string]any{"policy": "once",
				"execution": map[string]any{"template": "PostgreSQL ALTER ROLE", "authentication": "manager-" + device}})
		}
		for i := range accounts {
			var o Operation
			c.Must(http.MethodPost, "/api/v1/operations", map[string]string{"credential": fmt.Sprintf("account-%d-%s", i, device), "kind": "change"}, &o)
			numbers = append(numbers, o.Number)
		}
		return numbers
	}
	for _, n := range burst("localhost") {
		if o := c.Await(n); o.State != "succeeded" {
			t.Errorf("with two lanes, operation %d ended as %s: %s", n, o.State, o.Message)
		}
	}
	numbers := burst("127.0.0.1")
	Eventually(t, time.Minute, "the control: the server turns somebody away", func() error {
		for _, n := range numbers {
			var o Operation
			c.Must(http.MethodGet, fmt.Sprintf("/api/v1/operations/%d", n), nil, &o)
			if strings.Contains(o.Message, "too many connections") {
				return nil
			}
		}
		return errors.New("nobody yet")
	})
}
