package gateway_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// deviation is an error report of the city to the ward.
func deviation(id, parent, code, text string) []byte {
	return deviationTo(simulate.AdmissionWard, id, parent, code, text)
}

func deviationTo(service, id, parent, code, text string) []byte {
	org := func(tag, outer, inner string) string {
		ident := func(her string) string {
			return `<OrganisationName>Enhet</OrganisationName><Ident><Id>` + her + `</Id><TypeId V="HER" S="2.16.578.1.12.4.1.1.9051" DN="HER-id"/></Ident>`
		}
		return `<` + tag + `><Organisation>` + ident(outer) + `<Organisation>` + ident(inner) + `</Organisation></Organisation></` + tag + `>`
	}
	ref := ""
	if parent != "" {
		ref = `<ConversationRef><RefToParent>` + parent + `</RefToParent><RefToConversation>` + parent + `</RefToConversation></ConversationRef>`
	}
	return []byte(`<?xml version="1.0" encoding="UTF-8"?><MsgHead xmlns="http://www.kith.no/xmlstds/msghead/2006-05-24"><MsgInfo>` +
		`<Type V="DIALOG_AVVIK" DN="Tilbakemelding om feil i mottatt melding"/><MIGversion>v1.2 2006-05-24</MIGversion><GenDate>2026-01-11T09:12:04</GenDate><MsgId>` + id + `</MsgId>` + ref +
		org("Sender", simulate.AdmissionCity, simulate.AdmissionNursing) + org("Receiver", simulate.AdmissionHospital, service) +
		`</MsgInfo><Document><RefDoc><MsgType V="XML" DN="XML-instans"/><Content><Dialogmelding xmlns="http://www.kith.no/xmlstds/dialog/2006-10-11">` +
		`<Notat><TemaKodet V="` + code + `" S="2.16.578.1.12.4.1.1.8117" DN="tekst"/><TekstNotatInnhold>` + text + `</TekstNotatInnhold></Notat></Dialogmelding></Content></RefDoc></Document></MsgHead>`)
}

// An error report is the only way back from a positive receipt: the delivery it is about needs attention, with the
// report's code and text, and is never sent again.
func TestDeviationTakesAPositiveReceiptBack(t *testing.T) {
	r := newRig(t)
	id, msgID := r.admit(simulate.Admission{Person: 1})
	r.untilState(id, samvirke.DeliverySent)
	r.receive("city", appRec(uuid.NewString(), msgID, "1"))
	r.untilState(id, samvirke.DeliveryAcknowledged)
	const words = "Kari Prøvesen bor ikke her"
	report := r.receive("city", deviation(uuid.NewString(), strings.ToUpper(msgID), "1", words))
	if report.Fault != nil {
		t.Fatal(report.Fault)
	}
	d := r.untilState(id, samvirke.DeliveryStopped)
	if d.Fault != "deviation-reported" || d.FaultText != "1 (8117) Feil adressat" {
		t.Errorf("fault is %q %q", d.Fault, d.FaultText)
	}
	rs := inbound(r.receipts(queue.ReceiptFilter{DeliveryID: d.ID}))
	if len(rs) != 2 || rs[1].Note != samvirke.NoteDeviation || rs[1].CarrierID != report.MessageID || len(rs[1].Errors) != 1 ||
		rs[1].Errors[0].Code != "1" || rs[1].Errors[0].System != "2.16.578.1.12.4.1.1.8117" || rs[1].Errors[0].Detail != words {
		t.Errorf("receipts are %+v", rs)
	}
	// The report itself is a message like any other: its receiver gets it and its sender an answer.
	r.untilStatus(report.MessageID, samvirke.MessageProcessed)
	expect(t, r.answers(report.MessageID), "AppRec 1.0 REQ status 1")
	r.until("the hospital has the report", func() bool {
		for _, x := range r.hospital.sent() {
			if x.Kind == "DIALOG_AVVIK" && strings.Contains(string(x.Body), words) {
				return true
			}
		}
		return false
	})
	if err := r.g.Resend(context.Background(), "ola", d.ID, "again"); !errors.Is(err, queue.ErrState) {
		t.Errorf("resend: %v", err)
	}
	// The sender of the message has had its receipt; there is no second one.
	expect(t, r.answers(id), "AppRec 1.1 PRIM status 1")
	for _, e := range append(r.events(id), r.events(report.MessageID)...) {
		if strings.Contains(e.Detail, "Kari") {
			t.Errorf("event %s names a person: %s", e.Name, e.Detail)
		}
	}
	if strings.Contains(r.log.String(), "Kari") {
		t.Error("the log names a person")
	}
	// A receipt that comes after the report, and a second report, change nothing and are kept.
	r.receive("city", appRec(uuid.NewString(), msgID, "1"))
	second := r.receive("city", deviation(uuid.NewString(), msgID, "2", "mer"))
	r.untilStatus(second.MessageID, samvirke.MessageProcessed)
	r.until("kept", func() bool { return len(inbound(r.receipts(queue.ReceiptFilter{DeliveryID: d.ID}))) == 4 })
	if d := r.one(id, samvirke.PurposeForward); d.State != samvirke.DeliveryStopped || d.FaultText != "1 (8117) Feil adressat" {
		t.Errorf("delivery is %s %q", d.State, d.FaultText)
	}
	if err := r.g.GiveUp(context.Background(), "ola", d.ID, "a new message was sent"); err != nil {
		t.Error(err)
	}
}

