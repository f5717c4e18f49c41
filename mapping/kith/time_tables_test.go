package kith

import (
	"regexp"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

var (
	timeText = regexp.MustCompile(`^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?)?(Z|[+-]\d\d:\d\d)?$`)
	midnight = regexp.MustCompile(`T00:00(:00)?`)
)

// timeForm is one way to write times: at for what must have a time of day, day for what may not have one.
type timeForm struct {
	name, at, day string
	// anywhere is written where the schema takes either; "" means at.
	anywhere string
	// value is what FHIR must say for each at, note that each of them is noted.
	value string
	note  bool
}

func timeForms() []timeForm {
	return []timeForm{
		{name: "local winter", at: "2026-01-15T10:20:30", day: "2026-01-15", value: "2026-01-15T10:20:30+01:00"},
		{name: "local summer", at: "2026-07-15T10:20:30", day: "2026-07-15", value: "2026-07-15T10:20:30+02:00"},
		{name: "the minute before spring", at: "2026-03-29T01:59:00", day: "2026-03-29", value: "2026-03-29T01:59:00+01:00"},
		{name: "the hour that spring leaves out", at: "2026-03-29T02:30:00", day: "2026-03-29", value: "2026-03-29T02:30:00+01:00", note: true},
		{name: "the minute after spring", at: "2026-03-29T03:00:00", day: "2026-03-29", value: "2026-03-29T03:00:00+02:00"},
		{name: "the minute before autumn", at: "2026-10-25T01:59:59", day: "2026-10-25", value: "2026-10-25T01:59:59+02:00"},
		{name: "the hour that autumn has twice", at: "2026-10-25T02:30:00", day: "2026-10-25", value: "2026-10-25T02:30:00+02:00", note: true},
		{name: "the minute after autumn", at: "2026-10-25T03:00:00", day: "2026-10-25", value: "2026-10-25T03:00:00+01:00"},
		{name: "that hour, said which", at: "2026-10-25T02:30:00+01:00", day: "2026-10-25", value: "2026-10-25T02:30:00+01:00"},
		{name: "universal", at: "2026-07-15T10:20:30Z", day: "2026-07-15Z", value: "2026-07-15T10:20:30Z"},
		{name: "fractions", at: "2026-07-15T10:20:30.125", day: "2026-07-15", value: "2026-07-15T10:20:30.125+02:00"},
		{name: "days", at: "2026-07-15T10:20:30", day: "2026-07-15", anywhere: "2026-07-15", value: "2026-07-15T10:20:30+02:00"},
		{name: "months", at: "2026-07-15T10:20:30", day: "2026-07-15", anywhere: "2026-07", value: "2026-07-15T10:20:30+02:00"},
	}
}

// retime writes every time of a message in one form; it gives how many took the form of at.
func retime(t *testing.T, raw []byte, f timeForm) ([]byte, int) {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(raw); err != nil {
		t.Fatal(err)
	}
	n := 0
	put := func(old string, free bool) string {
		switch {
		case !timeText.MatchString(old):
			return old
		case free && f.anywhere != "":
			return f.anywhere
		case free || strings.Contains(old, "T"):
			n++
			return f.at
		}
		return f.day
	}
	for _, e := range doc.FindElements("//*") {
		if e.Tag == "Tekst" || e.Tag == "MIGversion" {
			continue
		}
		if len(e.ChildElements()) == 0 && timeText.MatchString(strings.TrimSpace(e.Text())) {
			e.SetText(put(strings.TrimSpace(e.Text()), false))
		}
		if a := e.SelectAttr("V"); a != nil {
			a.Value = put(a.Value, true)
		}
	}
	out, err := doc.WriteToBytes()
	if err != nil {
		t.Fatal(err)
	}
	return out, n
}

// TestTimesOfAllTables takes a message with every element of every table through all forms of time: each
// comes back as it was, no day gets a time of day, local times get Norway's offset on both sides of
// both changes of the clock, and what is peculiar is noted each time.
func TestTimesOfAllTables(t *testing.T) {
	t.Parallel()
	f := newFormat(t)
	sources := map[string][]byte{
		"EPIKRISE": read(t, "testdata/epikrise-full/source.xml"), "APPREC": read(t, "testdata/apprec-full/source.xml"),
	}
	for _, kind := range distinct(f) {
		if f.tables[kind].root().name == "MsgHead" {
			versions := f.Versions(kind)
			sources[kind] = fullMessage(t, f.tables[kind], versions[len(versions)-1], 0)
		}
	}
	for kind, source := range sources {
		for _, form := range timeForms() {
			t.Run(kind+" "+form.name, func(t *testing.T) {
				t.Parallel()
				raw, n := retime(t, source, form)
				if string(raw) == string(source) {
					t.Fatal("no time in the message")
				}
				if p := f.schema.Validate(raw); len(p) > 0 {
					t.Fatalf("the schema does not take this form: %s", p[0].Text)
				}
				p, err := f.Parse(raw)
				if p == nil || p.Bundle == nil {
					t.Fatal(err)
				}
				text := p.Bundle.Bytes()
				if m := midnight.Find(text); m != nil {
					t.Errorf("a midnight that nobody wrote: %s", around(text, m))
				}
				if n > 0 && !strings.Contains(string(text), form.value) {
					t.Errorf("%s is nowhere", form.value)
				}
				notes := 0
				for _, x := range p.Notes {
					if x.Code == "ambiguous" && strings.Contains(x.Text, "hour that") {
						notes++
					}
				}
				if form.note && notes < n || !form.note && notes > 0 {
					t.Errorf("%d notes on %d times", notes, n)
				}
				b, err := fhir.ParseBundle(text)
				if err != nil {
					t.Fatal(err)
				}
				r, err := f.Render(b, mapping.Target{})
				if err != nil {
					t.Fatal(err)
				}
				if d := mappingtest.Compare(raw, r.Body); !d.Same() {
					t.Errorf("%s", d)
				}
			})
		}
	}
}

func around(text, m []byte) string {
	i := strings.Index(string(text), string(m))
	return string(text[max(0, i-80):min(len(text), i+40)])
}

// TestEstimateIsKept: Anslag comes back as written, in each of its four spellings, for every kind that has it.
func TestEstimateIsKept(t *testing.T) {
	t.Parallel()
	f := newFormat(t)
	seen := 0
	for _, kind := range distinct(f) {
		if f.tables[kind].root().name != "MsgHead" {
			continue
		}
		versions := f.Versions(kind)
		source := string(fullMessage(t, f.tables[kind], versions[0], 0))
		for _, word := range []string{"true", "false", "1", "0"} {
			raw := regexp.MustCompile(`Anslag>[^<]*</`).ReplaceAllString(source, "Anslag>"+word+"</")
			if raw == source && !strings.Contains(source, "Anslag>") {
				continue
			}
			seen++
			p, err := f.Parse([]byte(raw))
			if p == nil || p.Bundle == nil {
				t.Fatal(kind, err)
			}
			r, err := f.Render(p.Bundle, mapping.Target{})
			if err != nil {
				t.Fatal(kind, err)
			}
			if d := mappingtest.Compare([]byte(raw), r.Body); !d.Same() {
				t.Errorf("%s Anslag %s: %s", kind, word, d)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d messages with Anslag", seen)
	}
}
