package kith

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// full makes a message with every element of a table, repeated ones twice, every value different.
type full struct {
	t       *table
	version string
	kind    string
	n       int
	// variant chooses among the alternatives of a choice.
	variant int
	r       *reader
}

func fullMessage(t *testing.T, tab *table, version string, variant int) []byte {
	t.Helper()
	b, err := fhir.BundleOf(fhir.NewObject("resourceType", "Bundle"))
	if err != nil {
		t.Fatal(err)
	}
	f := &full{t: tab, version: version, kind: tab.kind, variant: variant, r: newReader(b, names(t, tab, version), version)}
	f.r.usePrefixes(tab)
	doc := etree.NewDocument()
	f.add(&doc.Element, tab.root(), 0)
	if tab.root().name == "Message" {
		f.r.declareHCP(doc.Root(), tab)
	} else {
		doc.Root().Attr = append(doc.Root().Attr, etree.Attr{Key: "xmlns", Value: nsMsgHead})
		f.r.declare(doc.Root(), tab)
	}
	out, err := doc.WriteToBytes()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func names(t *testing.T, tab *table, version string) namespaces {
	t.Helper()
	v, ok := tab.release(version)
	if !ok {
		t.Fatalf("%s has no version %s", tab.kind, version)
	}
	return v.names
}

func (f *full) add(parent *etree.Element, row *el, depth int) {
	if row.absentIn(f.version) || f.excluded(parent, row) {
		return
	}
	if row.name == "" {
		f.choose(parent, row, depth)
		return
	}
	if parent.Tag == "OtherReceiver" && row.codec == nil {
		if want := []string{"Organisation", "Patient", "HealthcareProfessional", "Person"}[(f.variant+f.n)%4]; len(parent.ChildElements()) > 1 && parent.SelectElement("Organisation") != nil || row.name != want && row.name != "Person" {
			return
		}
		if len(parent.ChildElements()) > 2 || row.name == "Person" && len(parent.ChildElements()) > 2 {
			return
		}
	}
	times := 1
	if row.many && row.manySince <= f.version {
		times = 2
	}
	for range times {
		if row.name[0] == '@' {
			v := f.text(row)
			if row.name == "@m1:komponenttype" {
				v = "2.16.578.1.12.4.1.6." + map[string]string{
					"Cave": "14.50001.0", "SakshodeCave": "13.10028.0", "Allerginotat": "13.11036.1", "GenereltJournalnotat": "13.11009.0",
					"Legemiddelinfo": "13.10301.0", "LegemidlerAdministrertVedOverforing": "13.10302.0",
					"Notater": "14.50301.0", "Legemidler": "14.50302.0",
				}[parent.Tag]
			}
			if row.name == "@m1:basiskomponenttype" && (parent.Tag == "Cave" || parent.Tag == "Notater" || parent.Tag == "Legemidler") {
				v = "EPJ sak"
			}
			f.r.setAttr(parent, row.name[1:], v)
			return
		}
		e := f.r.create(parent, row)
		if row.codec != nil {
			f.leaf(e, row)
			continue
		}
		for _, k := range row.kids {
			if k == row && depth > 0 || k.name == "Organisation" && e.Parent().Tag == "Organisation" {
				continue // an organisation inside itself: one level is enough
			}
			f.add(e, k, depth+1)
		}
		if e.Tag == "RefDoc" && e.SelectElement("FileReference") != nil {
			e.RemoveChild(e.SelectElement("FileReference")) // the schema wants one of the two
		}
	}
}

// excluded tells whether a row is one of two of which the schema wants either: the variant says which.
func (f *full) excluded(parent *etree.Element, row *el) bool {
	switch {
	case parent.Tag == "Dialogmelding" && row.name == "Foresporsel", row.name == "epjLink":
		return f.variant%2 == 1
	case parent.Tag == "Dialogmelding" && row.name == "Notat", row.name == "komponentlink":
		return f.variant%2 == 0
	}
	return false
}

// distinct are the kinds without those whose table and versions are another's too.
func distinct(f *Format) []string {
	type same struct {
		root *el
		from string
		n    int
	}
	seen := map[same]bool{}
	var out []string
	for _, kind := range f.Kinds() {
		t := f.tables[kind]
		key := same{t.root(), t.releases[0].version, len(t.releases)}
		if !seen[key] {
			out = append(out, kind)
		}
		seen[key] = true
	}
	return out
}

// choose takes one alternative; where they may repeat, all of them in turn.
func (f *full) choose(parent *etree.Element, row *el, depth int) {
	if !row.many {
		var fit []*el
		for _, k := range row.kids {
			if !k.absentIn(f.version) {
				fit = append(fit, k)
			}
		}
		f.special(parent, fit[f.variant%len(fit)], depth)
		return
	}
	for i := range row.kids {
		f.special(parent, row.kids[(i+f.variant)%len(row.kids)], depth)
	}
}

// special makes alternatives that are forms of one element really be that form.
func (f *full) special(parent *etree.Element, k *el, depth int) {
	one := *k
	one.many = false
	before := len(parent.ChildElements())
	f.add(parent, &one, depth)
	e := parent.ChildElements()[before]
	if k.name == "InfItem" && (k.only == nil || !k.only(e)) {
		for _, code := range []string{"FUNN", "H", "CAVE", "SM", "ART"} {
			if e.SelectElement("Type").CreateAttr("V", code); k.only == nil || k.only(e) {
				break
			}
		}
	}
	if t := e.SelectElement("Tiltaksbeskrivelse"); t != nil && k.only != nil {
		t.RemoveChild(t.SelectElement("PlanlagtGjennomforingTiltak"))
	}
	if p, ok := k.place.(eventPlace); ok {
		if in := e.SelectElement("TidsfestetHendelse"); in != nil {
			e = in
		}
		code := e.SelectElement("Hendelsekode")
		code.CreateAttr("V", p.code)
		code.CreateAttr("S", "2.16.578.1.12.4.1.1.9121")
	}
}

// text is a value that the schema takes for this row.
func (f *full) text(row *el) string {
	f.n++
	n := strconv.Itoa(f.n)
	switch row.name {
	case "MIGversion":
		return "v1.2 2006-05-24"
	case "MsgId":
		return fmt.Sprintf("0f3b7c1e-4a2d-4d7e-9c55-%012d", f.variant)
	case "GenDate":
		return "2026-11-21T10:15:00"
	case "FodselsarMindrearigParorende":
		return "2012"
	case "OidRef":
		return "2.16.578." + n
	case "@m1:basiskomponenttype":
		return "EPJ dokument"
	case "@m1:informasjonskategori":
		return "Legemidler"
	case "Vurdering":
		return []string{"1", "9", "5", "42", "-3"}[f.n%5]
	case "AntallEnheterOnsket":
		return "2.5"
	case "IssueDate", "StartDateTime", "EndDateTime", "OrgDate", "InvDate", "TidspunktForHendelse", "TidspunktTime", "gyldigFra", "gyldigTil":
		return "2026-01-0" + strconv.Itoa(1+f.n%9) + "T12:00:00"
	case "ForbeholdOmVideresending":
		return "true"
	case "MimeType":
		return "text/plain"
	}
	kind, _ := row.codec.describe()
	switch kind {
	case "boolean", "code":
		return []string{"true", "false", "1", "0"}[f.n%4]
	case "integer", "positiveInt", "string (integer)":
		return n
	case "decimal":
		return n + ".50"
	case "date", "dateTime":
		return fmt.Sprintf("20%02d-%02d-%02d", 10+f.n%30, 1+f.n%12, 1+f.n%28)
	case "base64Binary":
		return "VGVrc3Q="
	}
	return "Tekst " + n + " æøå <&> \"sitat\"\nny linje\tslutt"
}

// TestFullMessages takes messages with every element of their table there and back.
func TestFullMessages(t *testing.T) {
	f := newFormat(t)
	r4 := mappingtest.R4Schema(t)
	out := map[string][]byte{}
	for _, kind := range distinct(f) {
		if f.tables[kind].root().name == "AppRec" {
			continue
		}
		for _, version := range f.Versions(kind) {
			for variant := range 4 {
				name := fmt.Sprintf("%s %s %d", kind, version, variant)
				t.Run(name, func(t *testing.T) {
					raw := fullMessage(t, f.tables[kind], version, variant)
					if p := f.schema.Validate(raw); len(p) > 0 {
						t.Fatalf("the generator made an invalid message: %v", p[0])
					}
					p, err := f.Parse(raw)
					if p == nil || p.Bundle == nil {
						t.Fatal(err)
					}
					if vs := f.Versions(kind); version == vs[len(vs)-1] { // the schema check of 200 resources is slow; the versions differ by a few elements
						r4.Check(t, p.Bundle.Bytes())
					}
					keepsProfiles(t, p.Bundle)
					b, err := fhir.ParseBundle(p.Bundle.Bytes())
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
					for _, n := range append(p.Notes, r.Notes...) {
						if n.Code != "derived" && n.Code != "carried-unread" && !strings.HasSuffix(n.Path, "performedDateTime") {
							t.Errorf("note %+v", n)
						}
					}
					out[name] = r.Body
				})
			}
		}
	}
	for name, problem := range mappingtest.XMLLintAll(t, out) {
		t.Errorf("%s: %s", name, problem)
	}
}
