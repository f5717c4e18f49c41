package fhir_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

func hospital() samvirke.Address {
	return samvirke.Address{Levels: []samvirke.AddressLevel{
		{Kind: "organisation", Name: "Fjordvik sykehus", IDs: []samvirke.Identifier{fhir.NewIdentifier("HER", "900100"), fhir.NewIdentifier("ENH", "974760673")}},
		{Kind: "department", Name: "Slagenheten", IDs: []samvirke.Identifier{fhir.NewIdentifier("HER", "900101")}},
	}}
}

func doctor() samvirke.Address {
	return samvirke.Address{Levels: []samvirke.AddressLevel{
		{Kind: "organisation", Name: "Legene ved elva", IDs: []samvirke.Identifier{fhir.NewIdentifier("HER", "900300")}},
		{Kind: "person", Name: "Tone Marie Vik", GivenName: "Tone", MiddleName: "Marie", FamilyName: "Vik", IDs: []samvirke.Identifier{fhir.NewIdentifier("HER", "900301")}},
	}}
}

const messageID = "6f1c2a34-0d4e-4a55-9c1b-0a4b7f0b9a01"

func buildMessage() *fhir.Bundle {
	at := time.Date(2026, 1, 15, 10, 0, 0, 0, time.FixedZone("", 3600))
	m := fhir.NewMessage(messageID, at, fhir.Coding{System: fhir.SystemNativeMessage, Code: "assessment", Display: "Assessment"})
	m.From(hospital())
	m.To(doctor())
	m.To(hospital())
	m.Chain(samvirke.OpChange, "parent-1", "first-1")
	m.Focus(m.Add(fhir.NewObject("resourceType", "Patient", "identifier", fhir.NewArray(fhir.IdentifierNode(fhir.NewIdentifier("FNR", "15076500565"))))))
	m.Answer(fhir.Response{Identifier: "asked-1", Code: "fatal-error", Details: m.Add(fhir.Outcome(&samvirke.Fault{Class: samvirke.Invalid, Code: "x", Safe: "y"}))})
	return m.Bundle()
}

