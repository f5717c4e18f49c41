package kith

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/kith/xmltree"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// TestHostileNamespaces reads, looks at and checks messages made so that finding a namespace for each element or attribute
// costs as much as the message is long: 200,000 declarations in force for 100,000 elements, a namespace that is as long, and as many
// plain attributes around them. They are refused before anything is looked up; without that, the second takes a minute of a processor
// and the others come as far as the schema or the type of the message lets them.
func TestHostileNamespaces(t *testing.T) {
	f := newFormat(t)
	good := read(t, "testdata/plo/log-innlagt-1.6/source.xml")
	with := func(attrs, inside string) []byte {
		return edited(t, good, "<MsgHead ", "<MsgHead"+attrs+" ", "<Content>", "<Content>"+inside)
	}
	elements := strings.Repeat("<a/>", 100_000)
	long := strings.Repeat("u", 3<<20)
	for name, c := range map[string]struct {
		raw  []byte
		code string
	}{
		"many declarations": {with(counted(200_000, ` xmlns:p%d="x"`), elements), "too-many-namespaces"},
		"a long namespace":  {with(` xmlns:l="`+long+`"`, strings.Repeat("<a"+counted(20, ` l:y%d=""`)+"/>", 14_000)), "too-many-namespaces"},
		"many attributes":   {with(counted(200_000, ` p%d="x"`), elements), "too-many-attributes"},
	} {
		t.Run(name, func(t *testing.T) {
			start := mappingtest.CPU()
			_, err := f.Parse(c.raw)
			if fault := samvirke.FaultOf(err); fault == nil || fault.Code != c.code || fault.Receipt != "T01" || fault.Class != samvirke.Invalid {
				t.Errorf("Parse: %v, want %s", err, c.code)
			}
			if !f.Recognises(c.raw) {
				t.Error("not recognised")
			}
			if s, ok := f.Sniff(c.raw); !ok || s.Format != Name {
				t.Errorf("the quick look finds %+v, %v", s, ok)
			}
			if took := mappingtest.CPU() - start; took > time.Minute {
				t.Errorf("took %s", took)
			}
		})
	}
}

// TestManyNamespacesAllowed: a message with as many declarations as are allowed, and a namespace as long, is the same message.
func TestManyNamespacesAllowed(t *testing.T) {
	f := newFormat(t)
	good := read(t, "testdata/plo/log-innlagt-1.6/source.xml")
	want, err := f.Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	var p xmltree.Parser
	src, err := readSource(&p, good, len(good))
	if err != nil {
		t.Fatal(err)
	}
	most := 0
	for _, e := range src.root.FindElements("//") {
		n := 0
		for s := scopeOf(e); s != nil; s = s.outer {
			n++
		}
		most = max(most, n)
	}
	more := counted(maxNamespaces-most-1, ` xmlns:x%d="u"`) + ` xmlns:long="` + strings.Repeat("u", maxNamespace) + `"`
	raw := edited(t, good, "<MsgHead ", "<MsgHead"+more+" ")
	got, err := f.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bundle.Bytes(), want.Bundle.Bytes()) || len(got.Notes) != len(want.Notes) || len(got.Warnings) != len(want.Warnings) {
		t.Errorf("another message: notes %v, warnings %v", got.Notes, got.Warnings)
	}
	if err := sameReading(&p, raw); err != nil {
		t.Error(err)
	}
	if _, err := f.Parse(edited(t, raw, "<MsgHead ", `<MsgHead xmlns:y="u" `)); samvirke.FaultOf(err) == nil || samvirke.FaultOf(err).Code != "too-many-namespaces" {
		t.Errorf("one more: %v", err)
	}
}

// TestHostileTexts reads messages that are legal and made so that a careless reading costs their length squared: a text in 390,000
// pieces, and an element with a note for each of its siblings. Reading the first took most of a minute of a processor.
func TestHostileTexts(t *testing.T) {
	f := newFormat(t)
	good := read(t, "testdata/plo/log-innlagt-1.6/source.xml")
	const pieces, notes = 390_000, 60_000
	typed := `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`
	phone := `<fk1:TeleCom xsi:type="fk1:TeleCom"><fk1:TypeTelecom V="HP" DN="Hovedtelefon"/><fk1:TeleAddress V="tel:1"/></fk1:TeleCom>`
	for name, c := range map[string]struct {
		raw  []byte
		read func(t *testing.T, p *mapping.Parsed)
	}{
		"a text in pieces": {edited(t, good, "<Merknad>", "<Merknad>"+strings.Repeat("a<!---->", pieces)), func(t *testing.T, p *mapping.Parsed) {
			if !bytes.Contains(p.Bundle.Bytes(), []byte(strings.Repeat("a", pieces))) {
				t.Error("the text is not there")
			}
		}},
		"a note for each sibling": {edited(t, good, "<p:Pasientlogistikk ", "<p:Pasientlogistikk "+typed+" ", "</fk1:TeleCom></Kontaktenhet>",
			"</fk1:TeleCom>"+strings.Repeat(phone, notes)+"</Kontaktenhet>"), func(t *testing.T, p *mapping.Parsed) {
			if len(p.Notes) != maxNotes+1 || p.Notes[maxNotes].Text != fmt.Sprintf("the same at %d more places", notes-maxNotes) {
				t.Errorf("%d notes, the last is %v", len(p.Notes), p.Notes[len(p.Notes)-1])
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			start := mappingtest.CPU()
			p, err := f.Parse(c.raw)
			if err != nil {
				t.Fatal(err)
			}
			c.read(t, p)
			if took := mappingtest.CPU() - start; took > time.Minute {
				t.Errorf("took %s", took)
			}
		})
	}
}
