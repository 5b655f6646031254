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
// has two lanes: each operation has one connection, also while it proves. It lets one in when two devices behind an sshd with one lane
// are it. Without a limit of its own the server turns some away, which shows that it counts.
func TestConnectionsOfALimitedTarget(t *testing.T) {
	t.Parallel()
	c := Start(t)
	pg, sshd := target.PostgreSQL(t), target.SSHD(t)
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
	create := func(device string, from, to int) (names []string) {
		for i := from; i < to; i++ {
			names = append(names, fmt.Sprintf("account-%d-%s", i, device))
			credential(c, names[i-from], device, fmt.Sprintf("account_%d", i), "Account-pass-1", "", map[string]any{"policy": "once",
				"execution": map[string]any{"template": "PostgreSQL ALTER ROLE", "authentication": "manager-" + device}})
		}
		return names
	}
	burst := func(names []string) (numbers []uint64) {
		var all struct{ Items []struct{ Number uint64 } }
		c.Must(http.MethodPost, "/api/v1/operations/bulk", map[string]any{"action": "change", "credentials": names}, &all)
		for _, i := range all.Items {
			numbers = append(numbers, i.Number)
		}
		return numbers
	}
	for _, n := range burst(create("localhost", 0, accounts)) {
		if o := c.Await(n); o.State != "succeeded" {
			t.Errorf("with two lanes, operation %d ended as %s: %s", n, o.State, o.Message)
		}
	}

	run(`ALTER DATABASE postgres CONNECTION LIMIT 1`)
	sshDevice(c, "bastion", sshd)
	c.Must(http.MethodPut, "/api/v1/devices/bastion", map[string]any{"lanes": 1}, nil)
	user, password := sshd.AddUser(t)
	credential(c, "jumper", "bastion", user, password, "", nil)
	var hopping []string
	for i, device := range []string{"a.localhost", "b.localhost"} {
		c.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": device, "ip": "127.0.0.1", "ca": pg.CA(), "via": "bastion", "via_login": "jumper",
			"connectivities": []map[string]any{{"protocol": "POSTGRESQL", "port": pg.Port()}}}, nil)
		credential(c, "manager-"+device, device, "manager", "Manager-pass-1", "", nil)
		run(fmt.Sprintf(`SET ROLE manager; ALTER ROLE account_%d PASSWORD 'Account-pass-1'; ALTER ROLE account_%d PASSWORD 'Account-pass-1'`, 2*i, 2*i+1))
		hopping = append(hopping, create(device, 2*i, 2*i+2)...)
	}
	for _, n := range burst(hopping) {
		if o := c.Await(n); o.State != "succeeded" {
			t.Errorf("with one lane at the jump host, operation %d ended as %s: %s", n, o.State, o.Message)
		}
	}

	numbers := burst(create("127.0.0.1", 0, accounts))
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
