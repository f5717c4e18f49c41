package api_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/simulate"
)

const backportURL = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"

// wish is a Subscription as a party posts it; edit changes it.
func wish(topic string, edit func(n *fhir.Node)) string {
	n := fhir.NewObject("resourceType", "Subscription", "status", "requested", "reason", "Follow my patients", "criteria", topic,
		"channel", fhir.NewObject("type", "rest-hook", "payload", "application/fhir+json"))
	if edit != nil {
		edit(n)
	}
	return string(n.Bytes())
}

func filtered(text string) func(*fhir.Node) {
	return func(n *fhir.Node) {
		n.Set("_criteria", fhir.NewObject("extension", fhir.NewArray(fhir.NewObject("url", backportURL+"backport-filter-criteria", "valueString", text))))
	}
}

// untilStatus waits until a party's subscription has a status, and gives it.
func (r *rig) untilStatus(party, id, status string) *fhir.Node {
	r.t.Helper()
	limit := time.After(2 * time.Minute)
	events, cancel := r.store.Subscribe(100)
	defer cancel()
	for {
		resp, n := r.get(party, "/fhir/Subscription/"+id)
		if resp.StatusCode != 200 {
			r.t.Fatalf("%d %s", resp.StatusCode, n.Bytes())
		}
		if n.Get("status").Text() == status {
			return n
		}
		select {
		case <-events:
		case <-time.After(20 * time.Millisecond):
		case <-limit:
			r.t.Fatalf("never %s: %s", status, n.Bytes())
		}
	}
}

