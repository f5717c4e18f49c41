package schema_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/mapping/kith/schema"
)

// check reads and checks a document that is well-formed.
func check(t testing.TB, s *schema.Set, doc []byte) []schema.Problem {
	t.Helper()
	tree := etree.NewDocument()
	tree.ReadSettings.PreserveCData = true
	if err := tree.ReadFromBytes(doc); err != nil {
		t.Fatal(err)
	}
	return s.Check(tree.Root(), doc, true)
}

// inHeader is a message with a header and one document.
const inHeader = `<MsgHead xmlns="http://www.kith.no/xmlstds/msghead/2006-05-24" xmlns:k="http://www.kith.no/xmlstds">
<MsgInfo><Type V="X"/><MIGversion>v1.2 2006-05-24</MIGversion><GenDate>2026-01-02T03:04:05</GenDate><MsgId>1</MsgId>
<Sender><Organisation/></Sender><Receiver><Organisation/></Receiver>
<Patient><DateOfBirth>1969-11-13</DateOfBirth></Patient></MsgInfo>
<Document><FromDate V="2026-01"/><RefDoc><MsgType V="A"/><Content>
<Base64Container xmlns="http://www.kith.no/xmlstds/base64container">AAAA</Base64Container>
</Content></RefDoc></Document></MsgHead>`

