package api

import (
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	seconds *prometheus.HistogramVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "samvirke_api_read_seconds", Help: "Time of one read by a system, by party, what was read and status.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5, 30},
	}, []string{"party", "read", "status"})}
	if reg == nil {
		return m
	}
	var have prometheus.AlreadyRegisteredError
	if err := reg.Register(m.seconds); errors.As(err, &have) {
		if old, ok := have.ExistingCollector.(*prometheus.HistogramVec); ok {
			m.seconds = old
		}
	}
	return m
}

// observe counts a read; party is "" for callers that are not known.
func (m *metrics) observe(party, read string, status int, took time.Duration) {
	m.seconds.WithLabelValues(party, read, strconv.Itoa(status)).Observe(took.Seconds())
}
