package api_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/samvirke/samvirke/internal/api"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

func TestSubscription(t *testing.T) {
	r := newRig(t, nil)
	for i := range 3 {
		r.admit(simulate.Admission{Person: 1, EventAt: fmt.Sprintf("2026-01-%02dT10:00:00", i+1)})
	}
	base := "/fhir/Subscription/" + r.g.SubscriptionID("gp", patient(1))
	resp, n := r.get("gp", base+"/$status")
	status := n.At("entry.0.resource")
	if resp.StatusCode != 200 || n.Get("type").Text() != "searchset" || status.Get("resourceType").Text() != "Parameters" {
		t.Fatalf("got %d %s", resp.StatusCode, n.Bytes())
	}
	got := map[string]string{}
	for _, p := range status.Get("parameter").Items() {
		got[p.Get("name").Text()] = p.Get("valueCode").Text() + p.Get("valueString").Text()
	}
	if got["status"] != "active" || got["type"] != "query-status" || got["events-since-subscription-start"] != "3" {
		t.Errorf("status is %v", got)
	}
	cases := []struct{ name, query, want string }{
		{"all", "", "1 2 3"},
		{"since", "?eventsSinceNumber=2", "2 3"},
		{"until", "?eventsUntilNumber=2", "1 2"},
		{"both", "?eventsSinceNumber=2&eventsUntilNumber=2", "2"},
		{"beyond", "?eventsSinceNumber=4", ""},
		{"far beyond", "?eventsSinceNumber=9000000000000000000", ""},
		{"until far beyond", "?eventsSinceNumber=3&eventsUntilNumber=9000000000000000000", "3"},
	}
	for _, c := range cases {
		resp, n := r.get("gp", base+"/$events"+c.query)
		var numbers []string
		for _, p := range n.At("entry.0.resource.parameter").Items() {
			if p.Get("name").Text() != "notification-event" {
				continue
			}
			numbers = append(numbers, p.At("part.0.valueString").Text())
			if want := r.URL + "/fhir/CarePlan/" + r.g.PlanID(patient(1)); p.At("part.2.valueReference.reference").Text() != want {
				t.Errorf("%s: focus in %s, want %s", c.name, p.Bytes(), want)
			}
		}
		if resp.StatusCode != 200 || strings.Join(numbers, " ") != c.want || n.Get("type").Text() != "history" {
			t.Errorf("%s: got %d, events %v, want %s", c.name, resp.StatusCode, numbers, c.want)
		}
	}
	for _, bad := range []string{"eventsSinceNumber=0", "eventsSinceNumber=-1", "eventsSinceNumber=x", "eventsSinceNumber=3&eventsUntilNumber=2", "eventsUntilNumber=99999999999999999999"} {
		if resp, n := r.get("gp", base+"/$events?"+bad); resp.StatusCode != 400 || n.At("issue.0.details.coding.0.code").Text() != "bad-parameter" {
			t.Errorf("%s: got %d", bad, resp.StatusCode)
		}
	}
	for _, party := range []string{"city", "stranger"} {
		for _, op := range []string{"/$status", "/$events"} {
			if resp, _ := r.get(party, base+op); resp.StatusCode != 404 {
				t.Errorf("%s reads the GP's subscription: %d", party, resp.StatusCode)
			}
		}
	}
	if resp, _ := r.get("gp", "/fhir/Subscription/"+r.g.SubscriptionID("gp", patient(2))+"/$status"); resp.StatusCode != 404 {
		t.Errorf("subscription without events: got %d", resp.StatusCode)
	}
	if a := r.audits(); len(a) != 8 || a[0].Action != "read-subscription" || a[0].Patient != patient(1) {
		t.Errorf("%d audit entries, want 8 for the reads that were answered", len(a))
	}
}

