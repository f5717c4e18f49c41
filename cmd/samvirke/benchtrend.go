package main

import (
	"context"
	"math"
	"time"
)

// soakSample is one look at the gateway.
type soakSample struct {
	AtS        float64 `json:"at_s"`
	LiveMB     float64 `json:"heap_live_mb"` // at the last collection
	ResidentMB float64 `json:"resident_mb"`
	Goroutines float64 `json:"goroutines"`
	Files      float64 `json:"open_files"`
	StoreMB    float64 `json:"store_mb"`
	Backlog    float64 `json:"backlog"`  // deliveries not yet taken, of all parties
	Accepted   float64 `json:"accepted"` // messages in the life of this process
}

// trend is how one figure went in the second half of the samples.
type trend struct {
	Figure string  `json:"figure"`
	Mean   float64 `json:"mean"`
	// PercentPerHour is the slope of the line through the samples, over the mean; Error is its standard error, in the same unit.
	PercentPerHour float64 `json:"percent_per_hour"`
	Error          float64 `json:"error_percent_per_hour"`
	Verdict        string  `json:"verdict"`
}

// What a trend can be. One that falls is flat: nothing fills up.
const (
	verdictFlat  = "flat"
	verdictGrows = "grows"
	// verdictShort says that there are too few samples to tell.
	verdictShort = "too short to tell"
)

const (
	// flatPercent is the growth up to which a figure counts as flat. Unit: percent an hour.
	flatPercent = 10
	// minTrend is how many samples a trend needs, minTrendTime what time they must span: what a process does in its first
	// minutes is no trend.
	minTrend     = 8
	minTrendTime = 5 * time.Minute
)

// sampling looks at the gateway until ctx ends. While it is down it is looked at as soon as it is back.
func (k *soak) sampling(ctx context.Context) {
	t := time.NewTicker(k.c.Sample)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		k.gateway.Lock()
		f, err := scrape(ctx, k.x.gateways[0].addr)
		k.gateway.Unlock()
		if err != nil {
			continue // a sample is missing in the table
		}
		k.r.Samples = append(k.r.Samples, soakSample{
			AtS: time.Since(k.began).Seconds(), LiveMB: f.liveMB(), ResidentMB: f.residentMB(), Goroutines: f["go_goroutines"],
			Files: f["process_open_fds"], StoreMB: f.storeMB(), Backlog: f.sum("samvirke_deliveries_waiting"), Accepted: f.sum("samvirke_messages_total"),
		})
	}
}

// trends tells of each figure whether it is flat. perS is how many deliveries a second there are: a backlog of less than a
// few seconds' work is none that could grow by percents.
func trends(all []soakSample, perS float64) []trend {
	half := all[len(all)/2:]
	at := make([]float64, len(half))
	for i := range half {
		at[i] = half[i].AtS
	}
	var out []trend
	for _, x := range []struct {
		name  string
		least float64 // means below that count as that
		of    func(*soakSample) float64
	}{
		{"live heap MB", 10, func(s *soakSample) float64 { return s.LiveMB }},
		{"resident MB", 20, func(s *soakSample) float64 { return s.ResidentMB }},
		{"goroutines", 50, func(s *soakSample) float64 { return s.Goroutines }},
		{"open files", 50, func(s *soakSample) float64 { return s.Files }},
		{"store MB", 20, func(s *soakSample) float64 { return s.StoreMB }},
		{"backlog", 5 * perS, func(s *soakSample) float64 { return s.Backlog }},
	} {
		values := make([]float64, len(half))
		for i := range half {
			values[i] = x.of(&half[i])
		}
		out = append(out, trendOf(x.name, at, values, x.least))
	}
	return out
}

// trendOf lays the line of least squares through values at times in seconds.
func trendOf(name string, at, values []float64, least float64) trend {
	t := trend{Figure: name, Verdict: verdictShort}
	n := float64(len(at))
	if n == 0 {
		return t
	}
	var meanAt float64
	for i := range at {
		meanAt += at[i] / n
		t.Mean += values[i] / n
	}
	var xx, xy, rest float64
	for i := range at {
		xx += (at[i] - meanAt) * (at[i] - meanAt)
		xy += (at[i] - meanAt) * (values[i] - t.Mean)
	}
	base := max(t.Mean, least)
	if n < 3 || xx == 0 || base == 0 {
		return t
	}
	slope := xy / xx
	for i := range at {
		d := values[i] - t.Mean - slope*(at[i]-meanAt)
		rest += d * d
	}
	const scale = 100 * 3600
	t.PercentPerHour, t.Error = slope/base*scale, math.Sqrt(rest/(n-2)/xx)/base*scale
	if n < minTrend || at[len(at)-1]-at[0] < minTrendTime.Seconds() {
		return t
	}
	// It grows when it is unlikely that the line is as steep by chance.
	if t.Verdict = verdictFlat; t.PercentPerHour-2*t.Error > flatPercent {
		t.Verdict = verdictGrows
	}
	return t
}
