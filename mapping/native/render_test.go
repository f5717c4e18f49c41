package native_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/native"
)

func receipts() []samvirke.ReceiptContent {
	original := samvirke.ReceiptContent{OriginalID: messageID, OriginalKind: "assessment", OriginalIssued: "2026-01-15T11:00:00+01:00"}
	ok, no, partly, odd := original, original, original, original
	ok.Status = samvirke.ReceiptOK
	no.Status = samvirke.ReceiptRejected
	no.Errors = []samvirke.ReceiptError{{Code: "E36", Display: "Pasientopplysninger er utilstrekkelige", Detail: "no name"}, {Code: "X99"}}
	partly.Status = samvirke.ReceiptPartial
	partly.Errors = []samvirke.ReceiptError{{Code: "12", System: "2.16.578.1.12.4.1.1.8222", Detail: "part 2"}}
	odd.Status, odd.OriginalID = samvirke.ReceiptOK, "id with / and ø"
	return []samvirke.ReceiptContent{ok, no, partly, odd}
}

func TestReceiptAndBack(t *testing.T) {
	t.Parallel()
	f := format(t)
	p, err := f.Parse(assessment(nil))
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range receipts() {
		for receiver := range p.Envelope.Receivers {
			out, err := f.RenderReceipt(&p.Envelope, receiver, c, mapping.Target{NewID: parentID, Now: at})
			if err != nil {
				t.Fatal(err)
			}
			if out.ExternalID != parentID || out.Kind != "APPREC" || out.ContentType != native.ContentType {
				t.Errorf("receipt %d: %+v", i, out)
			}
			back, err := f.Parse(out.Body)
			if err != nil {
				t.Fatalf("receipt %d: %v", i, err)
			}
			e := back.Envelope
			if e.Receipt == nil || !reflect.DeepEqual(*e.Receipt, c) {
				t.Errorf("receipt %d came back as %+v, want %+v", i, e.Receipt, c)
			}
			if back.Bundle != nil || e.Kind != "APPREC" || e.Op != "" || e.ID != parentID || len(back.Warnings) > 0 {
				t.Errorf("receipt %d: envelope %+v, warnings %v", i, e, back.Warnings)
			}
			if e.Sender.HER() != p.Envelope.Receivers[receiver].HER() || e.Receivers[0].HER() != p.Envelope.Sender.HER() {
				t.Errorf("receipt %d goes from %s to %s", i, e.Sender.HER(), e.Receivers[0].HER())
			}
			if s, ok := f.Sniff(out.Body); !ok || s.Kind != "APPREC" || s.ExternalID != parentID {
				t.Errorf("receipt %d sniffed as %+v", i, s)
			}
		}
	}
}

func TestReceiptIsRepeatable(t *testing.T) {
	t.Parallel()
	f := format(t)
	p, err := f.Parse(assessment(nil))
	if err != nil {
		t.Fatal(err)
	}
	a, err := f.RenderReceipt(&p.Envelope, 0, receipts()[0], mapping.Target{Now: at})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := f.RenderReceipt(&p.Envelope, 0, receipts()[0], mapping.Target{Now: at})
	other, _ := f.RenderReceipt(&p.Envelope, 1, receipts()[0], mapping.Target{Now: at})
	if string(a.Body) != string(b.Body) || a.ExternalID == other.ExternalID {
		t.Error("receipts are not named after message and receiver")
	}
	for _, receiver := range []int{-1, 2} {
		if _, err := f.RenderReceipt(&p.Envelope, receiver, receipts()[0], mapping.Target{}); samvirke.FaultOf(err).Code != "no-such-receiver" {
			t.Errorf("receiver %d: %v", receiver, err)
		}
	}
	if _, err := f.RenderReceipt(&p.Envelope, 0, samvirke.ReceiptContent{}, mapping.Target{}); samvirke.FaultOf(err).Code != "no-answered-id" {
		t.Errorf("receipt for nothing: %v", err)
	}
}

// TestForeignReceipt reads a response as another FHIR system may write it.
func TestForeignReceipt(t *testing.T) {
	t.Parallel()
	raw := func(code, details string) []byte {
		return []byte(`{"resourceType":"Bundle","id":"b","type":"message","timestamp":"2026-01-15T10:00:00Z","entry":[` +
			`{"fullUrl":"urn:uuid:h","resource":{"resourceType":"MessageHeader","id":"h1","eventUri":"http://other/event",` +
			`"sender":{"identifier":{"system":"urn:oid:2.16.578.1.12.4.1.2","value":"8140102"}},"source":{"endpoint":"http://x"},` +
			`"response":{"identifier":"` + messageID + `","code":"` + code + `"` + details + `}}}` + `]}`)
	}
	for _, c := range []struct {
		code, details string
		status        samvirke.ReceiptStatus
		errs          int
	}{
		{"ok", "", samvirke.ReceiptOK, 0},
		{"fatal-error", "", samvirke.ReceiptRejected, 1},
		{"transient-error", "", samvirke.ReceiptRejected, 1},
		{"fatal-error", `,"details":{"reference":"OperationOutcome/gone"}`, samvirke.ReceiptRejected, 1},
	} {
		p, err := format(t).Parse(raw(c.code, c.details))
		if err != nil {
			t.Fatal(err)
		}
		r := p.Envelope.Receipt
		if r == nil || r.Status != c.status || len(r.Errors) != c.errs || r.OriginalID != messageID || p.Envelope.ID != "h1" {
			t.Errorf("%s: %+v", c.code, r)
		}
	}
	if _, err := format(t).Parse([]byte(strings.Replace(string(raw("ok", "")), messageID, "", 1))); samvirke.FaultOf(err).Code != "no-answered-id" {
		t.Errorf("a receipt for nothing: %v", err)
	}
}

