package reading

import (
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // pages show Norwegian time also on machines without a zone database
)

// oslo is the zone of the pages; the database is embedded, so it always loads.
func oslo() *time.Location {
	l, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		return time.UTC
	}
	return l
}

var dateShape = regexp.MustCompile(`^\d{4}(-\d{2}(-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?)?)?$`)

var months = []string{"januar", "februar", "mars", "april", "mai", "juni", "juli", "august", "september", "oktober", "november", "desember"}

// moment shows a date or time as Norwegians write it, as precise as it is: "2018", "januar 2018",
// "29.01.2018", "29.01.2018 kl. 10:00". Times are Norwegian time; seconds are shown where they tell something.
func moment(s string) string {
	if !dateShape.MatchString(s) {
		return s
	}
	switch len(s) {
	case 4:
		return s
	case 7:
		t, err := time.Parse("2006-01", s)
		if err != nil {
			return s
		}
		return months[t.Month()-1] + " " + s[:4]
	case 10:
		t, err := time.Parse("2006-01-02", s)
		if err != nil {
			return s
		}
		return t.Format("02.01.2006")
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return clockText(t.In(oslo()))
		}
	}
	for _, layout := range []string{"2006-01-02T15:04:05.999999999", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, s); err == nil { // without a zone: as it stands
			return clockText(t)
		}
	}
	return s
}

func clockText(t time.Time) string {
	if t.Second() == 0 {
		return t.Format("02.01.2006 kl. 15:04")
	}
	return t.Format("02.01.2006 kl. 15:04:05")
}

// twiceRemark tells what the clock alone leaves open in the hour that autumn has twice; "" for any other time. local: the
// message gave no zone, so nobody but the sender knows which of the two is meant.
func twiceRemark(s string, local bool) string {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return ""
	}
	zone := oslo()
	clock := func(t time.Time) string { return t.In(zone).Format("15:04") }
	first := clock(t) == clock(t.Add(time.Hour))
	switch {
	case !first && clock(t) != clock(t.Add(-time.Hour)):
		return ""
	case local:
		return "timen går to ganger denne natten, og meldingen sier ikke hvilken; her er den lest som den første (sommertid)"
	case first:
		return "sommertid; timen går to ganger denne natten"
	}
	return "normaltid; timen går to ganger denne natten"
}

// period shows a stretch of time.
func period(start, end string) string {
	switch {
	case start == "" && end == "":
		return ""
	case end == "":
		return "fra " + moment(start)
	case start == "":
		return "til " + moment(end)
	case start == end:
		return moment(start)
	}
	return moment(start) + " – " + moment(end)
}

// grouped writes a person number the way people read it, "150765 00565".
func grouped(id string) string {
	if len(id) == 11 && strings.Trim(id, "0123456789") == "" {
		return id[:6] + " " + id[6:]
	}
	return id
}
