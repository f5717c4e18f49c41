package admin

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
)

// What a receiver wrote about a message it refused, or accepted and then reported, is shown on the list, on the
// page of the message and in the API, each time with an audit entry; and nowhere without one.
func TestReceiverWordsAreShownAndAudited(t *testing.T) {
	t.Parallel()
	const words, report = "Pasienten er ikke kjent i denne tjenesten", "Kari Prøvesen bor ikke her"
	c := newCourse(t)
	var reported *samvirke.Delivery
	refused := 0
	for i := range c.st.deliveries {
		d := &c.st.deliveries[i]
		if d.Fault != "receipt-rejected" {
			continue
		}
		refused++
		if page := signedIn(t, c.st).get("/attention"); !strings.Contains(page.body, "send it as a new message with a new message id (MsgId)") ||
			strings.Contains(page.body, "/deliveries/"+d.ID+"/resend") || strings.Contains(page.body, `name="delivery" value="`+d.ID+`"`) {
			t.Errorf("the list offers to resend %s, which its receiver refused, or does not say what to do", d.ID)
		}
		reported = d
	}
	if refused < 2 {
		t.Fatalf("the course has %d refused deliveries", refused)
	}
	reported.Fault, reported.FaultText = "deviation-reported", "1 (8117) Feil adressat"
	c.st.receipts = append(c.st.receipts, samvirke.Receipt{ID: "avvik", Direction: samvirke.Inbound, Party: reported.Party, MessageID: reported.MessageID,
		DeliveryID: reported.ID, At: courseNow, Note: samvirke.NoteDeviation, ReceiptContent: samvirke.ReceiptContent{Status: samvirke.ReceiptRejected,
			Errors: []samvirke.ReceiptError{{Code: "1", System: "2.16.578.1.12.4.1.1.8117", Display: "Feil adressat", Detail: report}}}})
	h := signedIn(t, c.st)
	for _, path := range []string{"/attention", "/api/v1/attention"} {
		before := h.st.auditCount("read-receipt")
		a := h.get(path)
		if a.status != http.StatusOK || !strings.Contains(a.body, words) || !strings.Contains(a.body, report) || !strings.Contains(a.body, "Feil adressat") {
			t.Errorf("%s: status %d, does not show what the receivers wrote", path, a.status)
		}
		if n := h.st.auditCount("read-receipt") - before; n != refused {
			t.Errorf("%s: %d audit entries, want one for each of %d", path, n, refused)
		}
		if got := h.st.lastAudit(); got.Patient == "" || got.Object == "" || got.Who != "kari" {
			t.Errorf("%s: audit %+v", path, got)
		}
	}
	before := len(h.st.audits)
	h.get("/attention", "X-Samvirke-Live", "1")
	if len(h.st.audits) != before {
		t.Error("the refresh of an open list is audited again")
	}
	for _, path := range []string{"/messages/" + reported.MessageID, "/api/v1/messages/" + reported.MessageID} {
		before := h.st.auditCount("read-message")
		if a := h.get(path); !strings.Contains(a.body, report) || h.st.auditCount("read-message") != before+1 {
			t.Errorf("%s: status %d, shown %v, %d audit entries", path, a.status, strings.Contains(a.body, report), h.st.auditCount("read-message")-before)
		}
	}
	for _, path := range []string{"/", "/messages", "/parties"} {
		if a := h.get(path); strings.Contains(a.body, words) || strings.Contains(a.body, report) {
			t.Errorf("%s shows what a receiver wrote", path)
		}
	}
	c.st.failAudit = errors.New("disk is full")
	for _, path := range []string{"/attention", "/api/v1/attention"} {
		if a := h.get(path); a.status != http.StatusInternalServerError || strings.Contains(a.body, report) {
			t.Errorf("%s without audit: status %d", path, a.status)
		}
	}
}

// TestTraceOfAnErrorReport: the page of the report names the delivery that it stopped, by a link.
func TestTraceOfAnErrorReport(t *testing.T) {
	t.Parallel()
	c := newCourse(t)
	var d *samvirke.Delivery
	for i := range c.st.deliveries {
		if c.st.deliveries[i].Fault == "receipt-rejected" {
			d = &c.st.deliveries[i]
		}
	}
	d.Fault = "deviation-reported"
	id := c.message(d.Party, "DIALOG_AVVIK", samvirke.OpNew)
	set := func(parent string) {
		env, err := json.Marshal(samvirke.Envelope{Format: "kith", Kind: "DIALOG_AVVIK", ID: "report", Parent: parent})
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.st.messages {
			if c.st.messages[i].ID == id {
				c.st.messages[i].Envelope = env
			}
		}
	}
	set(d.ExternalID)
	h := signedIn(t, c.st)
	link := `<dt>Stopped the delivery of</dt><dd><a href="/messages/` + d.MessageID + "#delivery-" + d.ID + `">`
	if a := h.get("/messages/" + id); !strings.Contains(a.body, link) {
		t.Errorf("status %d: the page lacks %s", a.status, link)
	}
	set("never-sent")
	if a := h.get("/messages/" + id); a.status != http.StatusOK || strings.Contains(a.body, "Stopped the delivery of") {
		t.Errorf("a report about nothing that was sent: status %d", a.status)
	}
}
