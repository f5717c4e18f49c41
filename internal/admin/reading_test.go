package admin

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir"
)

// messageWithFiles is a canonical message with three attachments: one that opens, one that lies about itself, one of XML.
const messageWithFiles = `{"resourceType":"Bundle","type":"message","entry":[
 {"resource":{"resourceType":"MessageHeader","eventCoding":{"system":"urn:oid:2.16.578.1.12.4.1.1.8279","code":"DIALOG_HELSEFAGLIG","display":"Helsefaglig <b>dialog</b>"}}},
 {"resource":{"resourceType":"DocumentReference","description":"EKG","content":[{"attachment":{"contentType":"application/pdf","data":"JVBERi0xLjQKJSVFT0YK"}}]}},
 {"resource":{"resourceType":"DocumentReference","description":"Bilde","content":[{"attachment":{"contentType":"image/png","data":"PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=="}}]}},
 {"resource":{"resourceType":"DocumentReference","description":"Skjema","content":[{"attachment":{"contentType":"application/xml","data":"PGEvPg=="}}]}}]}`

// withReading gives a served house the ability to read messages: any bytes are the message above, except "broken".
func withReading(t *testing.T) *house {
	t.Helper()
	h := signedIn(t, newCourse(t).st)
	b, err := fhir.ParseBundle([]byte(messageWithFiles))
	if err != nil {
		t.Fatal(err)
	}
	h.s.desk.canonical = func(raw []byte) (*fhir.Bundle, error) {
		if strings.HasPrefix(string(raw), "broken") {
			return nil, errors.New("no message of " + testPatient)
		}
		return b, nil
	}
	return h
}

func TestReading(t *testing.T) {
	t.Parallel()
	h := withReading(t)
	for _, path := range []string{"/messages/m0001/read", "/deliveries/d0001/read"} {
		a := h.get(path)
		if a.status != http.StatusOK {
			t.Fatalf("%s: status %d", path, a.status)
		}
		checkHTML(t, path, a.body)
		checkNoNumber(t, path, a)
		for _, want := range []string{`<article class="r-page" lang="nb">`, "Helsefaglig &lt;b&gt;dialog&lt;/b&gt;", `href="` + path + `/1"`, "/assets/reading.css?v="} {
			if !strings.Contains(a.body, want) {
				t.Errorf("%s lacks %s", path, want)
			}
		}
		if got := h.st.lastAudit(); got.Action != "read-content" || got.Patient != testPatient || got.Who != "kari" {
			t.Errorf("%s: audit %+v", path, got)
		}
	}
	trace := h.get("/messages/m0001").body
	if !strings.Contains(trace, `href="/messages/m0001/read"`) || !strings.Contains(trace, "Les meldingen") {
		t.Error("the trace does not lead to the message")
	}
	if a := h.get(h.s.pages.reading); a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "text/css") || !strings.Contains(a.body, ".r-page") {
		t.Errorf("style sheet: %d %s", a.status, a.header.Get("Content-Type"))
	}
}

// TestAttachmentsAreKeptApart: what opens has a type found from the bytes and a policy of its own; the rest is only downloaded.
func TestAttachmentsAreKeptApart(t *testing.T) {
	t.Parallel()
	h := withReading(t)
	for _, tt := range []struct {
		n, contentType, disposition, body string
	}{
		{"1", "application/pdf", `inline; filename="EKG.pdf"`, "%PDF-1.4"},
		{"2", "application/octet-stream", `attachment; filename="Bilde.bin"`, "<script>"},
		{"3", "application/octet-stream", `attachment; filename="Skjema.xml"`, "<a/>"},
	} {
		a := h.get("/messages/m0001/read/" + tt.n)
		if a.status != http.StatusOK || a.header.Get("Content-Type") != tt.contentType || a.header.Get("Content-Disposition") != tt.disposition || !strings.HasPrefix(a.body, tt.body) {
			t.Errorf("attachment %s: %d %s %s %.20q", tt.n, a.status, a.header.Get("Content-Type"), a.header.Get("Content-Disposition"), a.body)
		}
		csp := a.header.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "script") || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("attachment %s: policy %q", tt.n, csp)
		}
		if got := h.st.lastAudit(); got.Action != "open-attachment" || got.Object != "m0001 attachment "+tt.n || got.Patient != testPatient {
			t.Errorf("attachment %s: audit %+v", tt.n, got)
		}
	}
	for _, n := range []string{"0", "4", "-1", "x", "99999999999999999999"} {
		if a := h.get("/messages/m0001/read/" + n); a.status != http.StatusNotFound {
			t.Errorf("attachment %s: status %d", n, a.status)
		}
	}
}

func TestReadingWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	h := withReading(t)
	h.s.desk.canonical = func([]byte) (*fhir.Bundle, error) { return nil, errors.New("no message of " + testPatient) }
	a := h.get("/messages/m0001/read")
	if a.status != http.StatusBadRequest || !strings.Contains(a.body, "cannot be shown as a page") || strings.Contains(a.body, testPatient) {
		t.Errorf("status %d: %.200s", a.status, a.body)
	}
	h.s.desk.canonical = nil
	if a := h.get("/messages/m0001/read"); a.status != http.StatusNotFound {
		t.Errorf("without formats: status %d", a.status)
	}
	if strings.Contains(h.get("/messages/m0001").body, "Les meldingen") {
		t.Error("a page is offered that is not there")
	}
	if a := h.get("/messages/nowhere/read"); a.status != http.StatusNotFound {
		t.Errorf("no such message: status %d", a.status)
	}
	// Nothing is shown when it cannot be audited.
	h = withReading(t)
	h.st.failAudit = errors.New("disk is full")
	for _, path := range []string{"/messages/m0001/read", "/messages/m0001/read/1"} {
		if a := h.get(path); a.status == http.StatusOK || strings.Contains(a.body, "%PDF") || strings.Contains(a.body, "Helsefaglig") {
			t.Errorf("%s: status %d without audit", path, a.status)
		}
	}
}

// fakeTables are two kinds with a few rows.
type fakeTables struct{}

func (fakeTables) Kinds() []string { return []string{"A_KIND", "B_KIND"} }

func (fakeTables) Versions(kind string) []string {
	return map[string][]string{"A_KIND": {"1.5", "1.6"}, "B_KIND": {"1.0"}}[kind]
}

func (fakeTables) Table(kind, version string) []MappingRow {
	if kind != "A_KIND" && kind != "B_KIND" || version == "9.9" {
		return nil
	}
	return []MappingRow{
		{XML: "/MsgHead", Cardinality: "1", Direction: "both"},
		{XML: "/MsgHead/MsgInfo", Cardinality: "1", Direction: "both"},
		{XML: "/MsgHead/MsgInfo/Type", FHIR: "MessageHeader.eventCoding", Cardinality: "1", Type: "Coding", Codes: "8279", Direction: "both"},
		{XML: "/MsgHead/MsgInfo/MIGversion", Cardinality: "1", Type: "fixed", Codes: "v1.2", Direction: "out"},
		{XML: "/MsgHead/MsgInfo/Sender", FHIR: "Organization", Cardinality: "1", Direction: "both"},
		{XML: "/MsgHead/MsgInfo/Sender/Organisation/OrganisationName", FHIR: "Organization.name", Cardinality: "1", Type: "string", Direction: "both", Note: "<i>note</i>"},
		{XML: "/MsgHead/Document/RefDoc/Content/Rapport/Diagnose", FHIR: "Condition", Cardinality: "*", Direction: "both"},
		{XML: "/MsgHead/Document/RefDoc/Content/Rapport/Diagnose/Kode", FHIR: "Condition.code", Cardinality: "?", Type: "CodeableConcept", Direction: "both"},
	}
}

func TestMappingPages(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newFakeStore())
	if a := h.get("/mapping"); a.status != http.StatusNotFound {
		t.Errorf("without tables: status %d", a.status)
	}
	h.s.opt.Mappings = fakeTables{}
	for path, wants := range map[string][]string{
		"/mapping":                        {`href="/mapping/A_KIND"`, `href="/mapping/A_KIND?version=1.5"`, `href="/mapping/B_KIND"`},
		"/mapping/A_KIND":                 {"version 1.6", "4 elements with a value", ">/MsgHead/MsgInfo<", ">/MsgHead/MsgInfo/Sender<", "Rapport/Diagnose<", "written only", "&lt;i&gt;note&lt;/i&gt;", "0–1"},
		"/mapping/A_KIND?version=1.5":     {"version 1.5"},
		"/mapping/A_KIND?q=kode+diagnose": {"1 element with", "Condition.code"},
		"/mapping/A_KIND?q=nothing":       {"No element has all of these words"},
	} {
		a := h.get(path)
		if a.status != http.StatusOK {
			t.Errorf("%s: status %d", path, a.status)
			continue
		}
		checkHTML(t, path, a.body)
		for _, want := range wants {
			if !strings.Contains(a.body, want) {
				t.Errorf("%s lacks %s", path, want)
			}
		}
	}
	if body := h.get("/mapping/A_KIND?q=kode").body; strings.Contains(body, "OrganisationName") {
		t.Error("the search shows what does not match")
	}
	for _, path := range []string{"/mapping/NO_KIND", "/mapping/A_KIND?version=9.9", "/mapping/A_KIND?version=7", "/mapping/A_KIND?q=" + strings.Repeat("x", 101)} {
		if a := h.get(path); a.status != http.StatusNotFound {
			t.Errorf("%s: status %d", path, a.status)
		}
	}
	if !strings.Contains(h.get("/overview").body, `href="/mapping"`) {
		t.Error("no page leads to the tables")
	}
}
