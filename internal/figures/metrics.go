package figures

import "github.com/prometheus/client_golang/prometheus"

// Collector gives the figures of all municipalities and months to Prometheus; counts that are not told are left out.
type Collector struct {
	counter *Counter
	count   *prometheus.Desc
	mean    *prometheus.Desc
}

// NewCollector makes the metrics samvirke_figure_count and samvirke_figure_mean_seconds by figure and class, both
// from closed sets.
func NewCollector(c *Counter) *Collector {
	labels := []string{"figure", "class"}
	return &Collector{counter: c,
		count: prometheus.NewDesc("samvirke_figure_count", "Outcome figures: how many, since counting began.", labels, nil),
		mean:  prometheus.NewDesc("samvirke_figure_mean_seconds", "Outcome figures: mean wait, since counting began.", labels, nil)}
}

// Describe tells the metrics.
func (c *Collector) Describe(to chan<- *prometheus.Desc) { to <- c.count; to <- c.mean }

// Collect gives the figures of the last count.
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	r := c.counter.Report()
	for _, d := range Definitions() {
		month := All
		if d.Kind == State {
			month = ""
		}
		for _, x := range r.Of(d.Figure, month, All) {
			if x.Few {
				continue
			}
			to <- prometheus.MustNewConstMetric(c.count, prometheus.GaugeValue, float64(x.N), string(x.Figure), x.Class)
			if d.Kind == Wait {
				to <- prometheus.MustNewConstMetric(c.mean, prometheus.GaugeValue, x.Mean.Seconds(), string(x.Figure), x.Class)
			}
		}
	}
}
