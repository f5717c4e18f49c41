package rest

import (
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type serverMetrics struct {
	seconds *prometheus.HistogramVec
	bytes   *prometheus.CounterVec
	refused *prometheus.CounterVec
}

func newServerMetrics(reg prometheus.Registerer) *serverMetrics {
	return &serverMetrics{
		seconds: register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "samvirke_rest_request_seconds", Help: "Time from the head of a request to its answer, by party and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5, 30},
		}, []string{"party", "status"})),
		bytes: register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "samvirke_rest_received_bytes", Help: "Bytes of the messages that were kept, by party.",
		}, []string{"party"})),
		refused: register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "samvirke_rest_refused_total", Help: "Requests that were not let in, by reason.",
		}, []string{"reason"})),
	}
}

// observe counts a request; party is "" for callers that were not let in.
func (m *serverMetrics) observe(party string, status int, took time.Duration) {
	m.seconds.WithLabelValues(party, strconv.Itoa(status)).Observe(took.Seconds())
}

func (m *serverMetrics) body(party string, size int64) {
	m.bytes.WithLabelValues(party).Add(float64(size))
}

func (m *serverMetrics) refuse(why string) { m.refused.WithLabelValues(why).Inc() }

// register takes the collector that is already there when two handlers or senders share one registry.
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
