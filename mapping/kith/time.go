package kith

import (
	"strconv"
	"strings"
	"time"
)

// timeScalar is a date or time. FHIR wants a zone and seconds with every time of day; what
// the source had instead stands in ExtLexical:
//
//	local          no zone: Norwegian local time
//	minutes        no seconds; local-minutes: neither
//	zone:+01:00    a date with a zone
//	midnight       24:00:00, and
//	compact        without separators (see expand), each joined to the others by "-"
//
// level says which FHIR type takes the value.
type timeScalar struct{ level timeLevel }

type timeLevel uint8

const (
	levelDate timeLevel = iota
	levelDateTime
	levelInstant
)

func (k timeScalar) kind() string {
	return [...]string{"date", "dateTime", "instant"}[k.level]
}

func (k timeScalar) read(t string) (string, string, bool) {
	t = strings.TrimSpace(t)
	packed := ""
	if full, ok := expand(t); ok {
		t, packed = full, "compact"
	}
	date, clock, hasClock := strings.Cut(t, "T")
	if !hasClock {
		if k.level == levelInstant {
			return "", "", false
		}
		if isDate(t) {
			return t, packed, true
		}
		if d, zone := splitZone(t); zone != "" && len(d) == 10 && isDate(d) && isZone(zone) {
			return d, joined(packed, "zone:"+zone), true
		}
		return "", "", false
	}
	if k.level == levelDate || len(date) != 10 || !isDate(date) {
		return "", "", false
	}
	hms, zone := splitZone(clock)
	form := ""
	if len(hms) == 5 {
		hms, form = hms+":00", "minutes"
	}
	if endOfDay(hms) {
		next, ok := dayAfter(date, 1)
		if !ok {
			return "", "", false
		}
		date, hms, form = next, "00"+hms[2:], joined("midnight", form)
	}
	if !isClock(hms) || zone != "" && !isZone(zone) {
		return "", "", false
	}
	form = joined(packed, form)
	if zone == "" {
		zone = osloOffset(date, hms)
		form = joined("local", form)
	}
	if form == "" {
		return t, "", true // a FHIR time as it stands
	}
	return date + "T" + hms + zone, form, true
}

func (k timeScalar) write(v, form string) string {
	date, clock, hasClock := strings.Cut(v, "T")
	packed := strings.Contains(form, "compact")
	if !hasClock {
		_, zone, _ := strings.Cut(form, "zone:")
		if len(v) != 10 {
			return v
		}
		if packed {
			v, _ = packedTime(v, "", "")
		}
		return v + zone
	}
	hms, zone := splitZone(clock)
	if strings.HasPrefix(form, "local") && zone != "" {
		if zone != osloOffset(date, hms) {
			date, hms = toOslo(v, date, hms)
		}
		zone = ""
	}
	if strings.Contains(form, "midnight") && endOfDay("24"+strings.TrimPrefix(hms, "00")) {
		if day, ok := dayAfter(date, -1); ok {
			date, hms = day, "24"+hms[2:]
		}
	}
	if strings.HasSuffix(form, "minutes") && len(hms) == 8 {
		hms = strings.TrimSuffix(hms, ":00")
	}
	if packed {
		if s, ok := packedTime(date, hms, zone); ok {
			return s
		}
	}
	return date + "T" + hms + zone
}

// isDate takes YYYY, YYYY-MM and YYYY-MM-DD.
func isDate(s string) bool {
	switch len(s) {
	case 4:
		return allDigits(s) && s != "0000"
	case 7:
		return isDate(s[:4]) && s[4] == '-' && within(s[5:7], 1, 12)
	case 10:
		return isDate(s[:7]) && s[7] == '-' && within(s[8:10], 1, 31)
	}
	return false
}

// isClock takes hh:mm:ss and hh:mm:ss.fraction.
func isClock(s string) bool {
	if len(s) < 8 || s[2] != ':' || s[5] != ':' {
		return false
	}
	if !within(s[0:2], 0, 23) || !within(s[3:5], 0, 59) || !within(s[6:8], 0, 59) {
		return false
	}
	return len(s) == 8 || s[8] == '.' && allDigits(s[9:])
}

