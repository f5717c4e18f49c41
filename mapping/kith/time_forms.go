package kith

import (
	"strings"
	"time"
)

// Two ways of writing a time that the schemas let through and FHIR does not know. Both are read as what
// they say, and ExtLexical keeps how they were written:
//
//	midnight   24:00:00, which is 00:00:00 of the next day (xs:dateTime)
//	compact    YYYYMMDD[hhmm[ss]] as in HL7 v2; a schema that takes a year takes it for one

// expand gives a compact time with its separators: 20260110221500 becomes 2026-01-10T22:15:00.
func expand(t string) (string, bool) {
	d, zone := splitZone(t)
	if n := len(d); n != 8 && n != 12 && n != 14 || !allDigits(d) {
		return t, false
	}
	out := d[:4] + "-" + d[4:6] + "-" + d[6:8]
	if len(d) == 8 {
		return out + zone, true
	}
	out += "T" + d[8:10] + ":" + d[10:12]
	if len(d) == 14 {
		out += ":" + d[12:]
	}
	return out + zone, true
}

// packedTime undoes expand for a date and a time of day, which may be "".
func packedTime(date, hms, zone string) (string, bool) {
	if len(date) != 10 || strings.Contains(hms, ".") {
		return "", false
	}
	return strings.ReplaceAll(date, "-", "") + strings.ReplaceAll(hms, ":", "") + zone, true
}

// endOfDay tells whether a time of day with seconds is 24:00:00, with a fraction of zeros or without.
func endOfDay(hms string) bool {
	rest, ok := strings.CutPrefix(hms, "24:00:00")
	return ok && (rest == "" || len(rest) > 1 && rest[0] == '.' && strings.Trim(rest[1:], "0") == "")
}

// dayAfter gives the date that lies so many days later; false for what is no day of the calendar.
func dayAfter(date string, days int) (string, bool) {
	d, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return "", false
	}
	d = d.AddDate(0, 0, days)
	return d.Format(time.DateOnly), d.Year() > 0 && d.Year() < 10000
}

// joined puts the parts of a lexical form together.
func joined(form, part string) string {
	if form == "" || part == "" {
		return form + part
	}
	return form + "-" + part
}

// normalTime gives a time as FHIR writes it; a text that cannot be read stays as it is.
func normalTime(text string) string {
	if v, _, ok := (timeScalar{levelDateTime}).read(text); ok {
		return v
	}
	return text
}

// isTime tells whether a text is a date or time at all; a field for a day may still have no room for it.
func isTime(text string) bool {
	_, _, ok := (timeScalar{levelDateTime}).read(text)
	return ok
}
