package admin

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the pages show Norwegian time also on machines without a zone database
)

// oslo is the zone of the pages; the database is embedded, so it always loads.
func oslo() *time.Location {
	l, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		return time.UTC
	}
	return l
}

// when shows date and time in Norwegian time with its zone; the exact instant is in the title.
func when(t time.Time) template.HTML { return stamp(t, "2 Jan 2006 15:04 MST") }

// clock shows the time of day to the second, for lists where the day stands elsewhere.
func clock(t time.Time) template.HTML { return stamp(t, "15:04:05") }

// day shows the date alone.
func day(t time.Time) template.HTML { return stamp(t, "Mon 2 Jan 2006") }

func stamp(t time.Time, layout string) template.HTML {
	if t.IsZero() {
		return `<span class="none">–</span>`
	}
	l := t.In(oslo())
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`,
		t.UTC().Format(time.RFC3339Nano), l.Format("Mon 2 Jan 2006 15:04:05.000 -07:00 MST"), l.Format(layout)))
}

// took shows a span of time in the two largest units that matter.
func took(d time.Duration) string {
	switch {
	case d < 0:
		return "–" + took(-d)
	case d == 0:
		return "0 s"
	case d < time.Millisecond:
		return strconv.Itoa(int(d/time.Microsecond)) + " µs"
	case d < time.Second:
		return strconv.Itoa(int(d/time.Millisecond)) + " ms"
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s"
	case d < time.Hour:
		return two(int(d/time.Minute), "min", int(d%time.Minute/time.Second), "s")
	case d < 48*time.Hour:
		return two(int(d/time.Hour), "h", int(d%time.Hour/time.Minute), "min")
	}
	return two(int(d/(24*time.Hour)), "d", int(d%(24*time.Hour)/time.Hour), "h")
}

func two(a int, au string, b int, bu string) string {
	if b == 0 {
		return fmt.Sprintf("%d %s", a, au)
	}
	return fmt.Sprintf("%d %s %d %s", a, au, b, bu)
}

// byteSize shows a size in decimal units.
func byteSize(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1_000_000:
		return fmt.Sprintf("%.1f KB", float64(n)/1000)
	case n < 1_000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1_000_000)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1_000_000_000)
}

// count groups the digits of a number by thousands with a narrow space.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "–", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return sign + s
}

func plural(n any, one, many string) string {
	var v int64
	switch n := n.(type) {
	case int:
		v = int64(n)
	case int64:
		v = n
	}
	if v == 1 {
		return count(v) + " " + one
	}
	return count(v) + " " + many
}

// planTimes are the forms in which a plan's value may hold a time or date.
var planTimes = [...]struct{ read, show string }{
	{time.RFC3339Nano, "2 Jan 2006 15:04 MST"},
	{"2006-01-02T15:04:05", "2 Jan 2006 15:04"},
	{"2006-01-02T15:04", "2 Jan 2006 15:04"},
	{"2006-01-02 15:04", "2 Jan 2006 15:04"},
	{"2006-01-02", "2 Jan 2006"},
	{"2006-01", "Jan 2006"},
}

// planTime shows a value of the plan as date or time when it is one, in the precision it has,
// and as it stands otherwise.
func planTime(text string) template.HTML {
	for i, f := range planTimes {
		t, err := time.Parse(f.read, text)
		if err != nil {
			continue
		}
		if i == 0 {
			return when(t)
		}
		return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`, template.HTMLEscapeString(text), t.Format(f.show)))
	}
	return template.HTML(template.HTMLEscapeString(text))
}

// shortTime is planTime without markup.
func shortTime(text string) string {
	for i, f := range planTimes {
		t, err := time.Parse(f.read, text)
		if err != nil {
			continue
		}
		if i == 0 {
			t = t.In(oslo())
		}
		return t.Format(f.show)
	}
	return text
}

// planInstant reads a value of the plan as a time for drawing; false when it is none.
func planInstant(text string) (time.Time, bool) {
	for i, f := range planTimes {
		if i == 0 {
			if t, err := time.Parse(f.read, text); err == nil {
				return t, true
			}
			continue
		}
		if t, err := time.ParseInLocation(f.read, text, oslo()); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func checksum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
