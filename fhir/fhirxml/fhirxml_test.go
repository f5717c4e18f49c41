package fhirxml_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/fhirxml"
)

// The two forms of each resource of testdata are written by hand and must say the same.
func TestPairs(t *testing.T) {
	pairs, err := filepath.Glob("testdata/*.json")
	if err != nil || len(pairs) < 2 {
		t.Fatalf("testdata: %v %v", pairs, err)
	}
	for _, path := range pairs {
		t.Run(filepath.Base(path), func(t *testing.T) {
			inJSON, err := fhir.ParseNode(read(t, path))
			if err != nil {
				t.Fatal(err)
			}
			inXML := read(t, strings.TrimSuffix(path, ".json")+".xml")
			parsed, err := fhirxml.Parse(inXML, fhirxml.Options{})
			if err != nil {
				t.Fatalf("parse: %v", err)
			}
			if want, got := sorted(inJSON), sorted(parsed); want != got {
				t.Errorf("parsed XML differs\n%s", difference(want, got))
			}
			for _, style := range []fhirxml.Style{{}, {Indent: true}} {
				out, notes, err := fhirxml.Render(inJSON, style)
				if err != nil || len(notes) > 0 {
					t.Fatalf("render: %v, notes %v", err, notes)
				}
				if want, got := canonical(t, inXML), canonical(t, out); want != got {
					t.Errorf("rendered XML differs\n%s", difference(want, got))
				}
				roundTrip(t, path, inJSON, style)
			}
		})
	}
}

const head = `<Patient xmlns="http://hl7.org/fhir">`

