package operator

import (
	"encoding/json"
	"strings"
	"testing"

	"cofre/cmd/cofre/daemon"
	"cofre/fsm/model"
	"cofre/httpapi/automation"
)

// TestParameters: every parameter of the vendor's page stands in the status, in words and in JSON, as it is in force.
func TestParameters(t *testing.T) {
	t.Parallel()
	settings := model.DefaultAutomation()
	at := model.Time(1_767_225_600_000)
	now := &automation.Now{Automation: model.Automation{Settings: settings, Hour: model.HourOf(at), Started: 7}, Due: 3, Credentials: 1000}
	show := func(inForce bool) string {
		v := automation.ViewOf(now, at)
		return strings.Join(parameters(&daemon.Status{Automation: &v, Approval: &daemon.Approval{InForce: inForce, Levels: 2}}), "\n")
	}
	want := `automation running    3 changes due    7 started in this hour, 243 more may
execution parameters: attempts 5, interval 10s, after errors 24h    timeouts: connection of each executor, readout of each executor    records a cycle 10000    hours always open
templates: a new version is in force at once, until two authorizations may approve (template.approve)`
	if got := show(false); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	now.Settings.Attempts, now.Settings.RetryInterval, now.Settings.ConnectTimeout, now.Settings.ReadTimeout, now.Settings.Records = 3, 0, 5000, 300_000, 500
	now.Settings.Window = model.Window{Hours: []model.HourSpan{{From: 22, To: 6}}, Zone: "America/Sao_Paulo"}
	now.Stopped, now.Reason = at, "20 changes failed in a row"
	got := show(true)
	for _, part := range []string{"automation stopped (20 changes failed in a row) since 2026-01-01", "attempts 3, interval none,", "connection 5s, readout 5m", "records a cycle 500", "22-6 America/Sao_Paulo", "needs 2 approvals by others"} {
		if !strings.Contains(got, part) {
			t.Errorf("no %q in\n%s", part, got)
		}
	}
	v := automation.ViewOf(now, at)
	b, err := json.Marshal(daemon.Status{Automation: &v, Approval: &daemon.Approval{InForce: true, Levels: 2}})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{`"attempts":3`, `"retry_interval":`, `"error_interval":`, `"connect_timeout":`, `"read_timeout":`, `"records":500`, `"window":{`, `"template_approval":{"in_force":true,"levels":2}`} {
		if !strings.Contains(string(b), name) {
			t.Errorf("no %s in %s", name, b)
		}
	}
}
