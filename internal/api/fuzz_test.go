package api

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
)

// FuzzSearch: any query is read or refused with a fault whose text quotes nothing of it, and what was read can be
// matched and written again as a link that reads the same.
func FuzzSearch(f *testing.F) {
	for _, q := range []string{"", "_id=1", "status=active,completed", `code=a\,b|c\|d`, "date=ge2026-01-01T10:00:00.5+01:00&date=lt2027", "patient.identifier=urn:x|12345678901",
		"_include=Task:focus:ServiceRequest&_include:iterate=*&_revinclude=Provenance:target", "_sort=-_lastUpdated,_id&_count=5&_cursor=x", "subject:Patient=1&owner:identifier=a|b",
		"_elements=id,Task.status&_summary=true", "status:missing=true&status:not=x", "_total=accurate&%gh=1", "modified=apx&period=sa2026-02-30", "=&:=&.=", "a" + strings.Repeat(",", 200)} {
		f.Add(q, true)
		f.Add(q, false)
	}
	h, err := New(Options{Store: noStore{}, Auth: func(*http.Request) (string, bool) { return "", false }, PlanID: func(s string) string { return fhir.NameUUID(s)[:8] + strings.Repeat("0", 24) }})
	if err != nil {
		f.Fatal(err)
	}
	a, _ := h.(*api)
	task, err := fhir.ParseNode([]byte(`{"resourceType":"Task","id":"1","meta":{"lastUpdated":"2026-01-01T00:00:00Z"},"status":"requested","intent":"proposal","code":{"coding":[{"system":"urn:x","code":"a"}],"text":"a"},
		"focus":{"reference":"ServiceRequest/1"},"for":{"reference":"Patient/1"},"owner":{"identifier":{"system":"urn:x","value":"b"}},"executionPeriod":{"start":"2026-01"},"lastModified":"2026-01-01T00:00:00Z"}`))
	if err != nil {
		f.Fatal(err)
	}
	ch := &chart{plan: "p", byRef: map[string]int{"Task/1": 0}, items: []item{{Element: careplan.Element{Type: "Task", ID: "1", Resource: task}}}}
	f.Fuzz(func(t *testing.T, query string, posted bool) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		c := &call{api: a, typ: "Task", query: values, posted: posted, r: &http.Request{Host: "h", URL: &url.URL{}}}
		q, err := c.parseQuery()
		if err != nil {
			fault, ok := err.(*samvirke.Fault) //nolint:errorlint // the very type is the promise
			if !ok || fault.Safe == "" || fault.Code == "" {
				t.Fatalf("error %v", err)
			}
			if _, known := answers[fault.Code]; !known {
				t.Fatalf("code %s has no answer", fault.Code)
			}
			return
		}
		if _, _, err := c.named(q); err != nil {
			return
		}
		hits := make([]hit, 0, 1)
		it := &ch.items[0]
		all := true
		for i := range q.criteria {
			all = q.criteria[i].matches(it.Resource, ch, "http://h/fhir/") && all
		}
		if all {
			hits = append(hits, hit{ch, it})
		}
		c.order(q, hits)
		c.included(q, hits)
		q.shape.apply(it.Resource.Clone())
		link, err := url.Parse(c.searchURL(q, "x"))
		if err != nil {
			t.Fatalf("link: %v", err)
		}
		again := &call{api: a, typ: "Task", query: link.Query(), posted: true, r: c.r}
		q2, err := again.parseQuery()
		if err != nil || len(q2.ignored) > 0 {
			t.Fatalf("the link of a search is no search: %v %v", err, q2)
		}
		if c2 := (&call{api: a, typ: "Task", query: link.Query(), r: c.r}); posted {
			return
		} else if _, err := c2.parseQuery(); err != nil {
			t.Fatalf("the link of a GET is refused: %v", err)
		}
	})
}

// noStore is there for New only.
type noStore struct{ Store }