func TestParseFaults(t *testing.T) {
	deep := strings.Repeat(`<extension url="x">`, 80)
	narrative := func(div string) string {
		return head + `<text><status value="generated"/>` + div + `</text></Patient>`
	}
	tests := []struct{ name, doc, code, path string }{
		{"nothing", "", fhirxml.CodeNotXML, ""},
		{"JSON", `{"resourceType":"Patient"}`, fhirxml.CodeNotXML, ""},
		{"only a comment", `<!-- x -->`, fhirxml.CodeNotXML, ""},
		{"cut off", head + `<active value="true"/>`, fhirxml.CodeNotWellFormed, "Patient"},
		{"two roots", head + `</Patient>` + head + `</Patient>`, fhirxml.CodeTwoRoots, ""},
		{"text after", head + `</Patient>x`, fhirxml.CodeText, ""},
		{"DOCTYPE", `<!DOCTYPE Patient [<!ENTITY a "b">]>` + head + `</Patient>`, fhirxml.CodeDoctype, ""},
		{"entity", head + `<gender value="&a;"/></Patient>`, fhirxml.CodeNotWellFormed, "Patient"},
		{"Latin-1 declared", `<?xml version="1.0" encoding="ISO-8859-1"?>` + head + `</Patient>`, fhirxml.CodeEncoding, ""},
		{"Latin-1 bytes", head + "<language value=\"\xe6\"/></Patient>", fhirxml.CodeEncoding, ""},
		{"no namespace", `<Patient></Patient>`, fhirxml.CodeNamespace, "Patient"},
		{"undeclared prefix", `<f:Patient></f:Patient>`, fhirxml.CodeNamespace, "Patient"},
		{"element of another namespace", head + `<active xmlns="urn:x" value="true"/></Patient>`, fhirxml.CodeNamespace, "Patient/active"},
		{"no resource of R4", `<Sykehus xmlns="http://hl7.org/fhir"/>`, fhirxml.CodeUnknownType, "Sykehus"},
		{"data type as root", `<HumanName xmlns="http://hl7.org/fhir"/>`, fhirxml.CodeUnknownType, "HumanName"},
		{"abstract root", `<DomainResource xmlns="http://hl7.org/fhir"/>`, fhirxml.CodeUnknownType, "DomainResource"},
		{"unknown element", head + `<name><nick value="x"/></name></Patient>`, fhirxml.CodeUnknownElement, "Patient/name/nick"},
		{"attribute as element", head + `<extension><url value="x"/></extension></Patient>`, fhirxml.CodeUnknownElement, "Patient/extension/url"},
		{"unknown attribute", head + `<active value="true" status="x"/></Patient>`, fhirxml.CodeUnknownAttribute, "Patient/active"},
		{"value of a complex element", head + `<name value="x"/></Patient>`, fhirxml.CodeUnknownAttribute, "Patient/name"},
		{"id of a resource", `<Patient xmlns="http://hl7.org/fhir" id="x"/>`, fhirxml.CodeUnknownAttribute, "Patient"},
		{"attribute twice", head + `<active value="true" value="false"/></Patient>`, fhirxml.CodeNotWellFormed, "Patient/active"},
		{"out of order", head + `<gender value="male"/><active value="true"/></Patient>`, fhirxml.CodeOrder, "Patient/active"},
		{"same again later", head + `<name><text value="x"/></name><gender value="male"/><name/></Patient>`, fhirxml.CodeOrder, "Patient/name"},
		{"twice", head + `<active value="true"/><active value="false"/></Patient>`, fhirxml.CodeRepeated, "Patient/active"},
		{"two variants", head + `<deceasedBoolean value="true"/><deceasedDateTime value="2026"/></Patient>`, fhirxml.CodeRepeated, "Patient/deceasedDateTime"},
		{"two resources in one", head + `<contained><Patient/><Patient/></contained></Patient>`, fhirxml.CodeRepeated, "Patient/contained"},
		{"no resource inside", head + `<contained></contained></Patient>`, fhirxml.CodeEmpty, "Patient/contained"},
		{"empty element", head + `<name/></Patient>`, fhirxml.CodeEmpty, "Patient/name"},
		{"no value", head + `<active/></Patient>`, fhirxml.CodeEmpty, "Patient/active"},
		{"empty value", head + `<language value=""/></Patient>`, fhirxml.CodeEmpty, "Patient/language"},
		{"text", head + `<active value="true">ja</active></Patient>`, fhirxml.CodeText, "Patient/active"},
		{"no boolean", head + `<active value="1"/></Patient>`, fhirxml.CodeValue, "Patient/active"},
		{"no number", head + `<multipleBirthInteger value="to"/></Patient>`, fhirxml.CodeValue, "Patient/multipleBirthInteger"},
		{"number that JSON lacks", head + `<multipleBirthInteger value="007"/></Patient>`, fhirxml.CodeValue, "Patient/multipleBirthInteger"},
		{"too deep", head + deep, fhirxml.CodeTooDeep, ""},
		{"many attributes", head + `<active` + strings.Repeat(` a="1"`, 70) + `/></Patient>`, fhirxml.CodeTooManyAttributes, "Patient/active"},
		{"many elements", head + strings.Repeat("<<", 250_000), fhirxml.CodeTooManyElements, ""},
		{"narrative in FHIR's namespace", narrative(`<div>x</div>`), fhirxml.CodeNarrative, "Patient/text/div"},
		{"narrative is no div", head + `<text><status value="generated"/><p xmlns="http://www.w3.org/1999/xhtml"/></text></Patient>`, fhirxml.CodeUnknownElement, "Patient/text/p"},
		{"narrative with undeclared prefix", narrative(`<div xmlns="http://www.w3.org/1999/xhtml"><x:p/></div>`), fhirxml.CodeNarrative, "Patient/text/div"},
		{"narrative with attribute twice", narrative(`<div xmlns="http://www.w3.org/1999/xhtml"><p a="1" a="2"/></div>`), fhirxml.CodeNarrative, "Patient/text/div"},
		{"deep narrative", narrative(`<div xmlns="http://www.w3.org/1999/xhtml">` + strings.Repeat("<p>", 200)), fhirxml.CodeTooDeep, "Patient/text/div"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, err := fhirxml.Parse([]byte(tt.doc), fhirxml.Options{})
			f, ok := errors.AsType[*samvirke.Fault](err)
			if !ok || n != nil {
				t.Fatalf("got %v, %v; want a fault", n, err)
			}
			if f.Code != tt.code || f.Class != samvirke.Invalid {
				t.Errorf("code %q class %q, want %q", f.Code, f.Class, tt.code)
			}
			if tt.path != "" && f.Path != tt.path {
				t.Errorf("path %q, want %q", f.Path, tt.path)
			}
		})
	}
	if _, err := fhirxml.Parse([]byte(head+"</Patient>"), fhirxml.Options{MaxBytes: 10}); samvirke.FaultOf(err).Code != fhirxml.CodeTooLarge {
		t.Errorf("too large: got %v", err)
	}
}

func TestFaultLine(t *testing.T) {
	_, err := fhirxml.Parse([]byte(head+"\n<active value=\"true\"/>\n<nick value=\"x\"/>\n</Patient>"), fhirxml.Options{})
	if f := samvirke.FaultOf(err); f.Line != 3 {
		t.Errorf("line %d, want 3", f.Line)
	}
}

