package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"cofre/fsm/authz"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/scheduler/ops"
)

// summaryAge is how long the numbers that need every credential are used again.
const summaryAge = 15 * time.Second

// metrics shows what this node knows to Prometheus. No label holds the name of an account, a device or a person.
type metrics struct {
	m *member

	mu   sync.Mutex // guards what follows
	last *ops.Summary
	at   time.Time
}

func metric(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("cofre_"+name, help, labels, nil)
}

var (
	metricReady       = metric("ready", "1 if this node serves requests.")
	metricSealed      = metric("sealed", "1 if the vault is sealed on this node.")
	metricLeader      = metric("leader", "1 if this node leads the cluster.")
	metricApplied     = metric("applied_index", "Log index that this node has applied.")
	metricOperations  = metric("operations_open", "Operations that are not final.", "state", "kind", "executor")
	metricWaiting     = metric("operations_oldest_waiting_seconds", "How long the operation that waits longest could have begun already.")
	metricToday       = metric("operations_finished_today", "Operations that ended since midnight UTC, without those that change nothing, such as verifications.", "outcome")
	metricCredentials = metric("credentials", "Enabled credentials by what policies do with them.", "state")
	metricOutOfSync   = metric("credentials_out_of_sync", "Credentials of which no known password logs in.")
	metricBehind      = metric("receiver_behind_events", "Events of the trail that a receiver has not been given yet.", "receiver")
	metricFailing     = metric("receiver_failing_seconds", "For how long sending to a receiver has failed; 0 if it works.", "receiver")
	metricSent        = metric("receiver_sent_total", "Events that a receiver took since the start.", "receiver")
	metricAside       = metric("receiver_set_aside_total", "Events since the start that a receiver of results kept refusing while it took others.", "receiver")
	metricOpenDebt    = metric("accounts_open_debt", "Accounts whose inactivation after the last session keeps failing.")
	metricOrphans     = metric("dynamic_users_orphans", "Accounts found on targets that a profile of dynamic users made and no dynamic user owns.")
	metricDebt        = metric("dynamic_users_debt", "Dynamic users whose removal keeps failing.")
	metricStopped     = metric("automation_stopped", "1 if nothing is changed automatically any more until somebody resumes.")
	metricShut        = metric("dynamic_users_shut_devices", "Devices that get no new dynamic users, because too many could not be removed there.")
)

// Describe implements prometheus.Collector.
func (s *metrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{metricReady, metricSealed, metricLeader, metricApplied, metricOperations, metricWaiting, metricToday, metricCredentials, metricOutOfSync, metricDebt, metricShut, metricStopped, metricOrphans, metricOpenDebt, metricBehind, metricFailing, metricSent, metricAside} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (s *metrics) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	status := s.m.healthStatus()
	gauge(metricReady, number(status.Reason() == ""))
	gauge(metricSealed, number(status.Sealed))
	gauge(metricLeader, number(status.Leader == s.m.id() && status.Leader != ""))
	gauge(metricApplied, float64(s.m.fsm.Applied()))
	now := time.Now()
	sum := s.summary(now)
	for _, o := range sum.Open {
		gauge(metricOperations, float64(o.N), o.State.String(), string(o.Kind), string(o.Executor))
	}
	waiting := 0.0
	if sum.Oldest != 0 {
		waiting = max(0, now.Sub(sum.Oldest.Std()).Seconds())
	}
	gauge(metricWaiting, waiting)
	today := sum.Days[len(sum.Days)-1]
	for outcome, n := range map[string]int{"succeeded": today.Succeeded, "failed": today.Failed, "cancelled": today.Cancelled} {
		gauge(metricToday, float64(n), outcome)
	}
	c := sum.All
	for st, n := range map[string]int{"not_managed": c.NotManaged, "updated": c.Updated, "expired": c.Expired, "waiting": c.Waiting, "error": c.Failed} {
		gauge(metricCredentials, float64(n), st)
	}
	gauge(metricOutOfSync, float64(sum.OutOfSync))
	gauge(metricDebt, float64(sum.Debt))
	orphans, shut, stopped := s.found()
	gauge(metricOrphans, float64(orphans))
	gauge(metricShut, float64(shut))
	gauge(metricStopped, number(stopped))
	gauge(metricOpenDebt, float64(sum.OpenDebt))
	s.receivers(to, now)
}

func (s *metrics) found() (orphans, shut int, stopped bool) {
	v := s.m.fsm.View()
	defer v.Close()
	a := state.Automation(v)
	return state.OrphanCount(v), state.ShutDevices(v), a.Stopped != 0
}

// receivers tells how far the receivers of the trail are behind.
func (s *metrics) receivers(to chan<- prometheus.Metric, now time.Time) {
	f := s.m.echoes.Load()
	if f == nil {
		return
	}
	last := trailReader{s.m.fsm}.Last()
	for _, r := range f.Status() {
		behind, failing := 0.0, 0.0
		if r.Position < last {
			behind = float64(last - r.Position)
		}
		if r.Error != "" {
			failing = now.Sub(r.Since).Seconds()
		}
		to <- prometheus.MustNewConstMetric(metricBehind, prometheus.GaugeValue, behind, r.Name)
		to <- prometheus.MustNewConstMetric(metricFailing, prometheus.GaugeValue, failing, r.Name)
		to <- prometheus.MustNewConstMetric(metricSent, prometheus.CounterValue, float64(r.Sent), r.Name)
		to <- prometheus.MustNewConstMetric(metricAside, prometheus.CounterValue, float64(r.Aside), r.Name)
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (s *metrics) summary(now time.Time) *ops.Summary {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil || now.Sub(s.at) > summaryAge {
		v := s.m.fsm.View()
		s.last, s.at = ops.Summarize(v, model.TimeOf(now), 1, func(*authz.Object) bool { return true }), now
		v.Close()
	}
	return s.last
}

// serveMetrics answers Prometheus until ctx ends. It is off unless an address is set: whoever reaches it reads the numbers.
func (m *member) serveMetrics(ctx context.Context) error {
	if m.config.Metrics == "" {
		return nil
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(&metrics{m: m}, m.attempts.took, m.attempts.lost, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 2, Timeout: 20 * time.Second}))
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", m.config.Metrics)
	if err != nil {
		return fmt.Errorf("listen for metrics: %w", err)
	}
	m.part("metrics").WithField("address", ln.Addr().String()).Info("metrics are served")
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return ctx.Err()
}
