package kith

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/samvirke/samvirke/mapping/mappingtest"
)

const sniffHead = `<?xml version="1.0" encoding="UTF-8"?>
<!-- a <MsgHead/> in a comment -->
<mh:MsgHead xmlns:mh="http://www.kith.no/xmlstds/msghead/2006-05-24"><mh:MsgInfo><mh:Type V="LOG_INNLAGT" DN="a > b"/>
<mh:GenDate>2026-03-01T10:00:00Z</mh:GenDate><mh:MsgId><![CDATA[5f0c6f5e-0000-4000-8000-000000000001]]></mh:MsgId>
<mh:Sender><mh:Organisation><mh:Ident><mh:Id>59</mh:Id></mh:Ident></mh:Organisation></mh:Sender>
<mh:Patient><mh:Ident><mh:Id>13116900216</mh:Id><mh:TypeId V='FNR'/></mh:Ident></mh:Patient></mh:MsgInfo>
<mh:Document><mh:RefDoc><mh:MsgType V="XML"/><mh:Content>
<Pasientlogistikk xmlns="http://www.kith.no/xmlstds/po/Pasientlogistikk/2012-04-01"/></mh:Content></mh:RefDoc></mh:Document></mh:MsgHead>`

func TestSniff(t *testing.T) {
	s, ok := sniff([]byte(sniffHead))
	if !ok || s.Format != Name || s.Kind != "LOG_INNLAGT" || s.Version != "1.6" ||
		s.ExternalID != "5f0c6f5e-0000-4000-8000-000000000001" ||
		s.Patient != "urn:oid:2.16.578.1.12.4.1.4.1|13116900216" ||
		!s.GeneratedAt.Equal(time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("got %+v, %v", s, ok)
	}
	units := utf16.Encode([]rune(sniffHead))
	wide := []byte{0xFE, 0xFF}
	for _, u := range units {
		wide = append(wide, byte(u>>8), byte(u))
	}
	if w, ok := sniff(wide); !ok || w != s {
		t.Errorf("UTF-16: got %+v, %v", w, ok)
	}
	for i := range len(sniffHead) { // cut off anywhere: no panic, and ours as soon as the root is there
		root := strings.Index(sniffHead, "<mh:MsgInfo>") - 1
		if got, ok := sniff([]byte(sniffHead[:i])); ok != (i >= root) {
			t.Fatalf("cut at %d: ok %v, %+v", i, ok, got)
		}
	}
}

func TestSniffForeign(t *testing.T) {
	cases := map[string]string{
		"empty":           "",
		"json":            `{"resourceType":"Bundle"}`,
		"text":            "hello",
		"other root":      `<Bundle xmlns="http://hl7.org/fhir"/>`,
		"right name only": `<MsgHead/>`,
		"other namespace": `<MsgHead xmlns="urn:x"/>`,
		"undeclared":      `<mh:MsgHead/>`,
		"document type":   `<!DOCTYPE MsgHead [<!ENTITY a "b">]>` + sniffHead,
		"end tag first":   `</a>` + sniffHead,
		"zeros":           strings.Repeat("\x00", 100),
		"open tag":        "<",
		"open comment":    "<!--",
		"open cdata":      "<![CDATA[",
	}
	for name, doc := range cases {
		t.Run(name, func(t *testing.T) {
			if s, ok := sniff([]byte(doc)); ok {
				t.Errorf("taken as %+v", s)
			}
		})
	}
}

// Messages made to keep the scan busy must cost no more than their length.
func TestSniffHostile(t *testing.T) {
	big := 3 << 20
	cases := map[string]string{
		"levels":     sniffHead[:300] + strings.Repeat("<a>", big/3),
		"attributes": `<MsgHead ` + strings.Repeat(`a="" `, big/5) + ">",
		"namespaces": `<MsgHead xmlns="http://www.kith.no/xmlstds/msghead/2006-05-24">` + strings.Repeat(`<a xmlns:b="c"/>`, big/16),
		"tags":       `<MsgHead xmlns="http://www.kith.no/xmlstds/msghead/2006-05-24">` + strings.Repeat(`<`, big),
		"cdata":      `<MsgHead xmlns="http://www.kith.no/xmlstds/msghead/2006-05-24">` + strings.Repeat(`<![CDATA[`, big/9),
		"long value": strings.Replace(sniffHead, "5f0c6f5e", strings.Repeat("5", big), 1),
	}
	for name, doc := range cases {
		t.Run(name, func(t *testing.T) {
			start := mappingtest.CPU()
			s, _ := sniff([]byte(doc))
			if took := mappingtest.CPU() - start; took > time.Minute {
				t.Errorf("took %v", took)
			}
			if len(s.ExternalID) > maxSniffValue {
				t.Errorf("an id of %d bytes", len(s.ExternalID))
			}
		})
	}
}

