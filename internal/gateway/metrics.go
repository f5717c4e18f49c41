package gateway

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/samvirke/samvirke"
)

// metrics are the gateway's own; those that are totals of the store are read from it at scrape time.
type metrics struct {
	g        *Gateway
	messages *prometheus.CounterVec
	endToEnd prometheus.Histogram
	dues     *prometheus.CounterVec

	waiting, oldest, awaited, overdue, breaker, conservation, unprocessed *prometheus.Desc
}

const scrapeTimeout = 5 * time.Second

func newMetrics(r prometheus.Registerer, g *Gateway) *metrics {
	m := &metrics{
		g: g,
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "samvirke_messages_total", Help: "Incoming messages by kind, sending party and outcome.",
		}, []string{"kind", "party", "outcome"}),
		endToEnd: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "samvirke_delivery_seconds", Help: "Time from the making of a delivery until it was confirmed.",
			Buckets: []float64{.002, .005, .01, .02, .05, .1, .2, .5, 1, 5, 30, 300, 3600, 86400, 345600},
		}),
		dues: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "samvirke_plan_dues_total", Help: "Clocks of plans that ran out, by rule.",
		}, []string{"rule"}),
		waiting:      prometheus.NewDesc("samvirke_deliveries_waiting", "Deliveries not yet taken by the party.", []string{"party"}, nil),
		oldest:       prometheus.NewDesc("samvirke_oldest_waiting_seconds", "Age of the oldest delivery not yet taken.", []string{"party"}, nil),
		awaited:      prometheus.NewDesc("samvirke_receipts_awaited", "Deliveries sent whose application receipt has not come.", []string{"party"}, nil),
		overdue:      prometheus.NewDesc("samvirke_receipts_overdue", "Deliveries whose application receipt is overdue, at most 500 counted per party.", []string{"party"}, nil),
		breaker:      prometheus.NewDesc("samvirke_party_up", "1 when the party's breaker is closed.", []string{"party"}, nil),
		unprocessed:  prometheus.NewDesc("samvirke_messages_unprocessed", "Messages kept and not yet processed.", nil, nil),
		conservation: prometheus.NewDesc("samvirke_conservation_difference", "Messages accepted minus messages accounted for; anything but 0 is an alarm.", nil, nil),
	}
	if r != nil {
		r.MustRegister(m.messages, m.endToEnd, m.dues, m)
	}
	return m
}

func (m *metrics) message(kind, party, outcome string) {
	m.messages.WithLabelValues(kindLabel(kind), party, outcome).Inc()
}

func (m *metrics) due(rule string) { m.dues.WithLabelValues(rule).Inc() }

// kindLabel closes the label set: a kind somebody invents must not become a time series.
func kindLabel(kind string) string {
	if k, ok := samvirke.KindOf(kind); ok {
		return k.Code
	}
	return "other"
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.waiting, m.oldest, m.awaited, m.overdue, m.breaker, m.conservation, m.unprocessed} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	st, err := m.g.store.Stats(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(m.conservation, err)
		return
	}
	var sum int64
	for _, n := range st.Messages {
		sum += n
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(m.conservation, float64(st.Accepted-sum))
	gauge(m.unprocessed, float64(st.Messages[samvirke.MessageReceived]))
	now := m.g.now()
	for _, id := range m.g.order {
		s := m.g.parties[id].state(st)
		gauge(m.waiting, float64(s.Waiting), id)
		age := 0.0
		if !s.Oldest.IsZero() {
			age = max(0, now.Sub(s.Oldest).Seconds())
		}
		gauge(m.oldest, age, id)
		gauge(m.awaited, float64(s.Awaited), id)
		up := 0.0
		if s.Breaker == "closed" {
			up = 1
		}
		gauge(m.breaker, up, id)
		gauge(m.overdue, float64(m.g.overdue(ctx, id)), id)
	}
}
