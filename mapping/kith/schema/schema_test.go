package schema_test

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/samvirke/samvirke/mapping/kith/schema"
	"github.com/samvirke/samvirke/mapping/mappingtest"
	"golang.org/x/net/html/charset"
)

// message leaves out the transport documents among the examples (ebXML, CPA), which have another driver schema.
func message(e mappingtest.Example) bool {
	return !strings.HasPrefix(e.File, "ebxml/") && !strings.HasPrefix(e.File, "cpp-cpa/")
}

func utf8(t testing.TB, raw []byte) []byte {
	t.Helper()
	head, _, _ := bytes.Cut(raw, []byte("?>"))
	if !bytes.Contains(bytes.ToUpper(head), []byte("8859-1")) {
		return raw
	}
	r, err := charset.NewReaderLabel("ISO-8859-1", bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Replace(out, []byte("ISO-8859-1"), []byte("UTF-8"), 1)
}

func newSet(t testing.TB) *schema.Set {
	t.Helper()
	s, err := schema.New()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Compile(); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestVerdictEqualsPublishedSchemas(t *testing.T) {
	s := newSet(t)
	for _, e := range mappingtest.Examples(t, func(e mappingtest.Example) bool { return e.WellFormed && message(e) }) {
		problems := check(t, s, bytes.TrimPrefix(utf8(t, e.Raw(t)), []byte("\xef\xbb\xbf")))
		if got := len(problems) == 0; got != e.SchemaValid {
			t.Errorf("%s: valid %v, the published schema says %v (%s): %v", e.File, got, e.SchemaValid, e.FirstError, problems)
		}
	}
}

const receipt = `<?xml version="1.0" encoding="UTF-8"?>
<AppRec xmlns="http://www.kith.no/xmlstds/apprec/2012-02-15">
<MsgType V="APPREC"/><MIGversion>v1.1 2012-02-15</MIGversion>
<GenDate>2026-01-02T03:04:05</GenDate><Id>0d7c8c52-1a2b-4c3d-8e4f-000000000001</Id>
<Sender><HCP><Inst><Name>Nordvik kommune</Name></Inst></HCP></Sender>
<Receiver><HCP><Inst><Name>Sydvik sykehus</Name></Inst></HCP></Receiver>
<Status V="1" DN="OK"/>
<OriginalMsgId><MsgType V="X"/><IssueDate>2026-01-02T03:00:00</IssueDate><Id>1</Id></OriginalMsgId>
</AppRec>`

func TestProblems(t *testing.T) {
	s := newSet(t)
	if p := s.Validate([]byte(receipt)); p != nil {
		t.Fatalf("valid receipt: %v", p)
	}
	hint := strings.Replace(receipt, "<AppRec ", `<AppRec xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:nobody x.xsd urn:a y.xsd" `, 1)
	if p := s.Validate([]byte(hint)); p != nil {
		t.Errorf("a schemaLocation hint must not matter: %v", p)
	}
	cases := []struct {
		name, doc  string
		line       int
		path, text string
	}{
		{"unknown element", strings.Replace(receipt, "<Id>0", "<Secret/><Id>0", 1), 4, "/AppRec", "not allowed here"},
		{"missing element", strings.Replace(receipt, `<Status V="1" DN="OK"/>`, "", 1), 8, "/AppRec", "not allowed here"},
		{"bad date", strings.Replace(receipt, "2026-01-02T03:04:05", "Danser", 1), 4, "/AppRec/GenDate", "does not fit"},
		{"unknown attribute", strings.Replace(receipt, `V="APPREC"`, `V="APPREC" Secret="Danser"`, 1), 3, "/AppRec/MsgType", "attribute"},
		{"unknown root", `<Nobody xmlns="urn:x"/>`, 1, "", "root element"},
		{"not well-formed", receipt[:len(receipt)-4], 9, "", "well-formed"},
		{"two roots", receipt + "<a/>", 9, "", "well-formed"},
		{"document type", strings.Replace(receipt, "<AppRec", `<!DOCTYPE x [<!ENTITY e "y">]><AppRec`, 1), 2, "", "document types"},
		{"not UTF-8", strings.Replace(receipt, "UTF-8", "ISO-8859-1", 1), 0, "", "not UTF-8"},
		{"empty", "", 0, "", "root element"},
		{"1,000 levels", strings.Repeat("<a>", 1000) + strings.Repeat("</a>", 1000), 1, "", "bound"},
		{"a name of 10,000 letters", "<" + strings.Repeat("a", 10000) + "/>", 1, "", "root element"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := s.Validate([]byte(c.doc))
			if len(p) == 0 {
				t.Fatal("passes")
			}
			if p[0].Line != c.line || c.path != "" && p[0].Path != c.path || !strings.Contains(p[0].Text, c.text) {
				t.Errorf("got %+v, want line %d, path %q, text %q", p[0], c.line, c.path, c.text)
			}
			for _, x := range p {
				if len(x.String()) > 500 {
					t.Errorf("problem of %d bytes", len(x.String()))
				}
				if strings.Contains(x.String(), "Danser") {
					t.Errorf("a value of the message leaks: %s", x)
				}
			}
		})
	}
	t.Run("after all that, a valid one", func(t *testing.T) {
		if p := s.Validate([]byte(receipt)); p != nil {
			t.Errorf("%v", p)
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	s, err := schema.New()
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if p := s.Validate([]byte(receipt)); p != nil {
					t.Errorf("%v", p)
				}
				if p := s.Validate([]byte(receipt[:300])); p == nil {
					t.Error("half a document passes")
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		s, err := schema.New()
		if err != nil || s.Compile() != nil {
			b.Fatal("no schemas")
		}
	}
}

// BenchmarkValidate uses a published message of about 8 KB.
func BenchmarkValidate(b *testing.B) {
	s := newSet(b)
	raw := utf8(b, mappingtest.Examples(b, func(e mappingtest.Example) bool {
		return e.File == "plo/v1.6/scenario/Pasientlogistikk_Innlagt_pasient_Ny.xml"
	})[0].Raw(b))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if p := s.Validate(raw); p != nil {
			b.Fatal(p)
		}
	}
}
