package native_test

import (
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
	"github.com/samvirke/samvirke/mapping/native"
)

const (
	messageID = "6f1c2a34-0d4e-4a55-9c1b-0a4b7f0b9a01"
	parentID  = "6f1c2a34-0d4e-4a55-9c1b-0a4b7f0b9a02"
	person    = "11064700342" // an official test person
)

func format(t testing.TB) *native.Format {
	t.Helper()
	f, err := native.New(native.Options{MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func unit(names ...string) samvirke.Address {
	var a samvirke.Address
	for i, n := range names {
		name, her, _ := strings.Cut(n, "/")
		a.Levels = append(a.Levels, samvirke.AddressLevel{
			Kind: []string{"organisation", "department"}[i], Name: name, IDs: []samvirke.Identifier{fhir.NewIdentifier("HER", her)},
		})
	}
	return a
}

func sender() samvirke.Address { return unit("Fjordvik sykehus/8140001", "Slagenheten/8140002") }
func receiver() samvirke.Address {
	return unit("Bekkedal kommune/8140101", "Sykepleietjeneste/8140102")
}
func gp() samvirke.Address { return unit("Nordlia legesenter/8140201", "Fastlege/8140202") }

var at = time.Date(2026, 1, 15, 11, 0, 0, 0, time.FixedZone("", 3600))

// assessment builds a Barthel message; change may spoil it.
func assessment(change func(root *fhir.Node)) []byte {
	m := fhir.NewMessage(messageID, at, fhir.Coding{System: fhir.SystemNativeMessage, Code: native.KindAssessment, Display: "Assessment"})
	m.From(sender())
	m.To(receiver())
	m.To(gp())
	m.Chain(samvirke.OpChange, parentID, parentID)
	p := m.Add(fhir.NewObject("resourceType", "Patient", "identifier", fhir.NewArray(fhir.IdentifierNode(fhir.NewIdentifier("FNR", person))),
		"name", fhir.NewArray(fhir.NewObject("family", "Solvang")), "gender", "male", "birthDate", "1947-06-11"))
	m.Focus(m.Add(fhir.NewObject("resourceType", "Observation", "status", "final",
		"code", fhir.NewObject("coding", fhir.NewArray(fhir.Coding{System: "http://loinc.org", Code: "96761-2"}.Node())),
		"subject", fhir.NewObject("reference", p), "effectiveDateTime", "2026-01-15T10:30:00+01:00", "valueInteger", 6)))
	root := m.Bundle().Root
	if change != nil {
		change(root)
	}
	return root.Bytes()
}

func answer(change func(task *fhir.Node)) []byte {
	m := fhir.NewMessage(messageID, at, fhir.Coding{System: fhir.SystemNativeMessage, Code: native.KindTaskAnswer})
	m.From(receiver())
	m.To(sender())
	p := m.Add(fhir.NewObject("resourceType", "Patient", "identifier", fhir.NewArray(fhir.IdentifierNode(fhir.NewIdentifier("FNR", person)))))
	task := fhir.NewObject("resourceType", "Task", "status", "rejected", "intent", "order", "statusReason", fhir.NewObject("text", "no capacity"),
		"focus", fhir.NewObject("display", "Speech therapy"), "for", fhir.NewObject("reference", p), "lastModified", "2026-01-25T13:25:00+01:00")
	if change != nil {
		change(task)
	}
	m.Focus(m.Add(task))
	return m.Bundle().Bytes()
}

func TestEnvelope(t *testing.T) {
	t.Parallel()
	raw := assessment(nil)
	p, err := format(t).Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Warnings)+len(p.Notes) > 0 {
		t.Errorf("warnings %v, notes %v", p.Warnings, p.Notes)
	}
	e := p.Envelope
	if e.Format != "fhir" || e.Kind != "assessment" || e.Version != "4.0.1" || e.ID != messageID || e.KindDisplay != "Assessment" {
		t.Errorf("envelope %+v", e)
	}
	if e.Op != samvirke.OpChange || e.Parent != parentID || e.Conversation != parentID {
		t.Errorf("chain %s %s %s", e.Op, e.Parent, e.Conversation)
	}
	if !e.GeneratedAt.Equal(at) || e.GeneratedRaw != "2026-01-15T11:00:00+01:00" || !e.EventAt.Equal(at.Add(-30*time.Minute)) {
		t.Errorf("times %v %q %v", e.GeneratedAt, e.GeneratedRaw, e.EventAt)
	}
	if e.Sender.HER() != "8140002" || e.Sender.Enterprise() != "8140001" || len(e.Receivers) != 2 || e.Receivers[1].HER() != "8140202" ||
		e.Receivers[0].Role != "primary" || e.Receivers[1].Role != "copy" {
		t.Errorf("addresses %+v %+v", e.Sender, e.Receivers)
	}
	if e.Patient.Key() != fhir.SystemFNR+"|"+person || !e.Patient.HasName || !e.Patient.HasSex || !e.Patient.HasBirthDate {
		t.Errorf("patient %+v", e.Patient)
	}
	if string(p.Bundle.Bytes()) != string(raw) {
		t.Error("the message is not carried as it came")
	}
}

func TestSniff(t *testing.T) {
	t.Parallel()
	f := format(t)
	s, ok := f.Sniff(append([]byte(" \n"), assessment(nil)...))
	if !ok || s.Kind != "assessment" || s.ExternalID != messageID || s.Patient != fhir.SystemFNR+"|"+person || !s.GeneratedAt.Equal(at) {
		t.Errorf("sniffed %+v %v", s, ok)
	}
	for name, c := range map[string]struct {
		raw string
		ok  bool
	}{
		"xml":             {"<MsgHead/>", false},
		"empty":           {"", false},
		"other json":      {`{"a":1}`, false},
		"array":           {`["resourceType"]`, false},
		"broken FHIR":     {`{"resourceType":"Bundle","type":"message",`, true},
		"other resource":  {`{"resourceType":"Patient"}`, true},
		"too large FHIR":  {`{"resourceType":"Bundle","x":"` + strings.Repeat("a", 1<<20) + `"}`, true},
		"text with brace": {`{ hello`, false},
	} {
		if _, ok := f.Sniff([]byte(c.raw)); ok != c.ok {
			t.Errorf("%s: %v, want %v", name, ok, c.ok)
		}
	}
}

func header(root *fhir.Node) *fhir.Node { return root.At("entry.0.resource") }

// entryOf finds the entry of a resource type.
func entryOf(root *fhir.Node, typ string) *fhir.Node {
	for _, e := range root.Get("entry").Items() {
		if e.At("resource.resourceType").Text() == typ {
			return e
		}
	}
	panic("no " + typ)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	with := func(change func(root *fhir.Node)) []byte { return assessment(change) }
	set := func(n *fhir.Node, key, value string) { n.Set(key, fhir.String(value)) }
	fnr := func(root *fhir.Node) *fhir.Node { return entryOf(root, "Patient").At("resource.identifier.0") }
	for _, c := range []struct {
		name, code, receipt string
		raw                 []byte
		envelope            bool // the sender can be read, so that a receipt can be given
	}{
		{"not JSON", "json-syntax", "T01", []byte(`{"resourceType":`), false},
		{"two values", "json-syntax", "T01", append(assessment(nil), '{', '}'), false},
		{"latin 1", "json-encoding", "T01", []byte("{\"resourceType\":\"Bundle\",\"x\":\"\xe5\"}"), false},
		{"key twice", "json-duplicate-key", "T01", []byte(`{"resourceType":"Bundle","type":"message","type":"message"}`), false},
		{"1,000 levels", "json-depth", "T01", []byte(`{"resourceType":"Bundle","x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`), false},
		{"too large", "too-large", "T99", []byte(`{"resourceType":"Bundle","x":"` + strings.Repeat("a", 1<<20) + `"}`), false},
		{"no Bundle", "not-bundle", "T10", []byte(`{"resourceType":"Patient"}`), false},
		{"document", "not-message", "T10", with(func(r *fhir.Node) { set(r, "type", "document") }), false},
		{"no entries", "no-message-header", "T02", with(func(r *fhir.Node) { r.Set("entry", nil) }), false},
		{"header not first", "no-message-header", "T02", with(func(r *fhir.Node) {
			items := r.Get("entry").Items()
			items[0], items[1] = items[1], items[0]
		}), false},
		{"two headers", "no-message-header", "T02", with(func(r *fhir.Node) {
			e := r.At("entry.0").Clone()
			e.Set("fullUrl", fhir.String("urn:uuid:other"))
			r.Append("entry", e)
		}), false},
		{"entry without resource", "bad-entry", "T02", with(func(r *fhir.Node) { r.Append("entry", fhir.NewObject("fullUrl", "x")) }), false},
		{"entry of no type", "bad-entry", "T02", with(func(r *fhir.Node) { set(entryOf(r, "Patient").Get("resource"), "resourceType", "patient") }), false},
		{"too many entries", "too-many-entries", "T99", with(func(r *fhir.Node) {
			for range 2100 {
				r.Append("entry", fhir.NewObject("resource", fhir.NewObject("resourceType", "Basic")))
			}
		}), false},
		{"fullUrl twice", "duplicate-full-url", "T02", with(func(r *fhir.Node) { set(r.At("entry.1"), "fullUrl", r.At("entry.0.fullUrl").Text()) }), false},
		{"no id", "no-message-id", "E10", with(func(r *fhir.Node) { r.Set("identifier", nil) }), true},
		{"bad time", "bad-timestamp", "T02", with(func(r *fhir.Node) { set(r, "timestamp", "yesterday") }), true},
		{"time without zone", "bad-timestamp", "T02", with(func(r *fhir.Node) { set(r, "timestamp", "2026-01-15T10:00:00") }), true},
		{"no event", "no-event", "T02", with(func(r *fhir.Node) { header(r).Set("eventCoding", nil) }), true},
		{"unknown op", "unknown-op", "", with(func(r *fhir.Node) { set(header(r).At("extension.0.valueCoding"), "code", "X") }), true},
		{"no sender", "no-sender", "", with(func(r *fhir.Node) {
			header(r).Set("sender", nil)
			set(header(r).Get("source"), "endpoint", "https://hospital.example/fhir")
		}), true},
		{"no patient", "no-patient", "E36", with(func(r *fhir.Node) { entryOf(r, "Patient").Get("resource").Set("identifier", nil) }), true},
		{"check digit", "check-digit", "E36", with(func(r *fhir.Node) { set(fnr(r), "value", "11064700343") }), true},
		{"half a number", "identifier-syntax", "E36", with(func(r *fhir.Node) { set(fnr(r), "value", "110647") }), true},
		{"D-number as fnr", "identifier-type", "E36", with(func(r *fhir.Node) { set(fnr(r), "value", "70019950032") }), true},
		{"test register", "synthetic-identifier", "E36", with(func(r *fhir.Node) { set(fnr(r), "value", "01815010260") }), true},
		{"assessment of nothing", "no-observation", "T02", with(func(r *fhir.Node) { set(entryOf(r, "Observation").Get("resource"), "resourceType", "Basic") }), true},
		{"assessment without code", "no-observation", "T02", with(func(r *fhir.Node) { entryOf(r, "Observation").Get("resource").Set("code", nil) }), true},
		{"answer without task", "no-task", "T02", answer(func(task *fhir.Node) { set(task, "resourceType", "Basic") }), true},
		{"answer without status", "no-task", "T02", answer(func(task *fhir.Node) { task.Set("status", nil) }), true},
		{"answer to nothing", "no-task-focus", "T02", answer(func(task *fhir.Node) { task.Set("focus", nil) }), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, err := format(t).Parse(c.raw)
			if err == nil {
				t.Fatal("taken")
			}
			f := samvirke.FaultOf(err)
			if f.Code != c.code || f.Receipt != c.receipt {
				t.Errorf("code %q receipt %q, want %q %q", f.Code, f.Receipt, c.code, c.receipt)
			}
			if want := samvirke.Invalid; f.Class != want && c.code != "unknown-op" {
				t.Errorf("class %s", f.Class)
			}
			if strings.Contains(err.Error(), person[:6]) || strings.Contains(err.Error(), "Solvang") {
				t.Errorf("patient data in the fault: %v", err)
			}
			if (p != nil && p.Envelope.Format == "fhir") != c.envelope {
				t.Errorf("envelope read: %v, want %v", p != nil, c.envelope)
			}
		})
	}
}

func TestWarningsDoNotRefuse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, code string
		raw        []byte
	}{
		{"unknown event", "unknown-event", assessment(func(r *fhir.Node) {
			header(r).Set("eventCoding", fhir.Coding{System: "http://other", Code: "thing"}.Node())
		})},
		{"event as URI", "unknown-event", assessment(func(r *fhir.Node) {
			header(r).Set("eventCoding", nil)
			header(r).Set("eventUri", fhir.String("http://other/thing"))
		})},
		{"no destination", "no-destination", assessment(func(r *fhir.Node) { header(r).Set("destination", nil) })},
		{"no source", "no-source", assessment(func(r *fhir.Node) { header(r).Set("source", nil) })},
		{"no timestamp", "no-timestamp", assessment(func(r *fhir.Node) { r.Set("timestamp", nil) })},
		{"change of nothing", "no-parent", assessment(func(r *fhir.Node) {
			header(r).Set("extension", fhir.NewArray(header(r).At("extension.0")))
		})},
		{"focus elsewhere", "unresolved-reference", assessment(func(r *fhir.Node) {
			header(r).At("focus.0").Set("reference", fhir.String("urn:uuid:nowhere"))
		})},
		{"no date", "no-assessment-date", assessment(func(r *fhir.Node) { entryOf(r, "Observation").Get("resource").Set("effectiveDateTime", nil) })},
		{"no value", "no-assessment-value", assessment(func(r *fhir.Node) { entryOf(r, "Observation").Get("resource").Set("valueInteger", nil) })},
		{"no status", "no-status", assessment(func(r *fhir.Node) { entryOf(r, "Observation").Get("resource").Set("status", nil) })},
		{"no reason", "no-reason", answer(func(task *fhir.Node) { task.Set("statusReason", nil) })},
		{"answer elsewhere", "unresolved-reference", answer(func(task *fhir.Node) {
			task.Set("focus", fhir.NewObject("reference", "ServiceRequest/17"))
		})},
		{"no plan element", "no-plan-element", assessment(func(r *fhir.Node) {
			header(r).Get("eventCoding").Set("code", fhir.String("plan-update"))
			entryOf(r, "Observation").Get("resource").Set("resourceType", fhir.String("Basic"))
		})},
		{"odd HER-id", "identifier-syntax", assessment(func(r *fhir.Node) {
			entryOf(r, "Organization").At("resource.identifier.0").Set("value", fhir.String("8140001x"))
		})},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, err := format(t).Parse(c.raw)
			if err != nil {
				t.Fatal(err)
			}
			codes := ""
			for _, w := range p.Warnings {
				codes += w.Code + " "
			}
			if !strings.Contains(codes, c.code+" ") {
				t.Errorf("warnings %q, want %q", codes, c.code)
			}
			if p.Bundle == nil {
				t.Error("the message is not carried")
			}
		})
	}
}

