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
	b.WriteString(head + `authorization.put actor=client:admin capture=team:id
{"authorization": {"id": "", "application": "$app", "name": "team", "client_id": "c-team", "secrets": [{"pepper": 1, "mac": "hex:dd", "at": 0}], "modules": ["PAM Core"], "write": true, "rights": ["secret.read", "credential.write", "route.write"], "filter": {"tags": ["team"]}, "enabled": true, "epoch": 0, "created_at": 0, "revision": 0}}

`)
	for i, host := range []string{"a.prod", "b.prod", "C.PROD", "d.prod", "e.dev", "prod"} {
		fmt.Fprintf(&b, "device.put actor=client:admin capture=dev%[1]d:device.id\n{\"device\": {\"id\": \"\", \"number\": 0, \"hostname\": %[2]q, \"ip\": \"192.0.2.%[1]d\", \"enabled\": false, \"created_at\": 0, \"revision\": 0}}\n\n", i, host)
	}
	b.WriteString("device.status actor=client:admin\n{\"id\": \"$dev3\", \"enabled\": false}\n\n")
	put := func(actor, body string) {
		fmt.Fprintf(&b, "credential.put actor=client:%s\n{\"username\": \"u\", \"secret\": {\"row\": \"r%d\", \"secret\": {\"t\": 1, \"b\": \"hex:01\"}, \"public\": \"ssh-ed25519 AAAA\"}, %s}\n\n", actor, b.Len(), body)
	}
	put("admin", `"identifier": "all", "device": "$dev0", "key": {"pattern": "*.prod"}`)
	put("admin", `"identifier": "listed", "device": "$dev4", "key": {"pattern": "?.prod", "devices": ["$dev5", "$dev1"]}`)
	put("$team", `"identifier": "theirs", "device": "$dev0", "tags": ["team"], "key": {"pattern": "*.prod"}`)
	put("$team", `"identifier": "beside", "device": "$dev2", "tags": ["team"], "key": {}`)
	put("admin", `"identifier": "none", "device": "$dev0", "key": {"pattern": "x*.prod"}`)
	file := filepath.Join(t.TempDir(), "doors.txt")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	h := openFrom(t, file)
	v := h.m.View()
	defer v.Close()
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
