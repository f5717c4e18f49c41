package simulate_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/samvirke/samvirke/internal/simulate"
)

// fhirServer has one patient with one measure; it notes what is written.
type fhirServer struct {
	*httptest.Server
	status  int
	match   string
	written string
	search  string
}

func newFHIR(t *testing.T) *fhirServer {
	f := &fhirServer{status: http.StatusOK}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if r.Header.Get("Authorization") != "Bearer secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		switch r.Method + " " + r.URL.Path {
		case "POST /fhir/Patient/_search":
			f.search = string(body)
			_, _ = io.WriteString(w, `{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"Patient","id":"p1"}}]}`)
		case "GET /fhir/ServiceRequest":
			_, _ = io.WriteString(w, `{"resourceType":"Bundle","type":"searchset","entry":[
				{"resource":{"resourceType":"ServiceRequest","id":"a","meta":{"versionId":"3"},"code":{"text":"Other"}}},
				{"resource":{"resourceType":"ServiceRequest","id":"b","meta":{"versionId":"7"},"code":{"text":"Walking"},"status":"active"}}]}`)
		case "PUT /fhir/ServiceRequest/b":
			f.match, f.written = r.Header.Get("If-Match"), string(body)
			w.WriteHeader(f.status)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(f.Close)
	return f
}

func TestUpdateReadsFirst(t *testing.T) {
	t.Parallel()
	f := newFHIR(t)
	p := newParty(t, func(o *simulate.PartyOptions) { o.Gateway, o.Token = f.URL, "secret" })
	w := &simulate.RestWrite{Type: "ServiceRequest", Text: "Walking", Change: json.RawMessage(`{"code":{"text":"Seated"}}`)}
	status, err := p.Update(t.Context(), "urn:x|11064700342", w)
	if err != nil || status != http.StatusOK {
		t.Fatalf("%d %v", status, err)
	}
	if f.match != `W/"7"` || !strings.Contains(f.written, `"Seated"`) || !strings.Contains(f.written, `"active"`) || strings.Contains(f.written, "Walking") {
		t.Errorf("If-Match %s, written %s", f.match, f.written)
	}
	if f.search != "identifier=urn%3Ax%7C11064700342" {
		t.Errorf("search %s", f.search)
	}
	f.status = http.StatusAccepted
	if status, err := p.Update(t.Context(), "urn:x|1", w); err != nil || status != http.StatusAccepted {
		t.Errorf("%d %v", status, err)
	}
	f.status = http.StatusPreconditionFailed
	if _, err := p.Update(t.Context(), "urn:x|1", w); err == nil || !strings.Contains(err.Error(), "412") {
		t.Errorf("a stale write: %v", err)
	}
	w.Text = "Nothing"
	if _, err := p.Update(t.Context(), "urn:x|1", w); err == nil || !strings.Contains(err.Error(), "no ServiceRequest") {
		t.Errorf("a measure that is not there: %v", err)
	}
	stranger := newParty(t, func(o *simulate.PartyOptions) { o.Gateway, o.Token = f.URL, "wrong" })
	if _, err := stranger.Update(t.Context(), "urn:x|1", w); err == nil {
		t.Error("a wrong token goes unnoticed")
	}
}

// story is a course of one decision and one write.
const story = `{"name":"S1","patient":"urn:x|1","parties":[{"id":"physio"},{"id":"gp","roles":["coordinator"]}],"steps":[
	{"n":1,"at":"2026-03-12T11:00:00+01:00","from":"gp","kind":"plan-write","decide":{"field":"next-evaluation","value":"2026-03-19","person":"E"}},
	{"n":2,"at":"2026-03-12T12:00:00+01:00","from":"physio","kind":"plan-write","rest":{"type":"ServiceRequest","text":"Walking","change":{"code":{"text":"Seated"}}}}]}`

func TestPlayDecisionAndWrite(t *testing.T) {
	t.Parallel()
	f := newFHIR(t)
	c, err := simulate.ReadCourse(fstest.MapFS{"manifest.json": {Data: []byte(story)}})
	if err != nil {
		t.Fatal(err)
	}
	parties := map[string]*simulate.Party{}
	for _, id := range []string{"physio", "gp"} {
		parties[id] = newParty(t, func(o *simulate.PartyOptions) { o.ID, o.Gateway, o.Token = id, f.URL, "secret" })
	}
	var times []time.Time
	var decided []simulate.Decision
	o := simulate.PlayOptions{
		Course: c, Parties: parties, Twice: true,
		At: func(at time.Time) error { times = append(times, at); return nil },
		Decide: func(_ context.Context, d *simulate.Decision) (string, error) {
			decided = append(decided, *d)
			return "m1", nil
		},
	}
	out, err := simulate.Play(t.Context(), o)
	if err != nil || len(out.Steps) != 2 || out.Steps[0].MessageID != "m1" || out.Steps[1].Status != http.StatusOK {
		t.Fatalf("%+v %v", out, err)
	}
	if len(decided) != 1 || decided[0].Value != "2026-03-19" || decided[0].Person != "E" {
		t.Errorf("decided %+v: a person decides once", decided)
	}
	if len(times) != 2 || !times[0].Equal(c.Steps[0].At) || !times[1].Equal(c.Steps[1].At) {
		t.Errorf("clock put to %v", times)
	}
	o.Reverse = true
	if _, err := simulate.Play(t.Context(), o); err == nil {
		t.Error("what goes by what stands there is played in reverse")
	}
	o.Reverse, o.Decide = false, nil
	if _, err := simulate.Play(t.Context(), o); err == nil {
		t.Error("nobody decides, and the play goes on")
	}
}

func TestReadCourseInParts(t *testing.T) {
	t.Parallel()
	part := func(text string) fstest.MapFS {
		return fstest.MapFS{"manifest.json": {Data: []byte(text)}, "a.json": {Data: []byte("{}")}}
	}
	one := part(`{"name":"S1","patient":"p","parties":[{"id":"a","accepts":["kith"],"roles":["x"]}],"steps":[{"n":1,"from":"a","file":"a.json"}]}`)
	two := `{"name":"S1","title":"whole","patient":"p","parties":[{"id":"a","accepts":["fhir"],"roles":["y"]},{"id":"b"}],"steps":[{"n":2,"from":"b","file":"a.json"}]}`
	c, err := simulate.ReadCourse(one, part(two))
	if err != nil || len(c.Steps) != 2 || len(c.Parties) != 2 || c.Title != "whole" {
		t.Fatalf("%+v %v", c, err)
	}
	if a, _ := c.Party("a"); strings.Join(a.Roles, " ") != "x y" || strings.Join(a.Accepts, " ") != "fhir" {
		t.Errorf("party %+v", a)
	}
	for name, text := range map[string]string{
		"another person": strings.Replace(two, `"p"`, `"q"`, 1),
		"another story":  strings.Replace(two, `"S1"`, `"S2"`, 1),
		"out of order":   strings.Replace(two, `"n":2`, `"n":1`, 1),
		"no file":        strings.Replace(two, "a.json", "b.json", 1),
	} {
		if _, err := simulate.ReadCourse(one, part(text)); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}