func TestTexts(t *testing.T) {
	s := newSet(t)
	for _, c := range []struct{ doc, old, now, want string }{
		{receipt, `<Status V="1" DN="OK"/>`, "", `line 8: /AppRec missing-element: "Status" is missing before "OriginalMsgId"`},
		{receipt, `<Id>1</Id></OriginalMsgId>`, "</OriginalMsgId>", `line 8: /AppRec/OriginalMsgId missing-element: "Id" is missing in "OriginalMsgId"`},
		{receipt, `<Inst><Name>Nordvik kommune</Name></Inst>`, "", `line 5: /AppRec/Sender/HCP missing-element: "Inst" or "HCProf" is missing in "HCP"`},
		{receipt, "<Id>0", "<Hemmelig/><Id>0", `line 4: /AppRec unexpected-element: "Hemmelig" is not known here; allowed here: "Id"`},
		{receipt, "<GenDate>", "<SoftwareName/><Status/><GenDate>", `line 4: /AppRec misplaced-element: "Status" stands in the wrong place; allowed here: "SoftwareVersion" or "GenDate"`},
		{receipt, "</AppRec>", "<Error/></AppRec>", `line 9: /AppRec misplaced-element: "Error" stands in the wrong place; nothing more may follow`},
		{receipt, "<Id>0", "<Id/><Id>0", `line 4: /AppRec repeated-element: "Id" may stand here only once`},
		{receipt, "<Id>0", `<Id xmlns="urn:x"/><Id>0`, `line 4: /AppRec wrong-namespace: "Id" is in another namespace than the schema says`},
		{receipt, "2026-01-02T03:04:05", "2.1.2026", `line 4: /AppRec/GenDate bad-time: "GenDate" must be a date and time such as 2026-01-31T14:30:00`},
		{receipt, "2026-01-02T03:04:05", "", `line 4: /AppRec/GenDate bad-time: "GenDate" is empty; it must be a date and time such as 2026-01-31T14:30:00`},
		{receipt, `V="APPREC"`, `V="APPREC" Hemmelig="x"`, `line 3: /AppRec/MsgType unexpected-attribute: attribute "Hemmelig" is not allowed in "MsgType"`},
		{receipt, `<Sender>`, `<Sender>tekst`, `line 5: /AppRec/Sender unexpected-text: "Sender" holds elements: no text may stand between them`},
		{receipt, `<Sender>`, `<Sender><![CDATA[ ]]>`, `line 5: /AppRec/Sender unexpected-text: "Sender" holds elements: no text may stand between them`},
		{receipt, `DN="OK"/>`, `DN="OK"> </Status>`, `line 7: /AppRec/Status not-empty: "Status" must be empty: nothing may stand between its start and its end, not even a space or a line break`},
		{receipt, `DN="OK"/>`, `DN="OK"><b/></Status>`, `line 7: /AppRec/Status unexpected-element: "Status" must be empty: "b" is not allowed in it`},
		{receipt, `Nordvik kommune`, `<b/>`, `line 5: /AppRec/Sender/HCP/Inst/Name unexpected-element: "Name" holds a text: "b" is not allowed in it`},
		{inHeader, "v1.2 2006-05-24", "v1.1", `line 2: /MsgHead/MsgInfo/MIGversion fixed-value: "MIGversion" must be "v1.2 2006-05-24"`},
		{inHeader, "1969-11-13", "13.11.69", `line 4: /MsgHead/MsgInfo/Patient/DateOfBirth bad-date: "DateOfBirth" must be a date such as 2026-01-31`},
		{inHeader, "1969-11-13", "1969-02-29", `line 4: /MsgHead/MsgInfo/Patient/DateOfBirth bad-date: "DateOfBirth" must be a date such as 2026-01-31`},
		{inHeader, `"2026-01"`, `"jan"`, `line 5: /MsgHead/Document/FromDate bad-time: attribute "V" of "FromDate" must be a time such as 2026-01-31T14:30:00, or a date, month or year such as 2026-01-31, 2026-01 or 2026`},
		{inHeader, "AAAA", "AA?", `line 6: /MsgHead/Document/RefDoc/Content/Base64Container bad-base64: "Base64Container" must be base64: letters, digits, + and / in groups of four`},
		{inHeader, `<Base64Container xmlns="http://www.kith.no/xmlstds/base64container">AAAA</Base64Container>`, `<x xmlns="urn:x"/>`, `line 6: /MsgHead/Document/RefDoc/Content unknown-content: there is no schema for "x"`},
		{inHeader, `<FromDate V="2026-01"/>`, `<ContentType S="nei"/>`, `line 5: /MsgHead/Document/ContentType bad-oid: attribute "S" of "ContentType" must be an object identifier such as 2.16.578.1.12.4.1.1.8116: numbers with points between`},
		{inHeader, ` xmlns:k=`, ` xmlns:q="a b" xmlns:k=`, `line 1: /MsgHead bad-namespace: a namespace is not a valid address`},
		{inHeader, "<Sender>", "<?a:b?><Sender>", `line 2: /MsgHead/MsgInfo not-well-formed: a processing instruction has a colon in its name`},
		{inHeader, "MsgHead", "Hode", `line 1: /Hode unknown-root: this root element is not known`},
	} {
		doc := strings.ReplaceAll(c.doc, c.old, c.now)
		if doc == c.doc {
			t.Fatalf("nothing of %q", c.old)
		}
		got := check(t, s, []byte(doc))
		if len(got) != 1 {
			t.Errorf("%s -> %s: %d problems: %v", c.old, c.now, len(got), got)
		}
		if len(got) == 0 {
			continue
		}
		p := got[0]
		if text := fmt.Sprintf("line %d: %s %s: %s", p.Line, p.Path, p.Code, p.Text); text != c.want {
			t.Errorf("\ngot  %s\nwant %s", text, c.want)
		}
	}
	for _, good := range []string{receipt, inHeader} {
		if p := check(t, s, []byte(good)); p != nil {
			t.Errorf("valid: %v", p)
		}
	}
}

// TestNumbersOfMistakes: a document of many mistakes gives a bounded list, in the order of the text.
func TestNumbersOfMistakes(t *testing.T) {
	s := newSet(t)
	doc := bytes.Replace([]byte(receipt), []byte("<GenDate>"), bytes.Repeat([]byte("<Ukjent/>\n"), 1000), 1)
	doc = bytes.Replace(doc, []byte("</GenDate>"), nil, 1)
	got := check(t, s, doc)
	if len(got) != schema.MaxProblems {
		t.Errorf("%d problems", len(got))
	}
	for i := range got[1:] {
		if got[i].Line > got[i+1].Line {
			t.Errorf("line %d before %d", got[i].Line, got[i+1].Line)
		}
	}
}