// FuzzPath: any path is one of a route or of none, and never reaches the store as an id that is none.
func FuzzPath(f *testing.F) {
	for _, p := range []string{"/fhir/", "/fhir", "/fhir/CarePlan/x/_history/1", "/fhir/$x", "/fhir/_history", "//", "/fhir/../etc", "/fhir/Goal/" + strings.Repeat("0", 32) + "-" + strings.Repeat("0", 24)} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, path string) {
		c := &call{}
		if !c.path(path) {
			return
		}
		if p := planIn(c.id); p != "" && (!isID(p) || !strings.HasPrefix(c.id, p)) {
			t.Fatalf("%q gives the plan %q", c.id, p)
		}
		if c.level() == "" || strings.Contains(c.typ+c.id+c.vid, "/") {
			t.Fatalf("%q: %+v", path, c)
		}
	})
}

// Every fault that is told has a place in the table of answers, or goes by its class.
func TestEveryFaultHasAnAnswer(t *testing.T) {
	for _, f := range []*samvirke.Fault{errNotFound, errGone, errLogin, errMethod, errAccept, errQuery, errParameter, errQueryLong, errManyParams, errPersonInURL, errPurpose, errForm, errMedia,
		errTooLarge, errNeedsMatch, errIfMatch, errType, errID, errNotOwner, errDerived, errInDocument, errSeveral, errNeedsPatient, errTooCostly, errBusy, errBundle, errEntries, errEntry, errTransaction, errOnePatient} {
		a, ok := answers[f.Code]
		if !ok {
			t.Errorf("%s has no answer", f.Code)
			continue
		}
		status, o := answerOf(f)
		if status != a.status || o.At("issue.0.code").Text() != a.issue || o.At("issue.0.details.text").Text() == "" {
			t.Errorf("%s: %d %s", f.Code, status, o.Bytes())
		}
	}
}

func TestDateSpan(t *testing.T) {
	for _, c := range []struct{ text, start, end string }{
		{"2026", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"}, {"2026-02", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"}, {"2026-02-28", "2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z"},
		{"2026-02-28T10:00", "2026-02-28T10:00:00Z", "2026-02-28T10:01:00Z"}, {"2026-02-28T10:00:00+01:00", "2026-02-28T09:00:00Z", "2026-02-28T09:00:01Z"},
		{"2026-02-30", "", ""}, {"", "", ""}, {"x", "", ""}, {"20260228", "", ""},
	} {
		s, ok := dateSpan(c.text)
		if ok != (c.start != "") || ok && (s.start.Format("2006-01-02T15:04:05Z07:00") != c.start || s.end.Format("2006-01-02T15:04:05Z07:00") != c.end) {
			t.Errorf("%s: %v %v", c.text, s, ok)
		}
	}
}

func TestMatchDate(t *testing.T) {
	day, open := fhir.String("2026-03-25"), fhir.NewObject("start", "2026-03-01")
	for _, c := range []struct {
		v    *fhir.Node
		want string
		is   bool
	}{
		{day, "2026-03-25", true}, {day, "2026-03", true}, {day, "2026-03-25T10:00:00Z", false}, {day, "ne2026-03-26", true}, {day, "gt2026-03-24", true}, {day, "gt2026-03-25", false},
		{day, "ge2026-03-25", true}, {day, "lt2026-03-25", false}, {day, "le2026-03-25", true}, {day, "sa2026-03-24", true}, {day, "sa2026-03-25", false}, {day, "eb2026-03-26", true},
		{day, "eb2026-03-25", false}, {day, "ap2026-03-26", true}, {day, "ap2026-05", false}, {open, "gt2030", true}, {open, "lt2026-02", false}, {open, "ge2026-04", true}, {open, "2026", false},
		{fhir.NewObject("end", "2026-03-01"), "lt2020", true}, {fhir.String("x"), "2026", false}, {fhir.NewObject(), "2026", false},
	} {
		if got := matchDate(c.v, c.want); got != c.is {
			t.Errorf("%s against %s: %v", c.v.Bytes(), c.want, got)
		}
	}
}