func TestCancellationNeedsNoContent(t *testing.T) {
	t.Parallel()
	p, err := format(t).Parse(assessment(func(r *fhir.Node) {
		header(r).At("extension.0.valueCoding").Set("code", fhir.String("C"))
		entryOf(r, "Observation").Get("resource").Set("resourceType", fhir.String("Basic"))
		header(r).At("focus.0").Set("reference", entryOf(r, "Patient").Get("fullUrl"))
	}))
	if err != nil || p.Envelope.Op != samvirke.OpCancel {
		t.Errorf("cancellation: %v", err)
	}
}

func TestNationalKindAsFHIR(t *testing.T) {
	t.Parallel()
	raw := assessment(func(r *fhir.Node) {
		header(r).Set("eventCoding", fhir.Coding{System: fhir.SystemMessageType, Code: "LOG_INNLAGT"}.Node())
		header(r).Append("extension", fhir.NewObject("url", fhir.ExtMessageVersion, "valueString", "1.6"))
		e := entryOf(r, "Observation").Get("resource")
		e.Set("resourceType", fhir.String("Encounter"))
		e.Set("period", fhir.NewObject("start", "2026-01-10T22:15:00+01:00"))
		r.Append("entry", fhir.NewObject("fullUrl", "urn:uuid:c", "resource", fhir.NewObject("resourceType", "Consent", "status", "active",
			"category", fhir.NewArray(fhir.NewObject("coding", fhir.NewArray(fhir.Coding{System: fhir.SystemSection, Code: "ForbeholdOmVideresending"}.Node()))),
			"provision", fhir.NewObject("type", "deny"))))
	})
	p, err := format(t).Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	e := p.Envelope
	if e.Kind != "LOG_INNLAGT" || e.Version != "1.6" || !e.NoForwarding || e.EventAt.UTC().Format(time.RFC3339) != "2026-01-10T21:15:00Z" {
		t.Errorf("envelope %+v", e)
	}
}

