package native

import (
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
)

// Extensions of MessageHeader.response in receipts: what an AppRec says beside the id. Id holds an
// original id that does not fit FHIR's type id.
const (
	extOriginalID     = fhir.ExtBase + "StructureDefinition/original-id"
	extOriginalKind   = fhir.ExtBase + "StructureDefinition/original-kind"
	extOriginalIssued = fhir.ExtBase + "StructureDefinition/original-issued"
)

// RenderReceipt writes the response message that answers env from the point of view of one of its
// receivers; see mapping.Format. The same input gives the same bytes.
//
// Source: standards/no README section 12 (AppRec: 1 -> ok, 2 -> fatal-error).
func (f *Format) RenderReceipt(env *samvirke.Envelope, receiver int, c samvirke.ReceiptContent, t mapping.Target) (*mapping.Rendered, error) {
	if receiver < 0 || receiver >= len(env.Receivers) {
		return nil, &samvirke.Fault{Class: samvirke.Permanent, Code: "no-such-receiver", Safe: "the message has no such receiver"}
	}
	if c.OriginalID == "" {
		return nil, &samvirke.Fault{Class: samvirke.Permanent, Code: CodeNoAnswered, Safe: "the receipt does not say what it answers"}
	}
	from := env.Receivers[receiver]
	id := t.NewID
	if id == "" {
		id = fhir.NameUUID("receipt/" + c.OriginalID + "/" + from.HER())
	}
	m := fhir.NewMessage(id, t.Now, fhir.Coding{System: fhir.SystemMessageType, Code: KindReceipt, Display: "Applikasjonskvittering"})
	m.From(from)
	m.To(env.Sender)
	r := fhir.Response{Identifier: c.OriginalID, Code: "ok", Details: m.Add(fhir.ReceiptOutcome(c))}
	if c.Status == samvirke.ReceiptRejected {
		r.Code = "fatal-error"
	}
	fits := isFHIRID(c.OriginalID)
	if !fits {
		r.Identifier = fhir.NameUUID(c.OriginalID)
	}
	m.Answer(r)
	note := func(url, value string) {
		if value != "" {
			m.Header().Get("response").Append("extension", fhir.NewObject("url", url, "valueString", value))
		}
	}
	if !fits {
		note(extOriginalID, c.OriginalID)
	}
	note(extOriginalKind, c.OriginalKind)
	note(extOriginalIssued, c.OriginalIssued)
	return &mapping.Rendered{Body: m.Bundle().Bytes(), ContentType: ContentType, ExternalID: id, Kind: KindReceipt, Version: Version}, nil
}

// isFHIRID tells whether s fits FHIR's type id.
func isFHIRID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return true
}

// receiptOf reads a response message. A transient error counts as refused: a receiver that wants the
// same bytes again says so on the wire (HTTP 503), not in a message.
func receiptOf(b *fhir.Bundle, h fhir.Header) *samvirke.ReceiptContent {
	response := b.First("MessageHeader").Get("response")
	text := func(url string) string { return response.Extension(url).Get("valueString").Text() }
	c := &samvirke.ReceiptContent{
		Status: samvirke.ReceiptOK, OriginalID: bare(h.Response.Identifier),
		OriginalKind: text(extOriginalKind), OriginalIssued: text(extOriginalIssued),
	}
	if id := text(extOriginalID); id != "" {
		c.OriginalID = id
	}
	outcome := b.First("OperationOutcome")
	if e, ok := b.Resolve(h.Response.Details); ok && e.Type == "OperationOutcome" {
		outcome = e.Resource
	}
	c.Errors = fhir.ReceiptErrors(outcome)
	switch {
	case h.Response.Code != "ok":
		c.Status = samvirke.ReceiptRejected
		if len(c.Errors) == 0 {
			c.Errors = []samvirke.ReceiptError{{Code: "X99", Detail: strings.TrimSpace("response code " + h.Response.Code)}}
		}
	case len(c.Errors) > 0:
		c.Status = samvirke.ReceiptPartial
	}
	return c
}
