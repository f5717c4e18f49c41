package main

import (
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke/internal/simulate"
)

// soaked makes the samples of a soak with a kill each five minutes. of says what a process holds after so many seconds of a life, store what
// the store holds.
func soaked(minutes int, of func(life int, up float64) float64, store func(at float64) float64) (out []soakSample) {
	const every, lives = 20.0, 300.0
	for i := 1; i <= minutes*60/int(every); i++ {
		at := float64(i) * every
		life := int(at / lives)
		up := at - float64(life)*lives
		v := of(life, up)
		out = append(out, soakSample{AtS: at, Life: life, UpS: up, LiveMB: v, ResidentMB: 2 * v, Goroutines: 60, Files: 60, StoreMB: store(at)})
	}
	return out
}

func steady(float64) float64 { return 500 }

// filled is what a process holds that grows in its first minute and is collected now and then.
func filled(_ int, up float64) float64 { return 20 + 40*min(up/60, 1) + float64(int(up/20)%3) }

// growing are the figures that grow.
func growing(all []trend) string {
	var out []string
	for _, t := range all {
		if t.Verdict == verdictGrows {
			out = append(out, t.Figure)
		}
	}
	return strings.Join(out, "; ")
}

// TestTrendsOfLives: a leak is found though the process is killed before it is large, and a saw-tooth of lives is none.
func TestTrendsOfLives(t *testing.T) {
	t.Parallel()
	leak := func(life int, up float64) float64 { return filled(life, up) + up/60 }
	for name, c := range map[string]struct {
		samples []soakSample
		want    string
	}{
		"saw-tooth":                {soaked(60, filled, steady), ""},
		"saw-tooth of a short one": {soaked(20, filled, steady), ""},
		"1 MB a minute":            {soaked(60, leak, steady), "live heap MB; resident MB"},
		"1 MB a minute, short":     {soaked(20, leak, steady), "live heap MB; resident MB"},
		"each life on another level": {soaked(60, func(life int, up float64) float64 {
			return filled(life, up) + float64(life*7%5)
		}, steady), ""},
		"each life begins higher": {soaked(60, func(life int, up float64) float64 {
			return filled(life, up) + 3*float64(life)
		}, steady), "live heap MB, life by life; resident MB, life by life"},
		"store": {soaked(60, filled, func(at float64) float64 { return 300 + at/10 }), "store MB"},
	} {
		all := trends(c.samples, 100)
		if got := growing(all); got != c.want {
			t.Errorf("%s: %q grows, want %q: %+v", name, got, c.want, all)
		}
		for _, x := range all {
			if x.Verdict == verdictShort {
				t.Errorf("%s: %+v", name, x)
			}
		}
	}
}

// TestSoakVerdict: a long soak that cannot tell fails, a short one does not, and one that was too slow says so.
func TestSoakVerdict(t *testing.T) {
	t.Parallel()
	whole := soaked(60, filled, steady)
	for name, c := range map[string]struct {
		soak    time.Duration
		samples []soakSample
		rate    float64 // reached, of 100
		wrong   bool
		says    string
	}{
		"well":                   {time.Hour, whole, 99, false, ""},
		"missed scrapes":         {time.Hour, whole[:5], 99, true, "of 180 samples 175 are missing"},
		"no scrape at all":       {20 * time.Minute, nil, 99, true, "of 180 samples 180 are missing"},
		"short":                  {5 * time.Minute, whole[:5], 99, false, ""},
		"slower than asked":      {time.Hour, whole, 94, false, "94.0 messages a second, not at the 100.0"},
		"every third is missing": {time.Hour, thinned(whole), 99, false, ""},
	} {
		r := soakReport{benchReport: benchReport{Rate: 100, LoadReport: simulate.LoadReport{AcceptedPerS: c.rate}},
			Samples: c.samples, Missed: len(whole) - len(c.samples), Trends: trends(c.samples, 100)}
		wrong := r.judge(c.soak)
		if got := strings.Join(r.Verdict, "\n"); wrong > 0 != c.wrong || (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
			t.Errorf("%s: %d are wrong, it says %q", name, wrong, got)
		}
	}
}

func thinned(all []soakSample) (out []soakSample) {
	for i := range all {
		if i%3 > 0 {
			out = append(out, all[i])
		}
	}
	return out
}
