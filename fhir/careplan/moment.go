package careplan

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// moment is a time as a source wrote it: a FHIR date or dateTime of any precision.
type moment struct {
	text string
	at   time.Time // start of the period that text names; zero when text is no time
	day  bool      // only a date (or less) is known
}

// parseMoment reads FHIR date, dateTime and instant. A date without time is taken as the
// Norwegian day's start to within the summer time hour: two hours before midnight UTC, so that
// nothing of that day can stand before it.
func parseMoment(s string) moment {
	m := moment{text: s}
	if len(s) < len("2006") { // nearly always nothing
		return m
	}
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05"} {
		if len(s) > 10 {
			if t, err := time.Parse(layout, s); err == nil {
				m.at = t.UTC()
				return m
			}
		}
	}
	if t, ok := parseDay(s); ok {
		m.at, m.day = t.Add(-2*time.Hour), true
		return m
	}
	for _, layout := range [...]string{"2006-01", "2006"} {
		if len(s) != len(layout) {
			continue
		}
		if t, err := time.Parse(layout, s); err == nil {
			m.at, m.day = t.Add(-2*time.Hour), true
			return m
		}
	}
	return m
}

// parseDay reads a whole date, which nearly all dates are.
func parseDay(s string) (time.Time, bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return time.Time{}, false
	}
	var n [3]int
	for i, part := range [...]string{s[:4], s[5:7], s[8:]} {
		for j := range len(part) {
			if part[j] < '0' || part[j] > '9' {
				return time.Time{}, false
			}
			n[i] = 10*n[i] + int(part[j]-'0')
		}
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], 0, 0, 0, 0, time.UTC)
	return t, t.Month() == time.Month(n[1]) && t.Day() == n[2]
}

// date is the calendar day as written, "" when there is none.
func (m moment) date() string {
	if len(m.text) < 10 || m.at.IsZero() {
		return ""
	}
	return m.text[:10]
}

// effectiveAt is where an event stands among others. A day without a time stands where the
// message was written when that is the same day. A time in the future of its own message was
// planned: it counts from when it was told.
func (m moment) effectiveAt(r *rec) time.Time {
	if m.at.IsZero() {
		return r.order
	}
	if m.day {
		if d := r.order.Sub(m.at); d >= 0 && d < 26*time.Hour {
			return r.order
		}
	}
	return m.at
}

// formatTime writes a time of ours as FHIR instant.
func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// shortID makes an id out of what identifies a thing, the same in every version of the plan.
// 64 bits are enough within one person's plan.
func shortID(prefix string, parts ...string) string {
	h := make([]byte, 0, 128)
	for _, p := range parts {
		h = append(h, p...)
		h = append(h, 0x1f)
	}
	sum := sha256.Sum256(h)
	var room [40]byte // of every prefix that there is
	return string(hex.AppendEncode(append(append(room[:0], prefix...), '-'), sum[:8]))
}