// A report about a message that never gave a receipt counts too; one about nothing we sent is shown.
func TestDeviationWithoutReceiptAndWithoutMessage(t *testing.T) {
	r := newRig(t, func(r *rig) { r.cityParty.Receipts = samvirke.ReceiptNone })
	id, msgID := r.admit(simulate.Admission{Person: 1})
	r.untilState(id, samvirke.DeliverySent)
	r.receive("city", deviation(uuid.NewString(), msgID, "9", "noe"))
	if d := r.untilState(id, samvirke.DeliveryStopped); d.FaultText != "9 (8117) Annet" {
		t.Errorf("fault text is %q", d.FaultText)
	}
	for name, parent := range map[string]string{"about a message of somebody else": uuid.NewString(), "about nothing": ""} {
		t.Run(name, func(t *testing.T) {
			ans := r.receive("city", deviation(uuid.NewString(), parent, "2", "noe"))
			m := r.untilStatus(ans.MessageID, samvirke.MessageAttention)
			if m.Fault != "deviation-unknown" {
				t.Errorf("fault is %q", m.Fault)
			}
			expect(t, r.answers(ans.MessageID), "AppRec 1.0 REQ status 1")
			if err := r.g.Reprocess(context.Background(), "ola", ans.MessageID, "again"); err != nil {
				t.Error(err)
			}
			r.untilStatus(ans.MessageID, samvirke.MessageAttention)
			if err := r.g.GiveUp(context.Background(), "ola", ans.MessageID, "read"); err != nil {
				t.Error(err)
			}
			expect(t, r.answers(ans.MessageID), "AppRec 1.0 REQ status 1")
		})
	}
}

// Rule 1: a message that was answered and still needs attention is processed again under settings that would refuse it.
// The receiver has answered: it neither refuses nor answers again.
func TestRule01AnsweredIsNotRefusedLater(t *testing.T) {
	r := newRig(t)
	ans := r.receive("city", deviationTo("8999002", uuid.NewString(), uuid.NewString(), "2", "noe"))
	r.untilStatus(ans.MessageID, samvirke.MessageAttention)
	first := r.answers(ans.MessageID)
	expect(t, first, "AppRec 1.0 REQ status 1")
	r.hospitalParty.UnknownService = samvirke.AnswerRefuse
	r.restart()
	if err := r.g.Reprocess(context.Background(), "ola", ans.MessageID, "again"); err != nil {
		t.Fatal(err)
	}
	r.until("processed again", func() bool {
		m := r.message(ans.MessageID)
		return m.Status != samvirke.MessageReceived && m.Fault != "reprocess"
	})
	if again := r.answers(ans.MessageID); len(again) != 1 || again[0].id != first[0].id {
		t.Errorf("receipts became %v", again)
	}
	if m := r.message(ans.MessageID); m.Status != samvirke.MessageAttention || m.Fault != "deviation-unknown" {
		t.Errorf("message is %s %s", m.Status, m.Fault)
	}
	// Even when it cannot be read any more: a version of the gateway that knows less.
	r.options.MaxBytes = 100
	r.restart()
	if err := r.g.Reprocess(context.Background(), "ola", ans.MessageID, "again"); err != nil {
		t.Fatal(err)
	}
	r.until("refused", func() bool { return r.message(ans.MessageID).Status == samvirke.MessageRefused })
	expect(t, r.answers(ans.MessageID), "AppRec 1.0 REQ status 1")
}
