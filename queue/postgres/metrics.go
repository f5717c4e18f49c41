package postgres

import (
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/samvirke/samvirke/queue"
)

// meters are the figures of the store. Its counts work without a registerer too: Stats reads them.
type meters struct {
	mu            sync.Mutex
	groups, units int64
	seconds       float64

	groupSize, commitSeconds prometheus.Histogram
	all                      []prometheus.Collector
}

func newMeters(reg prometheus.Registerer, s *Store) (*meters, error) {
	m := &meters{
		groupSize: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "samvirke_store_group_units",
			Help: "Units committed by one sync.", Buckets: prometheus.ExponentialBuckets(1, 2, 11)}),
		commitSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "samvirke_store_commit_seconds",
			Help:    "Time from taking up a group to its sync.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 13), NativeHistogramBucketFactor: 1.1}),
	}
	if reg == nil {
		return m, nil
	}
	m.all = []prometheus.Collector{m.groupSize, m.commitSeconds,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "samvirke_store_bytes",
			Help: "Size of the store on disk."}, func() float64 { return float64(s.size.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "samvirke_store_reusable_bytes",
			Help: "Bytes of samvirke_store_bytes that stand empty and take the next rows; the disk budget does not count them."},
			func() float64 { return float64(s.reusable.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "samvirke_store_unaccounted_messages",
			Help: "Conservation: messages ever accepted minus the sum of all statuses; anything but 0 is a fault."},
			func() float64 { return float64(s.unaccounted.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "samvirke_store_gateways",
			Help: "Gateways that were alive on this database at the last sign of life, this one too."},
			func() float64 { return float64(s.gateways.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "samvirke_store_damaged_bodies",
			Help: "Stored bodies that the check of integrity could not read; anything but 0 is a fault."},
			func() float64 { return float64(s.damaged.Load()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "samvirke_store_pressed_bytes_total",
			Help: "Bytes of bodies, records and plans that this gateway made smaller because they had aged."},
			func() float64 { return float64(s.pressedFrom.Load()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "samvirke_store_pressed_into_bytes_total",
			Help: "Bytes that samvirke_store_pressed_bytes_total became."},
			func() float64 { return float64(s.pressedTo.Load()) }),
	}
	for i, c := range m.all {
		if err := reg.Register(c); err != nil {
			for _, done := range m.all[:i] {
				reg.Unregister(done)
			}
			return nil, errors.Join(errors.New("register store metrics"), err)
		}
	}
	return m, nil
}

// close takes the metrics away, so that a store can be opened again in the same process.
func (m *meters) close(reg prometheus.Registerer) {
	for _, c := range m.all {
		reg.Unregister(c)
	}
}

// measure notes one group; one in which every unit broke a rule wrote nothing and is none.
func (s *Store) measure(units int, took time.Duration) {
	m := s.meters
	if units == 0 {
		return
	}
	m.groupSize.Observe(float64(units))
	m.commitSeconds.Observe(took.Seconds())
	m.mu.Lock()
	defer m.mu.Unlock()
	m.groups++
	m.units += int64(units)
	m.seconds += took.Seconds()
}

func (m *meters) stats(st *queue.Stats) {
	m.mu.Lock()
	defer m.mu.Unlock()
	st.Groups, st.Units, st.CommitSeconds = m.groups, m.units, m.seconds
}
