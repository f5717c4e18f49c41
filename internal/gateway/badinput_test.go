package gateway_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/internal/simulate"
)

// badInput is one bad version of a good message, and what must become of it.
type badInput struct {
	name string
	// spoil changes a good message.
	spoil func(good string) string
	// code is the fault; wire tells that the sender hears it in the transport's own answer.
	code string
	wire bool
	// receipt is the code of the negative AppRec, "" when none may be given.
	receipt string
	status  samvirke.MessageStatus
}

func replace(old, with string) func(string) string {
	return func(s string) string {
		if !strings.Contains(s, old) {
			panic("the good message does not hold " + old)
		}
		return strings.Replace(s, old, with, 1)
	}
}

func badInputs() []badInput {
	fnr := simulate.PersonNumber(7)
	wrong := fnr[:10] + string('0'+(fnr[10]-'0'+1)%10)
	return []badInput{
		{"not XML", func(string) string { return "Pasienten er innlagt" }, "not-xml", true, "", samvirke.MessageRefused},
		{"empty", func(string) string { return " \n" }, "empty", true, "", samvirke.MessageRefused},
		{"half a message", func(s string) string { return s[:len(s)/2] }, "not-well-formed", true, "", samvirke.MessageRefused},
		{"two roots", func(s string) string { return s + "<MsgHead/>" }, "two-roots", true, "", samvirke.MessageRefused},
		{"DOCTYPE", replace("<MsgHead", `<!DOCTYPE x [<!ENTITY a "b">]><MsgHead`), "doctype", true, "", samvirke.MessageRefused},
		{
			"1,000 levels", replace("<MsgInfo>", strings.Repeat("<a>", 1000)+strings.Repeat("</a>", 1000)+"<MsgInfo>"),
			"too-deep", true, "", samvirke.MessageRefused,
		},
		{"wrong encoding declaration", func(s string) string { return strings.Replace(s, "Prøvesen", "Pr\xf8vesen", 1) }, "encoding", true, "", samvirke.MessageRefused},
		{"foreign XML", func(string) string { return `<svg xmlns="http://www.w3.org/2000/svg"/>` }, "unknown-format", true, "", samvirke.MessageRefused},
		{"unknown type", replace(`V="LOG_INNLAGT"`, `V="LOG_TULL"`), "unknown-type", false, "T10", samvirke.MessageRefused},
		{"type that contradicts the payload", replace(`V="LOG_INNLAGT"`, `V="LOG_DOD"`), "type-mismatch", false, "T99", samvirke.MessageRefused},
		{"invalid against the schema", replace("<Anslag>false</Anslag>", "<Anslag>kanskje</Anslag>"), "schema", false, "T02", samvirke.MessageRefused},
		{"missing patient", func(s string) string {
			return s[:strings.Index(s, "<Patient>")] + s[strings.Index(s, "</Patient>")+len("</Patient>"):]
		}, "patient-missing", false, "E36", samvirke.MessageRefused},
		{"wrong check digit", replace(fnr, wrong), "check-digit", false, "E36", samvirke.MessageRefused},
		{"MsgId that is no UUID", func(s string) string {
			i := strings.Index(s, "<MsgId>") + len("<MsgId>")
			return s[:i] + "melding-17" + s[i+36:]
		}, "message-id", false, "E10", samvirke.MessageRefused},
		{"sender that is not the party", func(s string) string {
			return strings.NewReplacer("<Id>"+simulate.AdmissionHospital+"<", "<Id>8999991<", "<Id>"+simulate.AdmissionWard+"<", "<Id>8999992<").Replace(s)
		}, "sender-mismatch", true, "", samvirke.MessageAttention},
		{"receiver that is not ours", func(s string) string {
			return strings.NewReplacer("<Id>"+simulate.AdmissionCity+"<", "<Id>8999993<", "<Id>"+simulate.AdmissionNursing+"<", "<Id>8999994<").Replace(s)
		}, "unknown-receiver", false, "", samvirke.MessageAttention},
	}
}

