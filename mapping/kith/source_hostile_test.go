package kith

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
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