// TestSubscriptionResource: create, read, search, update, delete; in JSON and XML, and nothing of it for anybody else.
func TestSubscriptionResource(t *testing.T) {
	r := newRig(t, nil)
	r.admit(simulate.Admission{Person: 1})
	topics := r.topics()
	if len(topics) != 8 || topics[0] != gateway.TopicPlanChanged {
		t.Fatalf("topics %v", topics)
	}
	full := wish(topics[0], func(n *fhir.Node) {
		filtered("CarePlan?_id=" + r.planID(1))(n)
		n.Set("contact", fhir.NewArray(fhir.NewObject("system", "email", "value", "drift@example.no")))
		n.SetText("end", "2199-01-01T00:00:00Z")
		channel := n.Get("channel")
		for name, value := range map[string]string{"backport-heartbeat-period": "3600", "backport-timeout": "10"} {
			channel.Append("extension", fhir.NewObject("url", backportURL+name, "valueUnsignedInt", fhir.Number(value)))
		}
		channel.Append("extension", fhir.NewObject("url", backportURL+"backport-max-count", "valuePositiveInt", fhir.Number("20")))
		channel.Set("_payload", fhir.NewObject("extension", fhir.NewArray(fhir.NewObject("url", backportURL+"backport-payload-content", "valueCode", "full-resource"))))
	})
	resp, n := r.do("POST", "city", "/fhir/Subscription", full)
	id := n.Get("id").Text()
	if resp.StatusCode != 201 || resp.Header.Get("ETag") != `W/"1"` || !strings.HasSuffix(resp.Header.Get("Location"), "/fhir/Subscription/"+id) || n.Get("status").Text() != "requested" {
		t.Fatalf("create: %d %v %s", resp.StatusCode, resp.Header, n.Bytes())
	}
	n = r.untilStatus("city", id, "active")
	for path, want := range map[string]string{
		"criteria": topics[0], "_criteria.extension.0.valueString": "CarePlan?_id=" + r.planID(1), "channel.type": "rest-hook", "channel.payload": "application/fhir+json",
		"channel._payload.extension.0.valueCode": "full-resource", "contact.0.value": "drift@example.no", "end": "2199-01-01T00:00:00Z", "reason": "Follow my patients", "meta.versionId": "2",
		"meta.profile.0": backportURL + "backport-subscription",
	} {
		if got := n.At(path).Text(); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	if got := n.Get("channel").Extension(backportURL + "backport-heartbeat-period").Get("valueUnsignedInt").Text(); got != "3600" {
		t.Errorf("heartbeat %q", got)
	}
	if resp, x := r.get("city", "/fhir/Subscription/"+id, "Accept", "application/fhir+xml"); resp.StatusCode != 200 || x.Get("id").Text() != id {
		t.Errorf("XML: %d", resp.StatusCode)
	}
	if resp, _ := r.get("city", "/fhir/Subscription/"+id, "If-None-Match", `W/"2"`); resp.StatusCode != 304 {
		t.Errorf("unchanged: %d", resp.StatusCode)
	}
	// Nobody else knows of it: the answer is that of an unknown id, to the byte.
	for _, path := range []string{"", "/$status", "/$events"} {
		for _, c := range []struct{ method, body string }{{"GET", ""}, {"PUT", strings.Replace(full, `"resourceType":"Subscription"`, `"resourceType":"Subscription","id":"`+id+`"`, 1)}, {"DELETE", ""}} {
			if path != "" && c.method != "GET" {
				continue
			}
			a, x := r.do(c.method, "stranger", "/fhir/Subscription/"+id+path, c.body)
			b, y := r.do(c.method, "stranger", "/fhir/Subscription/"+strings.Repeat("0", 32)+path, c.body)
			if a.StatusCode != 404 || b.StatusCode != 404 || string(x.Bytes()) != string(y.Bytes()) {
				t.Errorf("%s %s of another one's: %d, of none: %d", c.method, path, a.StatusCode, b.StatusCode)
			}
		}
	}
	r.searchSubscriptions(id)
	// Update with the version that was read; off; and active again by request only.
	body := strings.Replace(full, `"resourceType":"Subscription"`, `"resourceType":"Subscription","id":"`+id+`"`, 1)
	off := strings.Replace(body, `"status":"requested"`, `"status":"off"`, 1)
	if resp, n := r.do("PUT", "city", "/fhir/Subscription/"+id, off, "If-Match", `W/"1"`); resp.StatusCode != 412 {
		t.Errorf("stale: %d %s", resp.StatusCode, n.Bytes())
	}
	if resp, n := r.do("PUT", "city", "/fhir/Subscription/"+id, off, "If-Match", `W/"2"`); resp.StatusCode != 200 || n.Get("status").Text() != "off" || resp.Header.Get("ETag") != `W/"3"` {
		t.Errorf("off: %d %s", resp.StatusCode, n.Bytes())
	}
	if resp, n := r.do("PUT", "city", "/fhir/Subscription/"+id, body); resp.StatusCode != 200 || n.Get("status").Text() != "requested" {
		t.Errorf("requested: %d %s", resp.StatusCode, n.Bytes())
	}
	r.untilStatus("city", id, "active")
	if resp, _ := r.do("DELETE", "city", "/fhir/Subscription/"+id, ""); resp.StatusCode != 204 {
		t.Errorf("delete: %d", resp.StatusCode)
	}
	if resp, n := r.get("city", "/fhir/Subscription/"+id); resp.StatusCode != 200 || n.Get("status").Text() != "off" {
		t.Errorf("deleted is off: %d %s", resp.StatusCode, n.Bytes())
	}
}

// searchSubscriptions looks for the one subscription of the city.
func (r *rig) searchSubscriptions(id string) {
	r.t.Helper()
	for query, want := range map[string]int{
		"": 1, "?status=active": 1, "?status=off": 0, "?_id=" + id: 1, "?criteria=" + gateway.TopicPlanChanged: 1, "?criteria=" + gateway.TopicGapFound: 0,
		"?type=rest-hook&payload=application/fhir%2Bjson": 1, "/$status": 1, "/$status?id=" + id: 1, "/$status?status=error,off": 0, "/$status?status=error&status=active": 1,
		"/$status?id=" + strings.Repeat("0", 32): 0,
	} {
		resp, n := r.get("city", "/fhir/Subscription"+query, "Prefer", "handling=strict")
		if resp.StatusCode != 200 || n.Get("total").Text() != strconv.Itoa(want) || len(n.Get("entry").Items()) != want {
			r.t.Errorf("%q: %d %s", query, resp.StatusCode, n.Bytes())
		}
		if resp, n := r.get("stranger", "/fhir/Subscription"+query); resp.StatusCode != 200 || n.Get("total").Text() != "0" {
			r.t.Errorf("%q for another one: %d %s", query, resp.StatusCode, n.Bytes())
		}
	}
	// The one that the configuration makes is there for who it is for.
	if resp, n := r.get("gp", "/fhir/Subscription"); resp.StatusCode != 200 || n.At("entry.0.resource.id").Text() != r.g.SubscriptionID("gp", patient(1)) {
		r.t.Errorf("of the configuration: %d %s", resp.StatusCode, n.Bytes())
	}
	if resp, n := r.do("POST", "city", "/fhir/Subscription", wish(gateway.TopicPlanChanged, nil), "If-None-Exist", "criteria="+gateway.TopicPlanChanged); resp.StatusCode != 200 || n.Get("id").Text() != id {
		r.t.Errorf("conditional create: %d %s", resp.StatusCode, n.Bytes())
	}
}

// topics are those of the CapabilityStatement.
func (r *rig) topics() (out []string) {
	_, n := r.get("", "/fhir/metadata")
	for _, res := range n.At("rest.0.resource").Items() {
		if res.Get("type").Text() != "Subscription" {
			continue
		}
		for _, ext := range res.Get("extension").Items() {
			if ext.Get("url").Text() == backportURL+"capabilitystatement-subscriptiontopic-canonical" {
				out = append(out, ext.Get("valueCanonical").Text())
			}
		}
	}
	return out
}

// TestHostileSubscriptions: what a party may not have, each with a code of its own and nothing kept.
func TestHostileSubscriptions(t *testing.T) {
	r := newRig(t, nil)
	r.admit(simulate.Admission{Person: 1})
	topic := gateway.TopicPlanChanged
	endpoint := func(to string) string {
		return wish(topic, func(n *fhir.Node) { n.Get("channel").SetText("endpoint", to) })
	}
	channel := func(key string, v *fhir.Node) string {
		return wish(topic, func(n *fhir.Node) { n.Get("channel").Set(key, v) })
	}
	period := func(name, value string) string {
		return channel("extension", fhir.NewArray(fhir.NewObject("url", backportURL+name, "valueUnsignedInt", fhir.Number(value))))
	}
	cases := []struct {
		name, body string
		status     int
		code       string
	}{
		{"another machine", endpoint("https://evil.example/hook"), 422, "endpoint-not-allowed"},
		{"the same machine in plain HTTP", endpoint("http://city.example/hook"), 422, "endpoint-not-allowed"},
		{"another port", endpoint("https://city.example:8443/hook"), 422, "endpoint-not-allowed"},
		{"user and password", endpoint("https://city.example@evil.example/hook"), 422, "endpoint-not-allowed"},
		{"user on the same machine", endpoint("https://a:b@city.example/hook"), 422, "endpoint-not-allowed"},
		{"a name that begins alike", endpoint("https://city.example.evil.example/"), 422, "endpoint-not-allowed"},
		{"the root of the name", endpoint("https://city.example./"), 422, "endpoint-not-allowed"},
		{"the machine itself", endpoint("http://127.0.0.1:9090/"), 422, "endpoint-not-allowed"},
		{"the metadata of a cloud", endpoint("http://169.254.169.254/latest"), 422, "endpoint-not-allowed"},
		{"a file", endpoint("file:///etc/passwd"), 422, "endpoint-not-allowed"},
		{"a fragment", endpoint("https://city.example/#@evil.example"), 422, "endpoint-not-allowed"},
		{"a backslash", endpoint(`https://city.example\@evil.example/`), 422, "endpoint-not-allowed"},
		{"a long address", endpoint("https://city.example/" + strings.Repeat("a", 3000)), 422, "endpoint-not-allowed"},
		{"an unknown topic", wish("https://example.org/SubscriptionTopic/all", nil), 422, "unknown-topic"},
		{"a search as criteria", wish("Observation?code=1", nil), 422, "unknown-topic"},
		{"another channel", channel("type", fhir.String("email")), 422, "channel-not-supported"},
		{"a secret header", channel("header", fhir.NewArray("Authorization: Bearer x")), 422, "header-not-supported"},
		{"another payload", channel("payload", fhir.String("text/plain")), 422, "payload-not-supported"},
		{"unknown content", channel("_payload", fhir.NewObject("extension", fhir.NewArray(fhir.NewObject("url", backportURL+"backport-payload-content", "valueCode", "all")))), 422, "bad-content"},
		{"a heartbeat every second", period("backport-heartbeat-period", "1"), 422, "bad-period"},
		{"a timeout of a day", period("backport-timeout", "86400"), 422, "bad-period"},
		{"an end in the past", wish(topic, func(n *fhir.Node) { n.SetText("end", "2020-01-01T00:00:00Z") }), 422, "bad-end"},
		{"active in error", wish(topic, func(n *fhir.Node) { n.SetText("status", "error") }), 422, "bad-status"},
		{"no reason", wish(topic, func(n *fhir.Node) { n.Set("reason", nil) }), 400, ""},
		{"a long reason", wish(topic, func(n *fhir.Node) { n.SetText("reason", strings.Repeat("a", 2000)) }), 422, "bad-reason"},
		{"a plan of nobody", wish(topic, filtered("CarePlan?_id="+strings.Repeat("0", 32))), 422, "no-such-plan"},
		{"a number of a person", wish(topic, filtered("CarePlan?patient.identifier="+simulate.PersonNumber(1))), 400, "person-in-url"},
		{"another filter", wish(topic, filtered("Observation?code=1")), 422, "bad-filter"},
		{"a filter on nothing", wish(topic, filtered("x")), 422, "bad-filter"},
		{"another resource", `{"resourceType":"Patient"}`, 400, ""},
		{"no JSON", "x", 400, ""},
	}
	for _, c := range cases {
		resp, n := r.do("POST", "city", "/fhir/Subscription", c.body)
		if resp.StatusCode != c.status || c.code != "" && code(n) != c.code {
			t.Errorf("%s: %d %s", c.name, resp.StatusCode, n.Bytes())
		}
		if strings.Contains(string(n.Bytes()), simulate.PersonNumber(1)) || strings.Contains(string(n.Bytes()), "evil") {
			t.Errorf("%s: the answer quotes what came: %s", c.name, n.Bytes())
		}
	}
	// A plan that exists and may not be seen is refused like one that does not.
	a, x := r.do("POST", "stranger", "/fhir/Subscription", wish(topic, filtered("CarePlan?_id="+r.planID(1))))
	b, y := r.do("POST", "stranger", "/fhir/Subscription", wish(topic, filtered("CarePlan?_id="+strings.Repeat("0", 32))))
	if a.StatusCode != 422 || b.StatusCode != 422 || string(x.Bytes()) != string(y.Bytes()) {
		t.Errorf("a hidden plan: %d %s, no plan: %d %s", a.StatusCode, x.Bytes(), b.StatusCode, y.Bytes())
	}
	for _, party := range []string{"city", "stranger"} {
		if _, n := r.get(party, "/fhir/Subscription"); n.Get("total").Text() != "0" {
			t.Errorf("something was kept: %s", n.Bytes())
		}
	}
	if resp, n := r.do("POST", "", "/fhir/Subscription", wish(topic, nil)); resp.StatusCode != 401 {
		t.Errorf("nobody: %d %s", resp.StatusCode, n.Bytes())
	}
	automatic := r.g.SubscriptionID("gp", patient(1))
	if resp, n := r.do("DELETE", "gp", "/fhir/Subscription/"+automatic, ""); resp.StatusCode != 422 || code(n) != "configured" {
		t.Errorf("one of the configuration: %d %s", resp.StatusCode, n.Bytes())
	}
	for range gateway.MaxSubscriptions {
		if resp, n := r.do("POST", "stranger", "/fhir/Subscription", wish(topic, nil)); resp.StatusCode != 201 {
			t.Fatalf("%d %s", resp.StatusCode, n.Bytes())
		}
	}
	resp, n := r.do("POST", "stranger", "/fhir/Subscription", wish(topic, nil))
	if resp.StatusCode != 422 || code(n) != "too-many-subscriptions" {
		t.Errorf("one too many: %d %s", resp.StatusCode, n.Bytes())
	}
	_, n = r.get("stranger", "/fhir/Subscription?_count=1")
	if resp, _ := r.do("DELETE", "stranger", "/fhir/Subscription/"+n.At("entry.0.resource.id").Text(), ""); resp.StatusCode != 204 {
		t.Error("delete")
	}
	if resp, n := r.do("POST", "stranger", "/fhir/Subscription", wish(topic, nil)); resp.StatusCode != 201 {
		t.Errorf("in the place of one that is off: %d %s", resp.StatusCode, n.Bytes())
	}
}

// TestSubscriptionEvents: what was missed can be asked for, by number and content, and is filtered when it is read.
func TestSubscriptionEvents(t *testing.T) {
	r := newRig(t, nil)
	r.admit(simulate.Admission{Person: 1})
	_, n := r.do("POST", "city", "/fhir/Subscription", wish(gateway.TopicEncounterChanged, filtered("CarePlan?patient=Patient/"+r.planID(1))))
	id := n.Get("id").Text()
	r.untilStatus("city", id, "active")
	for i := range 5 {
		r.admit(simulate.Admission{Person: 1, EventAt: fmt.Sprintf("2026-01-%02dT10:00:00", i+1)})
		r.admit(simulate.Admission{Person: 2, EventAt: fmt.Sprintf("2026-01-%02dT10:00:00", i+1)})
	}
	base := "/fhir/Subscription/" + id
	for query, want := range map[string]string{"": "1 2 3 4 5", "?eventsSinceNumber=4": "4 5", "?eventsUntilNumber=2": "1 2", "?eventsSinceNumber=2&eventsUntilNumber=3": "2 3", "?eventsSinceNumber=6": ""} {
		_, n := r.get("city", base+"/$events"+query)
		if got := strings.Join(numbersIn(n), " "); got != want || n.At("entry.0.resource.parameter.3.valueCode").Text() != "query-event" {
			t.Errorf("%s: %q, want %q: %s", query, got, want, n.Bytes())
		}
	}
	for content, want := range map[string]int{"empty": 0, "id-only": 1, "full-resource": 1, "": 1} {
		resp, n := r.get("city", base+"/$events?content="+content)
		entries := n.Get("entry").Items()
		if resp.StatusCode != 200 || len(entries) != 1+want {
			t.Fatalf("%s: %d %s", content, resp.StatusCode, n.Bytes())
		}
		if full := want == 1 && entries[1].Get("resource") != nil; full != (content == "full-resource") {
			t.Errorf("%s: %s", content, n.Bytes())
		}
		if content == "empty" && strings.Contains(string(n.Bytes()), r.planID(1)) {
			t.Errorf("an empty answer names the plan: %s", n.Bytes())
		}
	}
	if resp, _ := r.get("city", base+"/$events?content=all"); resp.StatusCode != 400 {
		t.Errorf("unknown content: %d", resp.StatusCode)
	}
	if resp, x := r.get("city", base+"/$events", "Accept", "application/fhir+xml"); resp.StatusCode != 200 || len(numbersIn(x)) != 5 {
		t.Errorf("XML: %d", resp.StatusCode)
	}
	s, err := r.g.SubscriptionOf(context.Background(), "city", id)
	if err != nil || s.Last != 5 {
		t.Errorf("%+v, %v", s, err)
	}
	found := map[string]bool{}
	for _, a := range r.audits() {
		found[a.Action] = true
	}
	if !found["create-subscription"] || !found["read-subscription"] || !found["read-plan"] {
		t.Errorf("audit %v", found)
	}
}

// numbersIn are the event numbers of a notification.
func numbersIn(n *fhir.Node) (out []string) {
	for _, p := range n.At("entry.0.resource.parameter").Items() {
		if p.Get("name").Text() == "notification-event" {
			out = append(out, p.At("part.0.valueString").Text())
		}
	}
	return out
}
