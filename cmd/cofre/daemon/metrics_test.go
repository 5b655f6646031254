package daemon

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"

	"cofre/fsm/model"
)

// TestAlertsNameMetricsThatExist: a rule about a metric that nobody serves never fires.
func TestAlertsNameMetricsThatExist(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../../packaging/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For string
				Annotations      map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(b, &file); err != nil || len(file.Groups) == 0 {
		t.Fatal(err)
	}
	served := names(&metrics{}, newAttempts().took, newAttempts().lost)
	watched := map[string]bool{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" || r.Annotations["summary"] == "" {
				t.Errorf("a rule of %s has no name or no summary: %+v", g.Name, r)
			}
			if _, err := time.ParseDuration(r.For); r.For != "" && err != nil {
				t.Errorf("%s: %v", r.Alert, err)
			}
			found := regexp.MustCompile(`cofre_[a-z_]+`).FindAllString(r.Expr, -1)
			for _, name := range found {
				watched[name] = true
				if base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count"), "_sum"); !slices.Contains(served, base) {
					t.Errorf("%s: nobody serves %s", r.Alert, name)
				}
			}
			if len(found) == 0 {
				t.Errorf("%s looks at no metric of ours", r.Alert)
			}
		}
	}
	for _, name := range []string{"cofre_lease_losses_total", "cofre_receiver_failing_seconds", "cofre_receiver_set_aside_total", "cofre_credentials_out_of_sync", "cofre_dynamic_users_debt"} {
		if !watched[name] {
			t.Errorf("no rule watches %s", name)
		}
	}
}

// names lists what collectors serve.
func names(collectors ...prometheus.Collector) []string {
	to := make(chan *prometheus.Desc, 64)
	for _, c := range collectors {
		c.Describe(to)
	}
	close(to)
	var list []string
	for d := range to {
		_, rest, _ := strings.Cut(d.String(), `fqName: "`)
		name, _, _ := strings.Cut(rest, `"`)
		list = append(list, name)
	}
	return list
}

func TestAttemptsAreMeasured(t *testing.T) {
	t.Parallel()
	a := newAttempts()
	a.ended(&model.Operation{Executor: "ssh", Kind: model.PasswordChange}, model.OutcomeApplied, 1500*time.Millisecond)
	a.ended(&model.Operation{Executor: "ssh", Kind: model.PasswordChange}, model.OutcomeRejected, time.Second)
	registry := prometheus.NewRegistry()
	registry.MustRegister(a.took, a.lost)
	families, err := registry.Gather()
	if err != nil || len(families) != 2 || len(families[0].GetMetric()) != 2 || families[0].GetMetric()[0].GetHistogram().GetSampleSum() != 1.5 {
		t.Errorf("%v: %v", err, families)
	}
}