func TestWrongRequests(t *testing.T) {
	r := newRig(t, nil)
	r.admit(simulate.Admission{Person: 1})
	plan := "/fhir/CarePlan/" + r.planID(1)
	cases := []struct {
		name, method, path, accept string
		status                     int
		code, allow                string
	}{
		{"POST on an instance", "POST", plan, "", 405, "method-not-allowed", "GET, HEAD, PUT, DELETE"},
		{"PATCH", "PATCH", plan, "", 405, "method-not-allowed", "GET, HEAD, PUT, DELETE"},
		{"PUT on metadata", "PUT", "/fhir/metadata", "", 405, "method-not-allowed", "GET, HEAD"},
		{"DELETE on a type", "DELETE", "/fhir/Goal", "", 405, "method-not-allowed", "GET, HEAD, POST"},
		{"PUT on what is derived", "PUT", "/fhir/Flag/" + r.planID(1), "", 405, "method-not-allowed", "GET, HEAD"},
		{"TRACE", "TRACE", plan, "", 405, "method-not-allowed", "GET, HEAD, PUT, DELETE"},
		{"HTML only", "GET", plan, "application/pdf", 406, "not-acceptable", ""},
		{"another version of FHIR", "GET", plan, "application/fhir+json; fhirVersion=5.0", 406, "not-acceptable", ""},
		{"an unknown _format", "GET", plan + "?_format=ttl", "", 406, "not-acceptable", ""},
		{"JSON in the query", "GET", plan + "?_format=json", "application/fhir+xml", 200, "", ""},
		{"anything", "GET", plan, "text/html, */*;q=0.1", 200, "", ""},
		{"this version of FHIR", "GET", plan, "application/fhir+json; fhirVersion=4.0", 200, "", ""},
		{"a search by number", "GET", "/fhir/Patient?identifier=x", "", 400, "person-in-url", ""},
		{"a type that is not served", "GET", "/fhir/Medication", "", 404, "not-found", ""},
		{"a type that FHIR does not have", "GET", "/fhir/Nothing/1", "", 404, "not-found", ""},
		{"other operation", "GET", plan + "/$apply", "", 404, "not-found", ""},
		{"operation on a type", "GET", "/fhir/CarePlan/$everything", "", 404, "not-found", ""},
		{"too deep", "GET", plan + "/_history/1/2", "", 404, "not-found", ""},
		{"history of the system", "GET", "/fhir/_history", "", 404, "not-found", ""},
		{"everything of what is no plan", "GET", plan + "-000000000000000000000000/$everything", "", 404, "not-found", ""},
		{"bad escape", "GET", "/fhir/Goal?patient=%zz", "", 400, "bad-parameter", ""},
		{"long query", "GET", "/fhir/Goal?status=" + strings.Repeat("a", 9000), "", 414, "query-too-long", ""},
		{"a form that is none", "POST", "/fhir/Goal/_search", "", 415, "form-expected", ""},
		{"purpose of somebody else", "GET", plan + "?_purpose=coordination", "", 403, "purpose-not-allowed", ""},
		{"purpose that shows no plan", "GET", plan + "?_purpose=statistics", "", 403, "purpose-not-allowed", ""},
	}
	for _, c := range cases {
		resp, n := r.do(c.method, "gp", c.path, "", "Accept", c.accept)
		if resp.StatusCode != c.status || c.code != "" && (code(n) != c.code || n.Get("resourceType").Text() != "OperationOutcome") {
			t.Errorf("%s: got %d %s, want %d %s", c.name, resp.StatusCode, code(n), c.status, c.code)
		}
		if got := resp.Header.Get("Allow"); got != c.allow {
			t.Errorf("%s: Allow %q, want %q", c.name, got, c.allow)
		}
	}
	resp, n := r.do("HEAD", "gp", plan, "")
	if n != nil || resp.StatusCode != 200 || resp.Header.Get("ETag") == "" || resp.Header.Get("Last-Modified") == "" {
		t.Errorf("HEAD: %d %v", resp.StatusCode, resp.Header)
	}
}

// scripted is a store whose reads do what the test says.
type scripted struct {
	api.Store
	records func() ([]queue.Record, error)
}

func (s *scripted) Records(context.Context, string) ([]queue.Record, error) { return s.records() }

