package folder

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	seconds *prometheus.HistogramVec
	waiting *prometheus.GaugeVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	return &metrics{
		seconds: register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "samvirke_folder_take_seconds", Help: "Time from claiming a file to its place in done or errors, by party and outcome.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5, 30, 300},
		}, []string{"party", "outcome"})),
		waiting: register(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "samvirke_folder_waiting", Help: "Files seen in the last scan that are not taken yet, by party.",
		}, []string{"party"})),
	}
}

func (m *metrics) done(party, outcome string, took time.Duration) {
	m.seconds.WithLabelValues(party, outcome).Observe(took.Seconds())
}

// register takes the collector that is already there when several sources share one registry.
func register[C prometheus.Collector](reg prometheus.Registerer, c C) C {
	if reg == nil {
		return c
	}
	var have prometheus.AlreadyRegisteredError
	if err := reg.Register(c); errors.As(err, &have) {
		if old, ok := have.ExistingCollector.(C); ok {
			return old
		}
	}
	return c
}