func TestSniffExamples(t *testing.T) {
	for _, e := range mappingtest.Examples(t, nil) {
		s, ok := sniff(e.Raw(t))
		want := e.Root == "MsgHead" || e.Root == "AppRec" || e.Root == "Message"
		if ok != want && e.WellFormed {
			t.Errorf("%s: ok %v, root %s", e.File, ok, e.Root)
			continue
		}
		if !ok {
			continue
		}
		if e.MessageType != "" && s.Kind != kindOf(e.MessageType) {
			t.Errorf("%s: kind %q, want %q", e.File, s.Kind, e.MessageType)
		}
		if e.MsgID != "" && s.ExternalID != strings.TrimSpace(e.MsgID) {
			t.Errorf("%s: id %q, want %q", e.File, s.ExternalID, e.MsgID)
		}
		if e.WellFormed && e.PatientID != "" && !slices.Contains(strings.Split(strings.ReplaceAll(e.PatientID, " ", ""), ";"), strings.TrimPrefix(s.Patient, s.Patient[:strings.IndexByte(s.Patient, '|')+1])) {
			t.Errorf("%s: patient %q, want %q", e.File, s.Patient, e.PatientID)
		}
		if e.Generated != "" && s.GeneratedAt.IsZero() {
			t.Errorf("%s: no time in %q", e.File, e.Generated)
		}
		if s.Version == "" && e.SchemaValid && versions[e.Namespace] != "" {
			t.Errorf("%s: no version for %s", e.File, e.Namespace)
		}
	}
}

// TestTagLength holds the end of a tag against a plain statement of it: the first ">" outside quotes.
func TestTagLength(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for range 20_000 {
		b := []byte{'<'}
		for range rng.IntN(20) {
			b = append(b, `ab= '">/`[rng.IntN(8)])
		}
		want, quote := len(b), byte(0)
		for i, c := range b[1:] {
			if quote == 0 && c == '>' {
				want = i + 2
				break
			}
			switch {
			case quote == 0 && (c == '"' || c == '\''):
				quote = c
			case c == quote:
				quote = 0
			}
		}
		if got := tagLength(b); got != want {
			t.Fatalf("%q: %d, want %d", b, got, want)
		}
	}
}

func FuzzSniff(f *testing.F) {
	f.Add([]byte(sniffHead))
	f.Add([]byte(`<Message xmlns="http://www.kith.no/xmlstds/epikrise/2012-02-15"><Type V="EPIKRISE"/><ServRprt><Patient><OffId>1</OffId></Patient></ServRprt></Message>`))
	f.Add([]byte(`<AppRec xmlns="http://www.kith.no/xmlstds/apprec/2012-02-15"><Id>1</Id><Sender/></AppRec>`))
	f.Add([]byte("<a b='<!-- ]]> --></a><?x"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, ok := sniff(raw)
		if !ok && s.Kind+s.ExternalID != "" {
			t.Errorf("not ours, yet %+v", s)
		}
		if len(s.ExternalID) > maxSniffValue || len(s.Kind) > maxSniffValue {
			t.Error("a value over the bound")
		}
	})
}

func BenchmarkSniff(b *testing.B) {
	filling := strings.Repeat("<Y V='1' DN='two'>three</Y>\n", 220) // 6.6 KB
	cases := map[string]string{
		"header first": strings.Replace(sniffHead, "</mh:Content>", filling+"</mh:Content>", 1),
		"patient last": `<Message xmlns="http://www.kith.no/xmlstds/epikrise/2012-02-15"><Type V="EPIKRISE"/><ServRprt><Event>` + filling +
			`</Event><Patient><OffId>13116900216</OffId><TypeOffId V="FNR"/></Patient></ServRprt></Message>`,
	}
	for name, doc := range cases {
		b.Run(name, func(b *testing.B) {
			raw := []byte(doc)
			b.ReportAllocs()
			for b.Loop() {
				if s, ok := sniff(raw); !ok || s.Version == "" || s.Patient == "" {
					b.Fatal("not recognised")
				}
			}
		})
	}
}