// A line break that stands in an attribute is a space for every XML reader; one written as &#10; is not.
func TestLineBreaksInValues(t *testing.T) {
	n, err := fhirxml.Parse([]byte(head+"<address><text value=\"a\r\nb&#10;c\td&#9;e\"/></address></Patient>"), fhirxml.Options{})
	if got, want := n.At("address.0.text").Text(), "a b\nc d\te"; err != nil || got != want {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
}

func TestPlusSign(t *testing.T) {
	n, err := fhirxml.Parse([]byte(head+`<multipleBirthInteger value="+2"/></Patient>`), fhirxml.Options{})
	if got := n.Get("multipleBirthInteger"); err != nil || !got.IsNumber() || got.Text() != "2" {
		t.Errorf("got %s (%v), want 2", got.Bytes(), err)
	}
}

// What XML has no place for is named, and nothing else is lost.
func TestNotes(t *testing.T) {
	tests := []struct{ name, in, code, path, back string }{
		{"unknown element", `{"nick":"x","active":true}`, fhirxml.NoteNotCarried, "Patient.nick", `{"active":true}`},
		{"a name that is a text from outside", `{"Ada Sørli":1}`, fhirxml.NoteNotCarried, "Patient.?", `{}`},
		{"null", `{"active":null}`, fhirxml.NoteNotCarried, "Patient.active", `{}`},
		{"empty text", `{"language":""}`, fhirxml.NoteNotCarried, "Patient.language", `{}`},
		{"empty array", `{"name":[]}`, fhirxml.NoteNotCarried, "Patient.name", `{}`},
		{"empty object", `{"name":[{"text":"x"},{}]}`, fhirxml.NoteNotCarried, "Patient.name[1]", `{"name":[{"text":"x"}]}`},
		{"array for one", `{"gender":["male"]}`, fhirxml.NoteNotCarried, "Patient.gender", `{}`},
		{"one for an array", `{"name":{"text":"x"}}`, fhirxml.NoteNotCarried, "Patient.name", `{}`},
		{"object for a text", `{"gender":{"a":1}}`, fhirxml.NoteNotCarried, "Patient.gender", `{}`},
		{"text for an object", `{"managingOrganization":"x"}`, fhirxml.NoteNotCarried, "Patient.managingOrganization", `{}`},
		{"no boolean", `{"active":"ja"}`, fhirxml.NoteNotCarried, "Patient.active", `{}`},
		{"boolean as text", `{"active":"true"}`, fhirxml.NoteJSONType, "Patient.active", `{"active":true}`},
		{"number for a text", `{"language":1}`, fhirxml.NoteJSONType, "Patient.language", `{"language":"1"}`},
		{"two variants", `{"deceasedBoolean":true,"deceasedDateTime":"2026"}`, fhirxml.NoteNotCarried, "Patient.deceasedDateTime", `{"deceasedBoolean":true}`},
		{"control character", `{"language":"a\u0001"}`, fhirxml.NoteNotCarried, "Patient.language", `{}`},
		{"extension of an id", `{"name":[{"id":"a","_id":{"id":"b"}}]}`, fhirxml.NoteNotCarried, "Patient.name[0]._id", `{"name":[{"id":"a"}]}`},
		{"sibling of an object", `{"_name":[{"id":"a"}]}`, fhirxml.NoteNotCarried, "Patient._name", `{}`},
		{"unknown resource inside", `{"contained":[{"resourceType":"Sykehus","id":"1"}]}`, fhirxml.NoteNotCarried, "Patient.contained[0]", `{}`},
		{"arrays not level", `{"name":[{"given":["a","b"],"_given":[{"id":"x"}]}]}`, fhirxml.NoteJSONType, "Patient.name[0].given", `{"name":[{"given":["a","b"],"_given":[{"id":"x"},null]}]}`},
		{"narrative broken", `{"text":{"status":"empty","div":"<div xmlns='http://www.w3.org/1999/xhtml'><p></div>"}}`, fhirxml.NoteNotCarried, "Patient.text.div", `{"text":{"status":"empty"}}`},
		{"narrative with two roots", `{"text":{"status":"empty","div":"<div xmlns='http://www.w3.org/1999/xhtml'/><div xmlns='http://www.w3.org/1999/xhtml'/>"}}`, fhirxml.NoteNotCarried, "Patient.text.div", `{"text":{"status":"empty"}}`},
		{"narrative that ends the element around it", `{"text":{"status":"empty","div":"<div xmlns='http://www.w3.org/1999/xhtml'></div></text><active value='true'/><text>"}}`, fhirxml.NoteNotCarried, "Patient.text.div", `{"text":{"status":"empty"}}`},
		{"narrative without namespace", `{"text":{"status":"empty","div":"<div>x</div>"}}`, fhirxml.NoteNarrative, "Patient.text.div", `{"text":{"status":"empty","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"}}`},
		{"narrative with named characters", `{"text":{"status":"empty","div":"<div xmlns='http://www.w3.org/1999/xhtml'>a&nbsp;&amp;&oslash;</div>"}}`, fhirxml.NoteNarrative, "Patient.text.div", `{"text":{"status":"empty","div":"<div xmlns='http://www.w3.org/1999/xhtml'>a&#160;&amp;&#248;</div>"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, err := fhir.ParseNode([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			n.Set("resourceType", fhir.String("Patient"))
			out, notes, err := fhirxml.Render(n, fhirxml.Style{})
			if err != nil {
				t.Fatal(err)
			}
			if len(notes) == 0 || notes[0].Code != tt.code || notes[0].Path != tt.path {
				t.Errorf("notes %v, want first %s at %s", notes, tt.code, tt.path)
			}
			want, _ := fhir.ParseNode([]byte(tt.back))
			want.Set("resourceType", fhir.String("Patient"))
			back, err := fhirxml.Parse(out, fhirxml.Options{})
			if err != nil || sorted(back) != sorted(want) {
				t.Errorf("back %s (%v), want %s", back.Bytes(), err, want.Bytes())
			}
		})
	}
	if _, _, err := fhirxml.Render(fhir.NewObject("resourceType", "Sykehus"), fhirxml.Style{}); samvirke.FaultOf(err).Code != fhirxml.CodeUnknownType {
		t.Errorf("unknown root: %v", err)
	}
}

// A narrative that borrows its namespaces from the elements around it takes them along.
func TestBorrowedNamespaces(t *testing.T) {
	doc := `<Patient xmlns="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml" xmlns:x="urn:x"><text><status value="empty"/>` +
		`<h:div><h:p x:y="1">a</h:p></h:div></text></Patient>`
	n, err := fhirxml.Parse([]byte(doc), fhirxml.Options{})
	want := `<h:div xmlns:h="http://www.w3.org/1999/xhtml" xmlns:x="urn:x"><h:p x:y="1">a</h:p></h:div>`
	if got := n.At("text.div").Text(); err != nil || got != want {
		t.Fatalf("got %s (%v)", got, err)
	}
	roundTrip(t, "borrowed", n, fhirxml.Style{})
}

func TestSniff(t *testing.T) {
	tests := []struct {
		doc  string
		want bool
	}{
		{head, true},
		{"\xef\xbb\xbf<?xml version='1.0'?><!-- x -->\n<f:Bundle xmlns:f='http://hl7.org/fhir'>", true},
		{`<MsgHead xmlns="http://www.kith.no/xmlstds/msghead/2006-05-24">`, false},
		{`<Patient>`, false},
		{`{"resourceType":"Patient"}`, false},
		{"", false},
	}
	for _, tt := range tests {
		if got := fhirxml.Sniff([]byte(tt.doc)); got != tt.want {
			t.Errorf("%.40s: got %v, want %v", tt.doc, got, tt.want)
		}
	}
}

// What Parse takes, Render writes without a note, and Parse reads the same again.
func FuzzParse(f *testing.F) {
	for _, path := range []string{"testdata/patient.xml", "testdata/bundle.xml"} {
		raw := readAll(f, path)
		f.Add(raw)
		if _, err := fhirxml.Parse(raw, fhirxml.Options{}); err != nil { // also unpacks the tables before coverage counts
			f.Fatal(err)
		}
	}
	f.Add([]byte(head + `<text><status value="empty"/><div xmlns="http://www.w3.org/1999/xhtml">&amp;<![CDATA[<]]></div></text></Patient>`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, err := fhirxml.Parse(raw, fhirxml.Options{MaxBytes: 1 << 16})
		if err != nil {
			if _, ok := errors.AsType[*samvirke.Fault](err); !ok {
				t.Fatalf("no fault: %v", err)
			}
			return
		}
		out, notes, err := fhirxml.Render(n, fhirxml.Style{})
		if err != nil || len(notes) > 0 {
			t.Fatalf("render: %v, notes %v", err, notes)
		}
		back, err := fhirxml.Parse(out, fhirxml.Options{})
		if err != nil || sorted(back) != sorted(n) {
			t.Fatalf("not equal: %v\n%s\n%s", err, sorted(n), sorted(back))
		}
		if again, err := fhir.ParseNode(n.Bytes()); err != nil || sorted(again) != sorted(n) {
			t.Fatalf("its JSON cannot be read: %v", err)
		}
	})
}

// Whatever JSON holds, Render writes XML that Parse reads; without notes it is equal.
func FuzzRender(f *testing.F) {
	f.Add(readAll(f, "testdata/patient.json"))
	f.Add(readAll(f, "testdata/bundle.json"))
	if _, _, err := fhirxml.Render(fhir.NewObject("resourceType", "Patient"), fhirxml.Style{}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, err := fhir.ParseNode(raw)
		if err != nil {
			return
		}
		out, notes, err := fhirxml.Render(n, fhirxml.Style{})
		if err != nil {
			return
		}
		back, err := fhirxml.Parse(out, fhirxml.Options{MaxBytes: 1 << 30})
		if err != nil {
			t.Fatalf("parse: %v\n%s", err, out)
		}
		if len(notes) == 0 && sorted(back) != sorted(n) {
			t.Fatalf("not equal and no note\n%s", difference(sorted(n), sorted(back)))
		}
	})
}
