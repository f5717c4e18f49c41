package kith

import "strings"

// edgeNote says what is peculiar about a local time at a change of the clock: it stands in the hour that
// autumn has twice, or in the one that spring leaves out. "" for any other text.
func edgeNote(text string) string {
	text, _ = expand(strings.TrimSpace(text))
	d, c, ok := strings.Cut(text, "T")
	if !ok || len(d) != 10 || len(c) < 5 || !strings.HasPrefix(c, "02:") || strings.ContainsAny(c, "Z+-") || !isDate(d) {
		return ""
	}
	switch {
	case twice(d, c):
		return "local time in the hour that autumn has twice; the first is taken"
	case skipped(d, c):
		return "local time in the hour that spring leaves out; winter time is taken, so it is an hour later by the clock"
	}
	return ""
}

// skipped tells whether a local time stands in the hour that spring leaves out.
func skipped(date, hms string) bool {
	return date >= "1981" && date[5:7] == "03" && strings.HasPrefix(hms, "02:") && date == lastSunday(yearOf(date), 3)
}

// yearOf is the year of a date, which has four digits.
func yearOf(date string) int {
	n := 0
	for i := range 4 {
		n = 10*n + int(date[i]-'0')
	}
	return n
}
