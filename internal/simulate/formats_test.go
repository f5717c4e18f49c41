package simulate_test

import (
	"strings"
	"testing"

	"github.com/samvirke/samvirke/mapping"
)

// TestXMLGoesOutAsFHIR: what came as XML goes out as FHIR, readdressed, names no former receiver, and
// reads as the same message.
func TestXMLGoesOutAsFHIR(t *testing.T) {
	t.Parallel()
	fs := formats(t)
	xml, f := fs[0], fs[1]
	to := address("8140301", "8140302")
	for _, s := range s1(t).Steps {
		if s.ContentType != "application/xml" {
			continue
		}
		p, err := xml.Parse(s.Body)
		if err != nil {
			t.Fatalf("%s: %v", s.File, err)
		}
		out, err := f.Render(p.Bundle, mapping.Target{NewID: id1, To: &to})
		if err != nil {
			t.Fatalf("%s: %v", s.File, err)
		}
		back, err := f.Parse(out.Body)
		if err != nil {
			t.Fatalf("%s: %v", s.File, err)
		}
		e := back.Envelope
		if e.Kind != s.Kind || e.Version != p.Envelope.Version || e.Patient.Key() != p.Envelope.Patient.Key() || e.Sender.HER() != p.Envelope.Sender.HER() ||
			e.Op != p.Envelope.Op || e.Parent != p.Envelope.Parent || e.Conversation != p.Envelope.Conversation || !e.GeneratedAt.Equal(p.Envelope.GeneratedAt) {
			t.Errorf("%s: envelope\n%+v became\n%+v", s.File, p.Envelope, e)
		}
		if len(e.Receivers) != 1 || e.Receivers[0].HER() != "8140302" {
			t.Errorf("%s: goes to %+v", s.File, e.Receivers)
		}
		for _, a := range p.Envelope.Receivers {
			if strings.Contains(string(out.Body), `"`+a.HER()+`"`) {
				t.Errorf("%s: the copy names former receiver %s", s.File, a.HER())
			}
		}
	}
}
