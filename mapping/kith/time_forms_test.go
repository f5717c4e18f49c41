package kith

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
)

// TestUnusualTimes: times that the schema lets through are read as what they say and come back as they
// were written; what is no time is carried with a note.
func TestUnusualTimes(t *testing.T) {
	f := newFormat(t)
	good := read(t, filepath.Join("..", "..", "testdata", "s1", lintIn))
	const event, made = `TidspunktForHendelse V="2026-01-10T22:15:00"`, "<GenDate>"
	for _, c := range []struct{ name, written, start string }{
		{"end of the day", "2026-01-10T24:00:00", "2026-01-11T00:00:00+01:00"},
		{"end of the day with a zone", "2026-01-10T24:00:00Z", "2026-01-11T00:00:00Z"},
		{"compact", "20260110221500", "2026-01-10T22:15:00+01:00"},
		{"compact without seconds", "202601102215", "2026-01-10T22:15:00+01:00"},
		{"compact date", "20260110", "2026-01-10"},
		{"time of day alone", "22:15:00", ""},
		{"a year of fourteen digits", "20261310221500", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw := edited(t, good, event, `TidspunktForHendelse V="`+c.written+`"`)
			p, err := f.Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Bundle.First("Encounter").At("period.start").Text(); got != c.start {
				t.Errorf("period starts at %q, want %q", got, c.start)
			}
			if p.Envelope.EventAt.IsZero() != (c.start == "") {
				t.Errorf("the event is at %v", p.Envelope.EventAt)
			}
			at := ""
			for _, n := range p.Notes {
				if n.Code == "time-unread" {
					at += n.Path
				}
			}
			if (at == "") != (c.start != "") || at != "" && !strings.HasSuffix(at, "/TidspunktForHendelse[1]") {
				t.Errorf("time-unread at %q", at)
			}
			if back := rendered(t, f, p.Bundle); !strings.Contains(back, `V="`+c.written+`"`) {
				t.Error("the time does not come back as written")
			}
		})
	}
	t.Run("time of the message", func(t *testing.T) {
		_, after, _ := strings.Cut(string(good), made)
		old, _, _ := strings.Cut(after, "<")
		raw := edited(t, good, made+old, made+"2026-01-10T24:00:00")
		p, err := f.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Bundle.Root.Get("timestamp").Text(); got != "2026-01-11T00:00:00+01:00" {
			t.Errorf("timestamp %q", got)
		}
		if want := time.Date(2026, 1, 10, 23, 0, 0, 0, time.UTC); !p.Envelope.GeneratedAt.Equal(want) {
			t.Errorf("made at %v, want %v", p.Envelope.GeneratedAt, want)
		}
		if s, _ := f.Sniff(raw); !s.GeneratedAt.Equal(p.Envelope.GeneratedAt) {
			t.Errorf("the quick look says %v", s.GeneratedAt)
		}
		if back := rendered(t, f, p.Bundle); !strings.Contains(back, made+"2026-01-10T24:00:00<") {
			t.Error("the time does not come back as written")
		}
	})
}

// rendered writes a message from the bytes of its Bundle alone.
func rendered(t *testing.T, f *Format, b *fhir.Bundle) string {
	t.Helper()
	b, err := fhir.ParseBundle(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Render(b, mapping.Target{})
	if err != nil {
		t.Fatal(err)
	}
	return string(r.Body)
}

// TestBeforeUnusual: the order of two times does not hang on how they are written.
func TestBeforeUnusual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"2026-01-10T24:00:00", "2026-01-11T00:00:00", false},
		{"2026-01-10T24:00:00", "2026-01-11T00:00:01", true},
		{"20260110221500", "2026-01-10T22:16:00", true},
		{"20260110221500", "2026-01-10T22:15:00", false},
		{"20260109", "20260110221500", true},
		{"22:15:00", "2026-01-10", false},
	} {
		if got := before(c.a, c.b); got != c.want {
			t.Errorf("%s before %s: %v", c.a, c.b, got)
		}
	}
}
