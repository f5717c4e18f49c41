package kith

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/mapping"
)

// TestSite: code maps and the reading of Anslag change exactly what they name, in both directions, and note
// each place; there and back gives the bytes that came.
func TestSite(t *testing.T) {
	t.Parallel()
	f := newFormat(t)
	const relation = "urn:oid:2.16.578.1.12.4.1.1.9034"
	for _, c := range []struct {
		name     string
		site     mapping.Site
		old, new string
		notes    int
	}{
		{"nothing", mapping.Site{}, "", "", 0},
		{"a code that is not there", mapping.Site{Out: mapping.CodeMaps{relation: {"77": {Code: "78", Display: "x"}}}}, "", "", 0},
		{"a code of another system", mapping.Site{Out: mapping.CodeMaps{"urn:oid:1.2.3.4": {"3": {Code: "78", Display: "x"}}}}, "", "", 0},
		{"type of the message", mapping.Site{Out: mapping.CodeMaps{"urn:oid:2.16.578.1.12.4.1.1.8279": {"LOG_UTSKRIVNINGSKLAR": {Code: "LOG_DOD", Display: "x"}}}}, "", "", 0},
		{
			"a code", mapping.Site{Out: mapping.CodeMaps{relation: {"3": {Code: "99", Display: "Vakthavende"}}}},
			`<fk1:RoleToPatient V="3" S="2.16.578.1.12.4.1.1.9034" DN="Behandlingsansvarlig lege"`, `<fk1:RoleToPatient V="99" S="2.16.578.1.12.4.1.1.9034" DN="Vakthavende"`, 1,
		},
		{"estimates", mapping.Site{InvertEstimates: true}, "<Anslag>false<", "<Anslag>true<", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			raw := read(t, filepath.Join("..", "..", "testdata", "s1", lintReady))
			p, err := f.Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			render := func(site *mapping.Site, want int) []byte {
				b, notes, err := site.Outgoing(p.Bundle)
				if err != nil || len(notes) != want || (b == p.Bundle) != (want == 0) {
					t.Fatalf("%v, %d notes, want %d: %v", err, len(notes), want, notes)
				}
				r, err := f.Render(b, mapping.Target{})
				if err != nil {
					t.Fatal(err)
				}
				return r.Body
			}
			plain := render(&mapping.Site{}, 0)
			got := render(&c.site, c.notes)
			if want := strings.ReplaceAll(string(plain), c.old, c.new); string(got) != want {
				t.Errorf("got %s\nwant %s", got, want)
			}
			if again := render(&mapping.Site{}, 0); !bytes.Equal(again, plain) {
				t.Error("writing for one party changed the message for the next")
			}
			// The same party sends it back: what it means is what was meant.
			back, err := f.Parse(got)
			if err != nil {
				t.Fatal(err)
			}
			in := mapping.Site{InvertEstimates: c.site.InvertEstimates}
			if m := c.site.Out[relation]; m["3"].Code != "" {
				in.In = mapping.CodeMaps{relation: {"99": {Code: "3", Display: "Behandlingsansvarlig lege"}}}
			}
			notes := in.Incoming(back.Bundle)
			if len(notes) != c.notes || mapping.Adjusted(notes) != (c.notes > 0) {
				t.Errorf("%d notes coming in, want %d", len(notes), c.notes)
			}
			if string(back.Bundle.Bytes()) != string(p.Bundle.Bytes()) {
				t.Error("the message that came back means something else")
			}
		})
	}
}
