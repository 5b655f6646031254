package runner_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cofre/executors/runner"
	"cofre/fsm/state"
)

// TestDoors: a host pattern finds the active devices that fit at that moment, and no others than those where who set it reaches something.
func TestDoors(t *testing.T) {
	t.Parallel()
	base, err := os.ReadFile("testdata/setup.txt")
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(base), "device.put")
	var b strings.Builder
	client := func(name, id string, revision int, enabled bool) {
		fmt.Fprintf(&b, `authorization.put actor=client:admin capture=%[1]s:id
{"authorization": {"id": %[2]q, "application": "$app", "name": %[1]q, "client_id": "c-%[1]s", "secrets": [{"pepper": 1, "mac": "hex:dd", "at": 0}], "modules": ["PAM Core"], "write": true, "rights": ["secret.read", "credential.write", "route.write"], "filter": {"tags": [%[1]q]}, "enabled": %[4]t, "epoch": %[3]d, "created_at": 0, "revision": %[3]d}}

`, name, id, revision, enabled)
	}
	b.WriteString(head)
	client("team", "", 0, true)
	client("left", "", 0, true)
	for i, host := range []string{"a.prod", "b.prod", "C.PROD", "d.prod", "e.dev", "prod"} {
		fmt.Fprintf(&b, "device.put actor=client:admin capture=dev%[1]d:device.id\n{\"device\": {\"id\": \"\", \"number\": 0, \"hostname\": %[2]q, \"ip\": \"192.0.2.%[1]d\", \"enabled\": false, \"created_at\": 0, \"revision\": 0}}\n\n", i, host)
	}
	put := func(actor, body string) {
		fmt.Fprintf(&b, "credential.put actor=client:%s\n{\"username\": \"u\", \"secret\": {\"row\": \"r%d\", \"secret\": {\"t\": 1, \"b\": \"hex:01\"}, \"public\": \"ssh-ed25519 AAAA\"}, %s}\n\n", actor, b.Len(), body)
	}
	put("admin", `"identifier": "all", "device": "$dev0", "key": {"pattern": "*.prod"}`)
	put("admin", `"identifier": "listed", "device": "$dev4", "key": {"pattern": "?.prod", "devices": ["$dev5", "$dev3", "$dev1"]}`)
	put("$team", `"identifier": "theirs", "device": "$dev0", "tags": ["team"], "key": {"pattern": "*.prod"}`)
	put("$team", `"identifier": "beside", "device": "$dev2", "tags": ["team"], "key": {}`)
	put("admin", `"identifier": "none", "device": "$dev0", "key": {"pattern": "x*.prod"}`)
	put("$left", `"identifier": "parted", "device": "$dev0", "tags": ["left"], "key": {"pattern": "*.prod"}`)
	b.WriteString("device.status actor=client:admin\n{\"id\": \"$dev3\", \"enabled\": false}\n\n")
	client("left", "$left", 1, false)
	file := filepath.Join(t.TempDir(), "doors.txt")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	h := openFrom(t, file)
	v := h.m.View()
	defer v.Close()
	if c, ok := state.Credentials.First(v, "identifier", "parted"); ok {
		if got, err := runner.Doors(v, c); err == nil || !strings.Contains(err.Error(), "inactive") {
			t.Errorf("a pattern of an inactive client: %v, %v", got, err)
		}
	} else {
		t.Error("there is no key of one who left")
	}
	for identifier, want := range map[string]string{"all": "[a.prod b.prod C.PROD]", "listed": "[e.dev a.prod b.prod C.PROD prod]", "theirs": "[a.prod C.PROD]", "beside": "[C.PROD]", "none": "[a.prod]"} {
		c, ok := state.Credentials.First(v, "identifier", identifier)
		if !ok {
			t.Fatalf("there is no key %s", identifier)
		}
		if got, err := runner.Doors(v, c); fmt.Sprint(got) != want || err != nil {
			t.Errorf("%s opens %v, %v", identifier, got, err)
		}
		gone := *c
		key := *c.Key
		key.PatternBy = "nobody"
		gone.Key = &key
		if _, err := runner.Doors(v, &gone); (err != nil) != (key.Pattern != "") {
			t.Errorf("%s, whose pattern nobody set: %v", identifier, err)
		}
	}
}