func isZone(s string) bool {
	return s == "Z" || len(s) == 6 && (s[0] == '+' || s[0] == '-') && s[3] == ':' && (within(s[1:3], 0, 13) && within(s[4:6], 0, 59) || s[1:] == "14:00")
}

func within(s string, least, most int) bool {
	n, err := strconv.Atoi(s)
	return err == nil && allDigits(s) && n >= least && n <= most
}

// splitZone cuts a zone off the end of a date or a time of day.
func splitZone(s string) (rest, zone string) {
	if strings.HasSuffix(s, "Z") {
		return s[:len(s)-1], "Z"
	}
	if n := len(s) - 6; n >= 5 && (s[n] == '+' || s[n] == '-') && s[n+3] == ':' {
		return s[:n], s[n:]
	}
	return s, ""
}

// osloOffset gives the offset of Norwegian local time. In the hour that autumn has twice it is the
// first, summer time's; in the hour that spring leaves out, winter time's.
//
// Summer time has run from the last Sunday of March since 1981, and until the last Sunday of
// September, from 1996 on of October. It is computed here so that it does not depend on a zone database.
func osloOffset(date, hms string) string {
	if len(date) != len(time.DateOnly) { // a value from elsewhere that is no date
		return "+01:00"
	}
	year, _ := strconv.Atoi(date[:4])
	if year < 1981 {
		return "+01:00"
	}
	end := time.October
	if year < 1996 {
		end = time.September
	}
	month, _ := strconv.Atoi(date[5:7])
	switch m := time.Month(month); {
	case m < time.March || m > end:
		return "+01:00"
	case m > time.March && m < end:
		return "+02:00"
	}
	// The changes are at three o'clock of a last Sunday.
	change := lastSunday(year, time.Month(month))
	late := date > change || date == change && hms >= "03:00:00"
	if late == (time.Month(month) == time.March) {
		return "+02:00"
	}
	return "+01:00"
}

// twice tells whether a local time stands in the hour that autumn has twice.
func twice(date, hms string) bool {
	year, _ := strconv.Atoi(date[:4])
	end := time.October
	if year < 1996 {
		end = time.September
	}
	return year >= 1981 && date == lastSunday(year, end) && strings.HasPrefix(hms, "02:")
}

func lastSunday(year int, m time.Month) string {
	last := time.Date(year, m+1, 0, 0, 0, 0, 0, time.UTC)
	day := last.Day() - int(last.Weekday())
	return strconv.Itoa(year) + "-" + two(int(m)) + "-" + two(day)
}

func two(n int) string {
	if n < 10 {
		return "0" + strconv.Itoa(n)
	}
	return strconv.Itoa(n)
}

// toOslo converts a time with another zone to Norwegian local time.
func toOslo(v, date, hms string) (string, string) {
	t, err := time.Parse(time.RFC3339Nano, v)
	if err != nil {
		return date, hms
	}
	t = t.UTC().Add(time.Hour)
	d, c := t.Format(time.DateOnly), t.Format("15:04:05.999999999")
	if summer := t.Add(time.Hour); osloOffset(summer.Format(time.DateOnly), summer.Format(time.TimeOnly)) == "+02:00" {
		d, c = summer.Format(time.DateOnly), summer.Format("15:04:05.999999999")
	}
	return d, c
}

// timeOf gives the point in time of a text that timeScalar reads; false for anything else.
// A date is midnight in Norway.
func timeOf(text string) (time.Time, bool) {
	s, _, ok := (timeScalar{levelDateTime}).read(text)
	if !ok {
		return time.Time{}, false
	}
	if !strings.Contains(s, "T") {
		if len(s) != 10 {
			return time.Time{}, false
		}
		s += "T00:00:00" + osloOffset(s, "00:00:00")
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, false
	}
	return t, true
}
