package kith

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
)

// edit replaces a text of the good message; it must be there.
func edited(t *testing.T, good []byte, pairs ...string) []byte {
	t.Helper()
	s := string(good)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(s, pairs[i]) {
			t.Fatalf("the good message has no %q", pairs[i])
		}
		s = strings.Replace(s, pairs[i], pairs[i+1], 1)
	}
	return []byte(s)
}

type badInput struct {
	name, code, receipt string
	raw                 []byte
	envelope            bool // the sender must be known
}

// counted is a text with a number in it, n times with the numbers from 0 on.
func counted(n int, text string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, text, i)
	}
	return b.String()
}

// latin is the good message in another encoding, and says so.
func latin(t *testing.T, good []byte) []byte {
	s := edited(t, good, `encoding="UTF-8"`, `encoding="ISO-8859-1"`)
	var out []byte
	for _, r := range string(s) {
		out = append(out, byte(r))
	}
	return out
}

func badInputs(t *testing.T, good []byte) []badInput {
	fnr := `<Id>13116900216</Id>`
	return []badInput{
		{"empty", "not-xml", "T01", nil, false},
		{"not XML", "not-xml", "T01", []byte("hello, world"), false},
		{"JSON", "not-xml", "T01", []byte(`{"resourceType":"Bundle"}`), false},
		{"only a declaration", "not-xml", "T01", []byte(`<?xml version="1.0"?>`), false},
		{"not well-formed", "not-well-formed", "T01", edited(t, good, "</Sender>", "</Sander>"), false},
		{"cut off", "not-well-formed", "T01", good[:len(good)/2], false},
		{"unknown entity", "not-well-formed", "T01", edited(t, good, "Slagenheten", "&slag;"), false},
		{"two roots", "two-roots", "T01", append(append([]byte(nil), good...), "<b/>"...), false},
		{"text after the root", "not-well-formed", "T01", append(append([]byte(nil), good...), "x"...), false},
		{"DOCTYPE", "doctype", "T01", edited(t, good, "<MsgHead ", "<!DOCTYPE a [<!ENTITY x \"y\">]>\n<MsgHead "), false},
		{"1,000 levels", "too-deep", "T01", []byte(strings.Repeat("<a>", 1000) + strings.Repeat("</a>", 1000)), false},
		{"too large", "too-large", "T01", append(append([]byte(nil), good...), bytes.Repeat([]byte(" "), 1<<20)...), false},
		{"too many elements", "too-many-elements", "T01", []byte("<a>" + strings.Repeat("<", maxElements*2+2) + "</a>"), false},
		{"too many attributes", "too-many-attributes", "T01", []byte("<a " + strings.Repeat(`="`, maxAttributes+2) + "/>"), false},
		{"too many attributes on one element", "too-many-attributes", "T01", edited(t, good, "<MsgInfo>", "<MsgInfo"+counted(maxOnElement+1, ` x%d=""`)+">"), false},
		{"too many namespaces on one element", "too-many-namespaces", "T01", edited(t, good, "<MsgInfo>", "<MsgInfo"+counted(maxNamespaces+1, ` xmlns:x%d="u"`)+">"), false},
		{"too many namespaces in force", "too-many-namespaces", "T01", edited(t, good, "<MsgHead ", "<MsgHead"+counted(maxNamespaces/2, ` xmlns:x%d="u"`)+" ",
			"<MsgInfo>", "<MsgInfo"+counted(maxNamespaces/2, ` xmlns:x%d="u"`)+">"), false},
		{"too long a namespace", "too-many-namespaces", "T01", edited(t, good, "<MsgInfo>", `<MsgInfo xmlns:x="`+strings.Repeat("u", maxNamespace+1)+`">`), false},
		{"wrong encoding declared", "encoding", "T01", edited(t, latin(t, good), "ISO-8859-1", "UTF-8"), false},
		{"unknown encoding", "encoding", "T01", edited(t, good, "UTF-8", "EBCDIC-X"), false},
		{"undeclared prefix", "undeclared-prefix", "T01", edited(t, good, "<Merknad>", "<zz:Merknad>", "</Merknad>", "</zz:Merknad>"), false},
		{"copy receiver without role", "schema", "T02", edited(t, good, "</Receiver>", "</Receiver><OtherReceiver/>"), true},
		{"attribute twice", "duplicate-attribute", "T01", edited(t, good, `V="LOG_INNLAGT"`, `V="LOG_INNLAGT" V="LOG_DOD"`), false},
		{"unknown root", "unknown-format", "T10", []byte(`<a xmlns="urn:x"/>`), false},
		{"unknown type", "unknown-type", "T10", edited(t, good, `V="LOG_INNLAGT"`, `V="LOG_REIST"`), true},
		{"type of another schema", "type-mismatch", "T99", edited(t, good, `V="LOG_INNLAGT"`, `V="INNLEGGELSESRAPPORT"`), true},
		{"type of another child", "type-mismatch", "T99", edited(t, good, `V="LOG_INNLAGT"`, `V="LOG_UTSKREVET"`), true},
		{"unknown version", "unknown-version", "T10", []byte(strings.ReplaceAll(string(good), "Pasientlogistikk/2012-04-01", "Pasientlogistikk/2031-01-01")), true},
		{"no content", "type-mismatch", "T99", edited(t, good, "p:Pasientlogistikk xmlns:p", "b:Base64Container xmlns:b", "</p:Pasientlogistikk>", "</b:Base64Container>",
			`<p:Meld`, `<Meld`, `</p:Meld`, `</Meld`), true},
		{"schema", "schema", "T02", edited(t, good, "<Anslag>false</Anslag>", ""), true},
		{"wrong boolean", "schema", "T02", edited(t, good, "<Anslag>false</Anslag>", "<Anslag>kanskje</Anslag>"), true},
		{"no patient", "patient-missing", "E36", cut(t, good, "<Patient>", "</Patient>"), true},
		{"wrong check digit", "check-digit", "E36", edited(t, good, fnr, "<Id>13116900226</Id>"), true},
		{"no person number", "identifier-syntax", "E36", edited(t, good, fnr, "<Id>F16</Id>"), true},
		{"patient without name", "patient-insufficient", "E36", edited(t, good, "<FamilyName>Havn</FamilyName><MiddleName>Nes</MiddleName><GivenName>Solveig</GivenName>", ""), true},
		{"H-number alone", "patient-insufficient", "E36", edited(t, good, fnr, "<Id>25436000305</Id>", `V="FNR"`, `V="HNR"`, `<DateOfBirth>1969-11-13</DateOfBirth><Sex V="2" DN="Kvinne"/>`, ""), true},
		{"message id no UUID", "message-id", "E10", edited(t, good, "6f1d2c3a-0000-4000-8000-000000000001", "melding 17"), true},
	}
}

