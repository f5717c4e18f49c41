package gateway

import "time"

// Retry says how a transient fault is repeated. Zero fields take the defaults.
type Retry struct {
	First  time.Duration // pause after the first fault; 0 means 1 s
	Max    time.Duration // longest pause; 0 means 5 min
	MaxAge time.Duration // how long a delivery is tried since it was made; 0 means 96 h
}

// Breaker says when a party counts as down. Zero fields take the defaults.
type Breaker struct {
	Failures uint32        // transient faults in a row; 0 means 5
	OpenFor  time.Duration // pause before one delivery is tried; 0 means 5 s
}

func (r Retry) withDefaults() Retry {
	if r.First <= 0 {
		r.First = time.Second
	}
	if r.Max <= 0 {
		r.Max = 5 * time.Minute
	}
	if r.MaxAge <= 0 {
		r.MaxAge = 96 * time.Hour
	}
	return r
}

// pause is the wait before the next try after `attempts` tries: doubling from First to Max, of which a
// random half is taken away so that parties that came back are not hit by all at once.
func (r Retry) pause(attempts int, random func() float64) time.Duration {
	d := r.First
	for i := 1; i < attempts && d < r.Max; i++ {
		d *= 2
	}
	d = min(d, r.Max)
	return d - time.Duration(float64(d)*0.5*random())
}
