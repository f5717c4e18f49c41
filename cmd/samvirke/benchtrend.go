package main

import (
	"context"
	"fmt"
	"math"
	"time"
)

// soakSample is one look at the gateway.
type soakSample struct {
	AtS        float64 `json:"at_s"`
	Life       int     `json:"life"`         // how many times the gateway was killed before
	UpS        float64 `json:"up_s"`         // since the start of this life
	LiveMB     float64 `json:"heap_live_mb"` // at the last collection
	ResidentMB float64 `json:"resident_mb"`
	Goroutines float64 `json:"goroutines"`
	Files      float64 `json:"open_files"`
	StoreMB    float64 `json:"store_mb"`
	Backlog    float64 `json:"backlog"`  // deliveries not yet taken, of all parties
	Accepted   float64 `json:"accepted"` // messages in the life of this process
}

// trend is how one figure went: in the second half of the samples, or of a process that was killed in its lives.
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
	// warmUp is what of each life of a process does not count.
	warmUp = time.Minute
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
		life, up := k.r.Kills, time.Since(k.born)
		k.gateway.Unlock()
		if err != nil {
			if ctx.Err() == nil {
				k.r.Missed++
			}
			continue
		}
		k.r.Samples = append(k.r.Samples, soakSample{
			AtS: time.Since(k.began).Seconds(), Life: life, UpS: up.Seconds(), LiveMB: f.liveMB(), ResidentMB: f.residentMB(), Goroutines: f["go_goroutines"],
			Files: f["process_open_fds"], StoreMB: f.storeMB(), Backlog: f.sum("samvirke_deliveries_waiting"), Accepted: f.sum("samvirke_messages_total"),
		})
	}
}

// trends tells of each figure whether it is flat. perS is how many deliveries a second there are: a backlog of less than a
// few seconds' work is none that could grow by percents.
//
// What a process holds begins anew with each life: a line through several lives would be as flat as their mean whatever leaks in each.
// So it is looked at within the lives, and where there are enough of them from life to life too.
func trends(all []soakSample, perS float64) []trend {
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
	} {
		lives, means := livesOf(all, x.of)
		out = append(out, trendOf(x.name, lives, x.least))
		if len(means) >= minTrend {
			out = append(out, trendOf(x.name+", life by life", [][]point{means}, x.least))
		}
	}
	half := all[len(all)/2:]
	store, backlog := make([]point, len(half)), make([]point, len(half))
	for i := range half {
		store[i], backlog[i] = point{half[i].AtS, half[i].StoreMB}, point{half[i].AtS, half[i].Backlog}
	}
	return append(out, trendOf("store MB", [][]point{store}, 20), trendOf("backlog", [][]point{backlog}, 5*perS))
}

// point is a figure at a time in seconds.
type point struct{ at, value float64 }

// livesOf gives what a figure was in each life after its warm-up, and the means of the lives but the first, in which the store fills. Of a
// process that was never killed only the second half counts.
func livesOf(all []soakSample, of func(*soakSample) float64) (lives [][]point, means []point) {
	if len(all) > 0 && all[0].Life == all[len(all)-1].Life {
		all = all[len(all)/2:]
	}
	for i := range all {
		s := &all[i]
		if s.UpS < warmUp.Seconds() {
			continue
		}
		if len(lives) == 0 || s.Life != all[i-1].Life || all[i-1].UpS < warmUp.Seconds() {
			lives = append(lives, nil)
		}
		last := &lives[len(lives)-1]
		*last = append(*last, point{s.AtS, of(s)})
	}
	for i := 1; i < len(lives); i++ {
		means = append(means, meanOf(lives[i]))
	}
	return lives, means
}

func meanOf(points []point) (m point) {
	for _, p := range points {
		m.at += p.at / float64(len(points))
		m.value += p.value / float64(len(points))
	}
	return m
}

// trendOf lays lines of least squares through the points of lives: all equally steep, each at the height of its life.
func trendOf(name string, lives [][]point, least float64) trend {
	t := trend{Figure: name, Verdict: verdictShort}
	var n int
	var span, xx, xy, yy float64
	for _, life := range lives {
		if len(life) == 0 {
			continue
		}
		m := meanOf(life)
		for _, p := range life {
			xx += (p.at - m.at) * (p.at - m.at)
			xy += (p.at - m.at) * (p.value - m.value)
			yy += (p.value - m.value) * (p.value - m.value)
		}
		t.Mean += m.value * float64(len(life))
		n += len(life)
		span += life[len(life)-1].at - life[0].at
	}
	if n == 0 {
		return t
	}
	t.Mean /= float64(n)
	base, free := max(t.Mean, least), n-len(lives)-1
	if free < 1 || xx == 0 || base == 0 {
		return t
	}
	slope := xy / xx
	const scale = 100 * 3600
	t.PercentPerHour, t.Error = slope/base*scale, math.Sqrt(max(0, yy-slope*xy)/float64(free)/xx)/base*scale
	if n < minTrend || span < minTrendTime.Seconds() {
		return t
	}
	// It grows when it is unlikely that the line is as steep by chance.
	if t.Verdict = verdictFlat; t.PercentPerHour-2*t.Error > flatPercent {
		t.Verdict = verdictGrows
	}
	return t
}

// judge says in words what is wrong with a soak, and how much of it is a failure. Of a long one that nothing can be told is one too.
func (r *soakReport) judge(soak time.Duration) (wrong int64) {
	say := func(format string, args ...any) { r.Verdict = append(r.Verdict, fmt.Sprintf(format, args...)) }
	for _, t := range r.Trends {
		switch {
		case t.Verdict == verdictGrows:
			say("%s grows by %.0f %% an hour", t.Figure, t.PercentPerHour)
			wrong++
		case t.Verdict == verdictShort && soak >= soakTells:
			say("%s: nothing can be told, of %d samples %d are missing", t.Figure, len(r.Samples)+r.Missed, r.Missed)
			wrong++
		}
	}
	if r.AcceptedPerS < soakRate*r.Rate {
		say("it ran at %.1f messages a second, not at the %.1f that were asked for: what is flat here may grow there", r.AcceptedPerS, r.Rate)
	}
	return wrong
}