func TestBusinessAnswerIsNoReceipt(t *testing.T) {
	t.Parallel()
	n, err := fhir.ParseNode(answer(nil))
	if err != nil {
		t.Fatal(err)
	}
	header(n).Set("response", fhir.NewObject("identifier", parentID, "code", "ok"))
	p, err := format(t).Parse(n.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if p.Envelope.Receipt != nil || p.Envelope.Kind != native.KindTaskAnswer || p.Bundle == nil {
		t.Errorf("a task answer reads as %+v", p.Envelope)
	}
}

func TestRenderAsItIs(t *testing.T) {
	t.Parallel()
	f := format(t)
	raw := assessment(nil)
	p, err := f.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	out, err := f.Render(p.Bundle, mapping.Target{})
	if err != nil || string(out.Body) != string(raw) || out.ExternalID != messageID || out.Kind != "assessment" {
		t.Errorf("rendered %v, %v", out, err)
	}
	if _, err := f.Render(p.Bundle, mapping.Target{Version: "5.0"}); samvirke.FaultOf(err).Code != "version-not-supported" {
		t.Errorf("FHIR 5: %v", err)
	}
	if _, err := f.Render(p.Bundle, mapping.Target{Version: "4.0.1"}); err != nil {
		t.Error(err)
	}
}

func TestRenderForAnotherReceiver(t *testing.T) {
	t.Parallel()
	f := format(t)
	raw := assessment(nil)
	p, err := f.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	to := unit("Rehab Vest/8140301", "Mottak/8140302")
	out, err := f.Render(p.Bundle, mapping.Target{NewID: parentID, To: &to})
	if err != nil {
		t.Fatal(err)
	}
	again, _ := f.Render(p.Bundle, mapping.Target{NewID: parentID, To: &to})
	if string(out.Body) != string(again.Body) {
		t.Error("the same copy has other bytes")
	}
	if string(p.Bundle.Bytes()) != string(raw) {
		t.Error("rendering changed the message")
	}
	back, err := f.Parse(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	e := back.Envelope
	if e.ID != parentID || out.ExternalID != parentID || len(e.Receivers) != 1 || e.Receivers[0].HER() != "8140302" || e.Receivers[0].Enterprise() != "8140301" {
		t.Errorf("copy %s to %+v", e.ID, e.Receivers)
	}
	if e.Sender.HER() != "8140002" || e.Patient.Value != person || len(back.Warnings) > 0 {
		t.Errorf("copy lost its sender or patient: %v", back.Warnings)
	}
	// A receiver must not learn who else was told.
	for _, other := range []string{"8140101", "8140202", "Bekkedal", "Nordlia"} {
		if strings.Contains(string(out.Body), other) {
			t.Errorf("the copy names a former receiver (%s)", other)
		}
	}
	if n := len(back.Bundle.All("Observation")); n != 1 {
		t.Errorf("%d observations in the copy", n)
	}
}

// FuzzParse: any bytes give a message or a fault with a code, never a panic; and what is taken is
// taken again in the same way after rendering.
func FuzzParse(f *testing.F) {
	f.Add(assessment(nil))
	f.Add(answer(nil))
	f.Add([]byte(`{"resourceType":"Bundle","type":"message","entry":[{"resource":{"resourceType":"MessageHeader"}}]}`))
	f.Add([]byte(`{"resourceType":"Bundle","type":"message","entry":[{"resource":{"resourceType":"MessageHeader","response":{"identifier":"1","code":"ok"},"sender":{"identifier":{"value":"1"}}}}]}`))
	format := format(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, sniffed := format.Sniff(raw)
		p, err := format.Parse(raw)
		if err != nil {
			if fault := samvirke.FaultOf(err); fault.Code == "" || fault.Code == "unexpected" {
				t.Fatalf("fault without a code: %v", err)
			}
			return
		}
		if !sniffed {
			t.Fatal("taken, but not recognised")
		}
		for i := range p.Envelope.Receivers {
			c := samvirke.ReceiptContent{Status: samvirke.ReceiptOK, OriginalID: p.Envelope.ID}
			out, err := format.RenderReceipt(&p.Envelope, i, c, mapping.Target{Now: at})
			if err != nil {
				t.Fatalf("receipt: %v", err)
			}
			if !strings.Contains(string(out.Body), "APPREC") {
				t.Fatal("receipt is none")
			}
		}
		if p.Bundle == nil {
			return
		}
		out, err := format.Render(p.Bundle, mapping.Target{})
		if err != nil {
			t.Fatalf("render: %v", err)
		}
		again, err := format.Parse(out.Body)
		if err != nil {
			t.Fatalf("parse again: %v", err)
		}
		if !reflect.DeepEqual(p.Envelope, again.Envelope) {
			t.Fatalf("envelope %+v became %+v", p.Envelope, again.Envelope)
		}
	})
}
