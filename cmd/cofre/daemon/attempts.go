package daemon

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cofre/fsm/model"
)

// attempts measures what this node's slots do, for Prometheus.
type attempts struct {
	took *prometheus.HistogramVec
	lost prometheus.Counter
}

func newAttempts() attempts {
	return attempts{
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cofre_attempt_seconds", Help: "How long attempts of operations took on this node, from the lease to the result.",
			Buckets: []float64{0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300},
		}, []string{"executor", "kind", "outcome"}),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cofre_lease_losses_total", Help: "Attempts whose result came after their lease had been taken back.",
		}),
	}
}

func (a attempts) ended(o *model.Operation, outcome model.Outcome, took time.Duration) {
	a.took.WithLabelValues(string(o.Executor), string(o.Kind), outcome.String()).Observe(took.Seconds())
}