func TestMessageSaysWhatWasBuilt(t *testing.T) {
	t.Parallel()
	b, err := fhir.ParseBundle(buildMessage().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	h, ok := fhir.HeaderOf(b)
	if !ok {
		t.Fatal("no header")
	}
	if h.ID != messageID || h.Event.Code != "assessment" || h.Op != "M" || h.Parent != "parent-1" || h.Conversation != "first-1" {
		t.Errorf("header %+v", h)
	}
	if !h.Timestamp.Equal(time.Date(2026, 1, 15, 9, 0, 0, 0, time.UTC)) || h.TimestampRaw != "2026-01-15T10:00:00+01:00" {
		t.Errorf("timestamp %v %q", h.Timestamp, h.TimestampRaw)
	}
	if h.Sender.HER() != "900101" || h.Sender.Enterprise() != "900100" || len(h.Sender.Levels[0].IDs) != 2 {
		t.Errorf("sender %+v", h.Sender)
	}
	if len(h.Receivers) != 2 || h.Receivers[0].Role != "primary" || h.Receivers[0].HER() != "900301" || h.Receivers[1].Role != "copy" {
		t.Errorf("receivers %+v", h.Receivers)
	}
	if l := h.Receivers[0].Levels[1]; l.Kind != "person" || l.Name != "Tone Marie Vik" || l.MiddleName != "Marie" {
		t.Errorf("doctor %+v", l)
	}
	if h.Response == nil || h.Response.Identifier != "asked-1" || h.Response.Code != "fatal-error" {
		t.Errorf("response %+v", h.Response)
	}
	if e, ok := b.Resolve(h.Focus[0]); !ok || e.Type != "Patient" {
		t.Errorf("focus points to %+v", e)
	}
}

func TestMessageIsR4AndRepeatable(t *testing.T) {
	t.Parallel()
	a, b := buildMessage().Bytes(), buildMessage().Bytes()
	if string(a) != string(b) {
		t.Error("the same calls gave other bytes")
	}
	// The hospital stands there once although it is sender and receiver.
	if n := strings.Count(string(a), "Slagenheten\",\"partOf"); n != 1 {
		t.Errorf("sender's unit stands there %d times", n)
	}
	first, again := fhir.EntryURL("a", 1), fhir.EntryURL("a", 1)
	if first == fhir.EntryURL("a", 2) || first != again || !fhir.IsUUID(fhir.NameUUID("x")) {
		t.Error("entry URLs are not deterministic UUIDs")
	}
}

func TestAddressWalkEnds(t *testing.T) {
	t.Parallel()
	b, err := fhir.ParseBundle([]byte(`{"resourceType":"Bundle","entry":[{"fullUrl":"urn:uuid:a","resource":{"resourceType":"Organization","name":"A","partOf":{"reference":"urn:uuid:a"}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	a := fhir.AddressOf(b, fhir.NewObject("reference", "urn:uuid:a"))
	if n := len(a.Levels); n == 0 || n > 10 {
		t.Errorf("%d levels from a circle", n)
	}
	logical := fhir.AddressOf(b, fhir.NewObject("identifier", fhir.IdentifierNode(fhir.NewIdentifier("HER", "12"))))
	if logical.HER() != "12" {
		t.Errorf("logical reference gives %+v", logical)
	}
}

// TestBareEndpoints: a header without references still tells who by the endpoints that we write.
func TestBareEndpoints(t *testing.T) {
	t.Parallel()
	b, err := fhir.ParseBundle([]byte(`{"resourceType":"Bundle","type":"message","entry":[{"resource":{"resourceType":"MessageHeader","id":"m",` +
		`"source":{"name":"A","endpoint":"urn:oid:2.16.578.1.12.4.1.2.8140002"},` +
		`"destination":[{"name":"B","endpoint":"urn:oid:2.16.578.1.12.4.1.2.8140102"},{"name":"C","endpoint":"https://c.example/fhir"},{"endpoint":"urn:oid:2.16.578.1.12.4.1.2.x"}]}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	h, _ := fhir.HeaderOf(b)
	if h.Sender.HER() != "8140002" || len(h.Receivers) != 3 || h.Receivers[0].HER() != "8140102" || h.Receivers[1].HER() != "" ||
		h.Receivers[1].Levels[0].Name != "C" || len(h.Receivers[2].Levels) != 0 {
		t.Errorf("sender %+v receivers %+v", h.Sender, h.Receivers)
	}
	if got := fhir.Endpoint(h.Sender); got != "urn:oid:2.16.578.1.12.4.1.2.8140002" {
		t.Errorf("endpoint %s", got)
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		class    samvirke.Class
		status   int
		response string
		issue    string
	}{
		{"", 200, "ok", "informational"},
		{samvirke.Duplicate, 200, "ok", "duplicate"},
		{samvirke.Invalid, 422, "fatal-error", "invalid"},
		{samvirke.Permanent, 422, "fatal-error", "processing"},
		{samvirke.Unauthorized, 403, "fatal-error", "forbidden"},
		{samvirke.Transient, 503, "transient-error", "transient"},
		{samvirke.Internal, 500, "transient-error", "exception"},
		{"later", 503, "transient-error", "transient"},
	} {
		v := fhir.VerdictOf(c.class)
		if v.Status != c.status || v.Response != c.response || v.Issue != c.issue {
			t.Errorf("%q: %+v", c.class, v)
		}
	}
}

func TestOutcomeHidesTheCause(t *testing.T) {
	t.Parallel()
	f := &samvirke.Fault{Class: samvirke.Internal, Code: "boom", Safe: "secret path", Path: "secret", Err: errText("secret cause")}
	got := string(fhir.Outcome(f).Bytes())
	if strings.Contains(got, "secret") {
		t.Errorf("internals go out: %s", got)
	}
	f = &samvirke.Fault{Class: samvirke.Invalid, Code: "check-digit", Safe: "wrong digit", Receipt: "E31", Line: 4, Path: "Patient.identifier", Err: errText("secret")}
	o := fhir.Outcome(f)
	if got := string(o.Bytes()); strings.Contains(got, "secret") {
		t.Errorf("the cause goes out: %s", got)
	}
	for path, want := range map[string]string{
		"issue.0.details.coding.0.code": "check-digit", "issue.0.details.coding.1.code": "E31",
		"issue.0.details.text": "wrong digit", "issue.0.diagnostics": "line 4", "issue.0.expression.0": "Patient.identifier",
	} {
		if got := o.At(path).Text(); got != want {
			t.Errorf("%s = %q, want %q", path, got, want)
		}
	}
}

type errText string

func (e errText) Error() string { return string(e) }

func TestReceiptOutcomeAndBack(t *testing.T) {
	t.Parallel()
	errs := []samvirke.ReceiptError{{Code: "E36", Display: "Pasientopplysninger er utilstrekkelige", Detail: "no name"}, {Code: "7", System: "1.2.3", Detail: "x"}}
	got := fhir.ReceiptErrors(fhir.ReceiptOutcome(samvirke.ReceiptContent{Status: samvirke.ReceiptRejected, Errors: errs}))
	if len(got) != 2 || got[0] != errs[0] || got[1] != errs[1] {
		t.Errorf("errors through FHIR: %+v", got)
	}
	if got := fhir.ReceiptErrors(fhir.ReceiptOutcome(samvirke.ReceiptContent{Status: samvirke.ReceiptOK})); got != nil {
		t.Errorf("a plain yes has errors %+v", got)
	}
}

// TestOwnResourcesAreR4 holds everything this package builds against the published schema.
func TestOwnResourcesAreR4(t *testing.T) {
	t.Parallel()
	r4 := mappingtest.R4Schema(t)
	r4.Check(t, buildMessage().Bytes())
	r4.Check(t, fhir.Outcome().Bytes())
	r4.Check(t, fhir.ReceiptOutcome(samvirke.ReceiptContent{Status: samvirke.ReceiptRejected, Errors: []samvirke.ReceiptError{{Code: "T01"}}}).Bytes())
	in := notification()
	r4.Check(t, fhir.Notification(in).Bytes())
	in.Events, in.Type = nil, fhir.NotifyHandshake
	r4.Check(t, fhir.Notification(in).Bytes())
}

func notification() fhir.NotificationInput {
	at := time.Date(2026, 1, 15, 9, 0, 0, 0, time.UTC)
	return fhir.NotificationInput{
		Base: "https://gw.example/fhir/", Subscription: "s1", Topic: fhir.ExtBase + "SubscriptionTopic/plan-changed",
		Status: "active", Type: fhir.NotifyEvent, SinceStart: 7, Now: at,
		Events: []fhir.NotificationEvent{
			{Number: 6, At: at, Focus: "CarePlan/p1"},
			{Number: 7, At: at, Focus: "CarePlan/p1", Context: []string{"Encounter/e1"}},
		},
	}
}

func TestNotification(t *testing.T) {
	t.Parallel()
	in := notification()
	b := fhir.Notification(in)
	checkNotification(t, b.Root, 3)
	if strings.Contains(string(b.Bytes()), `"resourceType":"CarePlan"`) {
		t.Error("id-only payload holds the resource")
	}
	in.Events[1].Resources = map[string]*fhir.Node{"CarePlan/p1": fhir.NewObject("resourceType", "CarePlan", "id", "p1", "status", "active", "intent", "plan", "subject", fhir.NewObject("reference", "Patient/x"))}
	in.Events = in.Events[1:]
	full := fhir.Notification(in)
	checkNotification(t, full.Root, 3)
	if full.First("CarePlan") == nil {
		t.Error("full-resource payload lacks the resource")
	}
	for _, typ := range []string{fhir.NotifyHandshake, fhir.NotifyHeartbeat} {
		b := fhir.Notification(fhir.NotificationInput{Base: "https://gw.example/fhir/", Subscription: "s1", Status: "requested", Type: typ})
		checkNotification(t, b.Root, 1)
	}
}

func checkNotification(t *testing.T, root *fhir.Node, entries int) {
	t.Helper()
	if root.Get("type").Text() != "history" || len(root.Get("entry").Items()) != entries {
		t.Errorf("type %s with %d entries, want history with %d", root.Get("type").Text(), len(root.Get("entry").Items()), entries)
	}
	for i, e := range root.Get("entry").Items() {
		if e.Get("request").IsNull() || e.Get("response").IsNull() {
			t.Errorf("entry %d has no request or response", i)
		}
	}
	first := root.At("entry.0")
	if first.At("resource.resourceType").Text() != "Parameters" || first.At("request.url").Text() != "Subscription/s1/$status" {
		t.Errorf("first entry %s", first.Bytes())
	}
	values := map[string]string{}
	for _, p := range first.At("resource.parameter").Items() {
		for _, k := range p.Keys()[1:] {
			values[p.Get("name").Text()+"/"+k] = string(p.Get(k).Bytes())
		}
	}
	if values["type/valueCode"] == "" || values["status/valueCode"] == "" || values["subscription/valueReference"] == "" {
		t.Errorf("parameters %v", values)
	}
	var count string
	if err := json.Unmarshal([]byte(values["events-since-subscription-start/valueString"]), &count); err != nil {
		t.Errorf("the count is no string: %v", values)
	}
}
