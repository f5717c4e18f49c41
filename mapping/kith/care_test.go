package kith

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// TestCareEdits changes half of the texts, displays and codes of messages with every element: each must show in
// the message as that one value, unless it is a copy that FHIR demands, and nothing else may change.
func TestCareEdits(t *testing.T) {
	f := newFormat(t)
	for kind := range careTables() {
		for _, version := range f.Versions(kind) {
			t.Run(kind+" "+version, func(t *testing.T) {
				raw := fullMessage(t, f.tables[kind], version, 1)
				p, _ := f.Parse(raw)
				before, err := f.Render(p.Bundle, mapping.Target{})
				if err != nil {
					t.Fatal(err)
				}
				b, err := fhir.ParseBundle(p.Bundle.Bytes())
				if err != nil {
					t.Fatal(err)
				}
				rng := rand.New(rand.NewPCG(*mutateSeed, uint64(len(raw))))
				edited := map[string]saying{} // by new value
				for _, s := range sayings(b) {
					if rng.IntN(2) == 0 && !copied(s.path) {
						now := fmt.Sprintf("Endret-%d", len(edited))
						s.obj.Set(s.key, fhir.String(now))
						edited[now] = s
					}
				}
				after, err := f.Render(b, mapping.Target{})
				if err != nil {
					t.Fatal(err)
				}
				d := mappingtest.Compare(before.Body, after.Body)
				if len(d.Missing)+len(d.Extra) > 0 || len(d.Changed) != len(edited) || len(edited) < 50 {
					t.Errorf("%d edits: %s", len(edited), d)
				}
				for _, c := range d.Changed {
					if s, ok := edited[c.Got]; !ok || c.Want != strings.TrimSpace(s.value) {
						t.Errorf("edit of %s: %+v", s.path, c)
					}
					delete(edited, c.Got)
				}
				for _, s := range edited {
					t.Errorf("no change from the edit of %s", s.path)
				}
			})
		}
	}
}

// saying is a text of a Bundle that the generator of full messages made, so that it stands once.
type saying struct {
	obj              *fhir.Node
	key, path, value string
}

func sayings(b *fhir.Bundle) []saying {
	var out []saying
	var walk func(n *fhir.Node, path string)
	walk = func(n *fhir.Node, path string) {
		for i, k := range n.Items() {
			walk(k, fmt.Sprintf("%s[%d]", path, i))
		}
		for _, key := range n.Keys() {
			k := n.Get(key)
			for _, begin := range []string{"Tekst ", "vist ", "som sagt ", "K"} {
				if v := k.Text(); !k.IsObject() && !k.IsArray() && strings.HasPrefix(v, begin) && strings.ContainsAny(v, "0123456789") {
					out = append(out, saying{n, key, path + "." + key, v})
				}
			}
			walk(k, path+"."+key)
		}
	}
	for _, e := range b.Entries() {
		walk(e.Resource, e.Type)
	}
	return out
}

// copied are values that FHIR demands and that repeat others.
func copied(path string) bool {
	switch path {
	case "Composition.title", "MessageHeader.source.name", "MessageHeader.destination[0].name", "MessageHeader.destination[1].name", "MessageHeader.destination[2].name":
		return true
	}
	return false
}