func TestPatientIsWhomTheFocusNames(t *testing.T) {
	t.Parallel()
	p, err := format(t).Parse(assessment(func(r *fhir.Node) {
		items := r.Get("entry").Items()
		other := fhir.NewObject("fullUrl", "urn:uuid:other", "resource", fhir.NewObject("resourceType", "Patient",
			"identifier", fhir.NewArray(fhir.IdentifierNode(fhir.NewIdentifier("FNR", "15076500565")))))
		reordered := fhir.NewArray(items[0], other)
		for _, e := range items[1:] {
			reordered.Add(e)
		}
		r.Set("entry", reordered)
	}))
	if err != nil {
		t.Fatal(err)
	}
	if p.Envelope.Patient.Value != person || len(p.Notes) != 1 || p.Notes[0].Code != "several-patients" {
		t.Errorf("notes %v", p.Notes)
	}
}

func TestPatientPrefersTheNationalNumber(t *testing.T) {
	t.Parallel()
	p, err := format(t).Parse(assessment(func(r *fhir.Node) {
		ids := fhir.NewArray(
			fhir.NewObject("system", "http://hospital/local", "value", "42"),
			fhir.NewObject("use", "old", "system", fhir.SystemFNR, "value", "15076500565"),
			fhir.NewObject("system", fhir.SystemDNR, "value", "70019950032"),
			fhir.NewObject("system", fhir.SystemFNR, "value", "110647 00342"))
		entryOf(r, "Patient").Get("resource").Set("identifier", ids)
	}))
	if err != nil {
		t.Fatal(err)
	}
	if p.Envelope.Patient.Key() != fhir.SystemFNR+"|"+person {
		t.Errorf("patient of type %s", p.Envelope.Patient.Type)
	}
}

func TestSyntheticByOption(t *testing.T) {
	t.Parallel()
	f, err := native.New(native.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	raw := assessment(func(r *fhir.Node) {
		entryOf(r, "Patient").At("resource.identifier.0").Set("value", fhir.String("01815010260"))
	})
	if _, err := f.Parse(raw); err != nil {
		t.Error(err)
	}
}

func TestReceiptsAreR4(t *testing.T) {
	t.Parallel()
	r4 := mappingtest.R4Schema(t)
	f := format(t)
	p, err := f.Parse(assessment(nil))
	if err != nil {
		t.Fatal(err)
	}
	r4.Check(t, assessment(nil))
	r4.Check(t, answer(nil))
	for _, c := range receipts() {
		out, err := f.RenderReceipt(&p.Envelope, 0, c, mapping.Target{Now: at})
		if err != nil {
			t.Fatal(err)
		}
		r4.Check(t, out.Body)
	}
	to := gp()
	out, err := f.Render(p.Bundle, mapping.Target{NewID: parentID, To: &to})
	if err != nil {
		t.Fatal(err)
	}
	r4.Check(t, out.Body)
}