func TestStoreTrouble(t *testing.T) {
	cases := []struct {
		name    string
		records func() ([]queue.Record, error)
		status  int
		code    string
	}{
		{"closed", func() ([]queue.Record, error) { return nil, queue.ErrClosed }, 503, "unavailable"},
		{"panic", func() ([]queue.Record, error) { panic("record of Torvild Prøvesen") }, 500, "internal"},
		{"broken record", func() ([]queue.Record, error) {
			return []queue.Record{{Body: []byte(`{"subject":"Torvild Prøvesen"`)}}, nil
		}, 500, "record-broken"},
		{"erased", func() ([]queue.Record, error) { return nil, nil }, 404, "not-found"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, func(o *api.Options) { o.Store = &scripted{o.Store, c.records} })
			r.admit(simulate.Admission{Person: 1})
			resp, n := r.get("gp", "/fhir/CarePlan/"+r.g.PlanID(patient(1)))
			if resp.StatusCode != c.status || n.At("issue.0.details.coding.0.code").Text() != c.code {
				t.Errorf("got %d %s", resp.StatusCode, n.Bytes())
			}
			if strings.Contains(string(n.Bytes())+r.log.String(), "Torvild") {
				t.Error("a name in answer or log")
			}
			if (c.status >= 500) != strings.Contains(r.log.String(), "request failed") {
				t.Errorf("log: %s", r.log)
			}
		})
	}
}

func TestFull(t *testing.T) {
	inside, goOn := make(chan struct{}), make(chan struct{})
	r := newRig(t, func(o *api.Options) {
		o.MaxConcurrent = 1
		o.Store = &scripted{o.Store, func() ([]queue.Record, error) {
			close(inside)
			<-goOn
			return nil, nil
		}}
	})
	r.admit(simulate.Admission{Person: 1})
	path := "/fhir/CarePlan/" + r.g.PlanID(patient(1))
	first := make(chan struct{})
	go func() { defer close(first); r.get("gp", path) }()
	<-inside
	q, _ := http.NewRequest("GET", r.URL+"/fhir/metadata", nil)
	resp, err := r.Client().Do(q)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("got %d", resp.StatusCode)
	}
	close(goOn)
	<-first
	if resp, _ := r.get("", "/fhir/metadata"); resp.StatusCode != 200 {
		t.Errorf("the slot was not given back: %d", resp.StatusCode)
	}
}

func TestNoPatientInURLsLogsAndMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	r := newRig(t, func(o *api.Options) { o.Registerer = reg })
	r.admit(simulate.Admission{Person: 1, Remark: "hemmelig merknad"})
	plan, sub := "/fhir/CarePlan/"+r.g.PlanID(patient(1)), "/fhir/Subscription/"+r.g.SubscriptionID("gp", patient(1))
	for _, party := range []string{"gp", "city", "stranger", ""} {
		for _, path := range []string{plan, plan + "/$everything", sub + "/$status", sub + "/$events"} {
			r.get(party, path)
		}
	}
	families, err := reg.Gather()
	if err != nil || len(families) != 1 {
		t.Fatalf("metrics: %v, %v", families, err)
	}
	text := r.log.String() + fmt.Sprint(families) + strings.Join(r.requests, "\n")
	for _, secret := range []string{simulate.PersonNumber(1), "Prøvesen", "Torvild", "hemmelig"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q stands in a URL, the log or the metrics", secret)
		}
	}
	if !strings.Contains(text, `value:"everything"`) || !strings.Contains(text, `value:"vread"`) && !strings.Contains(text, `value:"read"`) {
		t.Errorf("metrics name no read: %v", families)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]api.Options{
		"nothing": {},
		"no auth": {Store: &scripted{}, PlanID: func(string) string { return "" }},
		"base URL without slash": {Store: &scripted{}, PlanID: func(string) string { return "" },
			Auth: func(*http.Request) (string, bool) { return "", false }, BaseURL: "https://x/fhir"},
	} {
		if _, err := api.New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestIssueTypes(t *testing.T) {
	r := newRig(t, nil)
	for _, c := range []struct{ party, path, issue string }{
		{"", "/fhir/CarePlan/x", "login"},
		{"gp", "/fhir/CarePlan/x", "not-found"},
		{"gp", "/fhir/CarePlan/x?_format=ttl", "not-supported"},
		{"gp", "/fhir/Subscription/x/$events?eventsSinceNumber=x", "value"},
	} {
		if _, n := r.get(c.party, c.path); n.At("issue.0.code").Text() != c.issue || n.At("issue.0.severity").Text() != "error" {
			t.Errorf("%s: got %s, want issue %s", c.path, n.Bytes(), c.issue)
		}
	}
}