func TestBadInputIsKeptAnsweredAndShown(t *testing.T) {
	for _, c := range badInputs() {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			msgID := uuid.NewString()
			body := []byte(c.spoil(string(simulate.Admission{ID: msgID, Person: 7}.XML())))
			ans := r.receive("hospital", body)
			if (ans.Fault != nil) != c.wire || c.wire && ans.Fault.Code != c.code {
				t.Fatalf("answer on the wire is %v, want fault %q: %t", ans.Fault, c.code, c.wire)
			}
			m := r.untilStatus(ans.MessageID, c.status)
			if m.Fault != c.code || m.FaultText == "" {
				t.Errorf("fault is %q %q, want %q", m.Fault, m.FaultText, c.code)
			}
			if !bytes.Equal(m.Raw, body) {
				t.Error("the message is not kept as it came")
			}
			r.checkReceipt(ans.MessageID, msgID, c)
			if n := len(r.deliveries(ans.MessageID, samvirke.PurposeForward)); n != 0 {
				t.Errorf("a bad message went on to %d receivers", n)
			}
			again := r.receive("hospital", body)
			if again.MessageID != ans.MessageID || (again.Fault != nil) != c.wire {
				t.Errorf("the second time it was answered %+v", again)
			}
		})
	}
}

func (r *rig) checkReceipt(id, msgID string, c badInput) {
	r.t.Helper()
	ds := r.deliveries(id, samvirke.PurposeReceipt)
	if c.receipt == "" {
		if len(ds) != 0 {
			r.t.Errorf("%d receipts where none may be given", len(ds))
		}
		return
	}
	if len(ds) != 1 {
		r.t.Fatalf("%d receipts, want 1", len(ds))
	}
	d, err := r.store.Delivery(context.Background(), ds[0].ID)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, want := range []string{`<Status V="2"`, `V="` + c.receipt + `"`, `OT="`} {
		if !bytes.Contains(d.Body, []byte(want)) {
			r.t.Errorf("the receipt lacks %s: %s", want, d.Body)
		}
	}
	if c.receipt != "E10" && !bytes.Contains(d.Body, []byte(msgID)) {
		r.t.Error("the receipt does not name the message")
	}
	if bytes.Contains(d.Body, []byte(simulate.PersonNumber(7))) {
		r.t.Error("the receipt names the patient")
	}
}

func TestOversizedMessageIsKeptInPart(t *testing.T) {
	r := newRig(t)
	head := simulate.Admission{ID: uuid.NewString(), Person: 7}.XML()[:1024]
	ans, err := r.g.Receive(context.Background(), connectors.Incoming{Party: "hospital", Body: head, Size: 50 << 20})
	if err != nil || ans.Fault == nil || ans.Fault.Code != "too-large" {
		t.Fatalf("answer is %+v, %v", ans, err)
	}
	m := r.message(ans.MessageID)
	if m.Status != samvirke.MessageRefused || m.Size != 50<<20 || len(m.Raw) != 1024 {
		t.Errorf("kept as %+v with %d bytes", m.Message, len(m.Raw))
	}
}

func TestUnknownPartyIsAnError(t *testing.T) {
	r := newRig(t)
	if _, err := r.g.Receive(context.Background(), connectors.Incoming{Party: "nobody", Body: []byte("<x/>")}); err == nil {
		t.Error("a message of nobody was taken")
	}
}

// A wrong clock of the sender must not matter for order or receipts.
func TestClockAheadIsTaken(t *testing.T) {
	r := newRig(t)
	body := strings.Replace(string(simulate.Admission{ID: uuid.NewString(), Person: 7}.XML()), "<GenDate>2026", "<GenDate>2096", 1)
	ans := r.receive("hospital", []byte(body))
	if ans.Fault != nil {
		t.Fatal(ans.Fault)
	}
	r.untilState(ans.MessageID, samvirke.DeliverySent)
}