// TestBadInput: every kind of wrong input has a stable code, the receipt code of list 8221, and
// an envelope for the receipt as far as it can be read.
func TestBadInput(t *testing.T) {
	f, err := New(Options{MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	good := read(t, "testdata/plo/log-innlagt-1.6/source.xml")
	if _, err := f.Parse(good); err != nil {
		t.Fatalf("the good message: %v", err)
	}
	for _, c := range badInputs(t, good) {
		t.Run(c.name, func(t *testing.T) {
			p, err := f.Parse(c.raw)
			if err == nil {
				t.Fatal("no fault")
			}
			fault := samvirke.FaultOf(err)
			if fault.Code != c.code || fault.Receipt != c.receipt || fault.Class != samvirke.Invalid {
				t.Errorf("got %s %s %s, want %s %s", fault.Class, fault.Code, fault.Receipt, c.code, c.receipt)
			}
			if fault.Safe == "" {
				t.Error("no text for the sender")
			}
			for _, secret := range []string{"13116900216", "Solveig", "Havn"} {
				if strings.Contains(err.Error(), secret) {
					t.Error("the fault names the patient")
				}
			}
			if c.envelope && (p == nil || p.Envelope.Sender.HER() != "700011" || p.Envelope.ID == "") {
				t.Errorf("no envelope for a receipt: %+v", p)
			}
		})
	}
}

// TestEncodings: declared encodings are honoured, and odd ones noted.
func TestEncodings(t *testing.T) {
	f := newFormat(t)
	good := read(t, "testdata/plo/log-innlagt-1.6/source.xml")
	t.Run("Latin-1 is read", func(t *testing.T) {
		p, err := f.Parse(latin(t, good))
		if err != nil {
			t.Fatal(err)
		}
		ok, _ := f.Parse(good)
		if !bytes.Equal(p.Bundle.Bytes(), ok.Bundle.Bytes()) {
			t.Error("another encoding gave another message")
		}
	})
	t.Run("UTF-8 with a Latin-1 label is noted", func(t *testing.T) {
		p, err := f.Parse(edited(t, good, `encoding="UTF-8"`, `encoding="ISO-8859-1"`))
		if err != nil {
			t.Fatal(err)
		}
		if n := p.Notes; len(n) == 0 || n[len(n)-1].Code != "encoding" {
			t.Errorf("notes %v", n)
		}
	})
	t.Run("UTF-16 is read", func(t *testing.T) {
		s := edited(t, good, "UTF-8", "UTF-16")
		out := []byte{0xfe, 0xff}
		for _, r := range string(s) {
			out = append(out, byte(r>>8), byte(r))
		}
		if _, err := f.Parse(out); err != nil {
			t.Error(err)
		}
	})
	t.Run("schema fault has line and path", func(t *testing.T) {
		_, err := f.Parse(edited(t, good, "<Anslag>false</Anslag>", "<Anslag>kanskje</Anslag>"))
		if fault := samvirke.FaultOf(err); fault.Line == 0 || !strings.Contains(fault.Path, "Anslag") {
			t.Errorf("line %d, path %q", fault.Line, fault.Path)
		}
	})
}

func cut(t *testing.T, s []byte, from, to string) []byte {
	t.Helper()
	i, j := bytes.Index(s, []byte(from)), bytes.Index(s, []byte(to))
	if i < 0 || j < 0 {
		t.Fatal("nothing to cut")
	}
	return append(append([]byte(nil), s[:i]...), s[j+len(to):]...)
}

// TestNeverRefused: unknown codes and odd content are carried, with a warning where a person should know.
func TestNeverRefused(t *testing.T) {
	f := newFormat(t)
	good := read(t, "testdata/plo/log-innlagt-1.6/source.xml")
	code := `<Hendelsekode V="1" S="2.16.578.1.12.4.1.1.9121" DN="Pasient innlagt"/>`
	for _, c := range []struct {
		name, warning string
		raw           []byte
	}{
		{"unknown event", "unknown-event", edited(t, good, code, strings.Replace(code, `V="1"`, `V="77"`, 1))},
		{"event of another type", "event-code", edited(t, good, code, strings.Replace(code, `V="1"`, `V="3"`, 1))},
		{"no event code", "event-code", edited(t, good, code, "")},
		{"estimated admission", "estimate", edited(t, good, "<Anslag>false", "<Anslag>true")},
		{"admission without time of day", "event-time", edited(t, good, "2026-11-02T13:05:00", "2026-11-02")},
		{"unknown status", "unknown-op", edited(t, good, `<Forsendelsesstatus V="N"`, `<Forsendelsesstatus V="Q"`)},
		{"change without reference", "no-reference", edited(t, good, `<Forsendelsesstatus V="N"`, `<Forsendelsesstatus V="M"`)},
		{"unknown sex code", "", edited(t, good, `<Sex V="2"`, `<Sex V="X"`)},
		{"code without value", "", edited(t, good, `<Sex V="2" DN="Kvinne"/>`, `<Sex/>`)},
		{"empty code", "", edited(t, good, `<Sex V="2" DN="Kvinne"/>`, `<Sex V="" DN=""/>`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := f.Parse(c.raw)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, w := range p.Warnings {
				got += w.Code + " "
			}
			if !strings.Contains(got, c.warning) || c.warning == "" && got != "" {
				t.Errorf("warnings %q, want %q", got, c.warning)
			}
			thereAndBack(t, f, c.raw)
		})
	}
}