// TestCareEnvelope: what routing and plan see of each kind.
func TestCareEnvelope(t *testing.T) {
	f := newFormat(t)
	for _, c := range []struct {
		dir, kind, version string
		op                 samvirke.Op
		parent             bool
		event              string
	}{
		{"helseoppl-soknad-1.6-early-notice", "HELSEOPPL_SOKNAD", "1.6", samvirke.OpNew, false, "2026-11-02T12:05:00Z"},
		{"helseoppl-soknad-1.6-update", "HELSEOPPL_SOKNAD", "1.6", samvirke.OpChange, true, "2026-11-02T12:05:00Z"},
		{"helseoppl-soknad-1.5", "HELSEOPPL_SOKNAD", "1.5", samvirke.OpNew, false, ""},
		{"helseopplysninger-lege-1.5", "HELSEOPPLYSNINGER_LEGE", "1.5", samvirke.OpNew, false, ""},
		{"helseopplysninger-lege-1.6", "HELSEOPPLYSNINGER_LEGE", "1.6", samvirke.OpNew, false, ""},
		{"medisinske-opplysninger-1.5", "MEDISINSKE_OPPLYSNINGER", "1.5", samvirke.OpNew, true, ""},
		{"medisinske-opplysninger-1.6", "MEDISINSKE_OPPLYSNINGER", "1.6", samvirke.OpNew, true, ""},
		{"orientering-tjenestetilbud-1.6", "ORIENTERING_TJENESTETILBUD", "1.6", samvirke.OpNew, false, ""},
		{"fravarsmelding-1.5", "FRAVARSMELDING", "1.5", samvirke.OpNew, true, "2026-11-01T23:00:00Z"},
		{"fodsels-epikrise-1.6", "FODSELS_EPIKRISE", "1.6", samvirke.OpNew, false, "2026-11-04T23:00:00Z"},
	} {
		t.Run(c.dir, func(t *testing.T) {
			raw := read(t, "testdata/plo/"+c.dir+"/source.xml")
			p, err := f.Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			env := p.Envelope
			event := ""
			if !env.EventAt.IsZero() {
				event = env.EventAt.UTC().Format(time.RFC3339)
			}
			if env.Kind != c.kind || env.Version != c.version || env.Op != c.op || env.Parent != "" != c.parent || event != c.event {
				t.Errorf("%s %s %s parent %q event %q", env.Kind, env.Version, env.Op, env.Parent, event)
			}
			if s, ok := f.Sniff(raw); !ok || s.Kind != c.kind || s.Version != c.version {
				t.Errorf("sniffed %+v", s)
			}
		})
	}
}

// TestNoStayFromDoctor: what a doctor tells the municipality of a stay elsewhere makes no Encounter.
func TestNoStayFromDoctor(t *testing.T) {
	p, _ := newFormat(t).Parse(read(t, "testdata/plo/medisinske-opplysninger-1.6/source.xml"))
	if e := p.Bundle.First("Encounter"); e != nil {
		t.Errorf("an Encounter of the sender: %s", e.Get("status").Text())
	}
	over := 0
	for _, c := range p.Bundle.All("Condition") {
		if (c.Get("abatementDateTime") != nil) != (c.At("clinicalStatus.coding.0.code").Text() == "resolved") {
			t.Error("end of a diagnosis and its status contradict each other")
		}
		if c.Get("abatementDateTime") != nil {
			over++
		}
	}
	if over != 1 {
		t.Errorf("%d diagnoses are over, want 1", over)
	}
}

// TestPlainNotice: a notice from FHIR without our extensions says what it is by its place in the chain.
func TestPlainNotice(t *testing.T) {
	f := newFormat(t)
	first := strings.Replace(plainAdmission, "LOG_INNLAGT", "HELSEOPPL_SOKNAD", 1)
	later := strings.Replace(first, `{"resourceType":"MessageHeader",`, `{"resourceType":"MessageHeader","extension":[{"url":"`+fhir.ExtOp+
		`","valueCoding":{"code":"M"}},{"url":"`+fhir.ExtParent+`","valueString":"x"},{"url":"`+fhir.ExtConversation+`","valueString":"x"}],`, 1)
	for _, c := range []struct{ raw, want string }{{first, "1"}, {later, "2"}} {
		b, err := fhir.ParseBundle([]byte(c.raw))
		if err != nil {
			t.Fatal(err)
		}
		r, err := f.Render(b, mapping.Target{})
		if err != nil {
			t.Fatal(err)
		}
		mappingtest.XMLLint(t, r.Body)
		if r.Version != "1.6" || !strings.Contains(string(r.Body), `<TypeInnhold V="`+c.want+`"`) {
			t.Errorf("version %s, want type %s:\n%s", r.Version, c.want, r.Body)
		}
		old, err := f.Render(b, mapping.Target{Version: "1.5"})
		if err != nil {
			t.Fatal(err)
		}
		mappingtest.XMLLint(t, old.Body)
		if !noted(old.Notes, "/MsgHead[1]/Document[1]/RefDoc[1]/Content[1]/HelseopplysningerVedSoknad[1]/OpplysningerTilSoknad[1]/EgensoknadSendt[1]") {
			t.Errorf("the value that 1.5 demands is not noted: %v", old.Notes)
		}
	}
}
