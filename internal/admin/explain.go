package admin

import (
	"strings"
	"time"

	"github.com/samvirke/samvirke"
)

// explanation is what an admin is told about a fault: what happened, what the gateway does next,
// what a person can do.
type explanation struct {
	What string `json:"what_happened"`
	Next string `json:"what_the_gateway_does_next"`
	Do   string `json:"what_you_can_do"`
}

// cause explains one stable fault code in plain words; do says what a person can do about it.
type cause struct{ what, do string }

const (
	doSender   = "Ask the sender's system owner to correct the message and send it again with a new message id."
	doConfig   = "Correct the configuration, then reprocess the message: it is read again from the kept original."
	doReceiver = "Ask the receiver's system owner what is wrong there; then resend."
	// doNew is for content that was refused: standards/no README 7.3 rule 12.
	doNew = "A refused message is never sent again. Have the sender correct it and send it as a new message with a new message id (MsgId), then give up this delivery with a reason."
)

// causes are the codes met most; a code that is not here is explained by its text alone.
var causes = map[string]cause{
	"not-well-formed":       {"The message is not well-formed, so it cannot be read.", doSender},
	"unknown-format":        {"No known format recognises the message.", "Check that the sender uses a supported format; the original is kept and can be looked at."},
	"unknown-type":          {"The message type is not one the gateway knows.", "If the type is expected, it must be supported first; then reprocess."},
	"unknown-kind":          {"The message type is not one the gateway knows.", "If the type is expected, it must be supported first; then reprocess."},
	"wrong-type":            {"The message says it is of one type and holds another.", doSender},
	"type-mismatch":         {"The message says it is of one type and holds another.", doSender},
	"validation":            {"The message does not follow the rules of its standard.", doSender},
	"schema":                {"The message does not follow the schema of its standard.", doSender},
	"check-digit":           {"The patient identifier has a wrong check digit: somebody else could be meant.", doSender},
	"no-patient":            {"The message names no patient.", doSender},
	"message-id":            {"The message id is no UUID, as the standard asks.", doSender},
	"message-id-reused":     {"The sender used a message id again for other content. The first message stays as it was.", "Tell the sender's system owner: the second message has to be sent with an id of its own."},
	"unknown-sender":        {"The message names a sender that is not among the parties.", doConfig},
	"sender-mismatch":       {"The message names another sender than the system that handed it over.", "Find out whether this system may send for that sender; if so, add its HER-id to the party and reprocess."},
	"unknown-receiver":      {"The message is addressed to somebody who is not among the parties.", doConfig},
	"no-format":             {"A receiver reads none of the formats the message can be written in.", doConfig},
	"receipt-unknown":       {"A receipt came for a message the gateway never sent.", "Tell the system owner of the party that gave it; nothing was changed by it."},
	"receipt-contradicting": {"A second receipt says otherwise than the first. The first one counts.", "Tell the system owner of the party that gave it: a receipt is final."},
	"receipt-not-made":      {"The sender has no receipt from one of the receivers: it could not be written.", "Look at the gateway's log, then reprocess."},
	"receipt-overdue":       {"The receiver's application has not answered in time: the message counts as not received.", "Ask the receiver whether the message arrived. A late receipt still counts."},
	"addressee-not-reached": {"A receiver in the message is a party here, but no rule or format reaches it. The sender has no receipt yet.", doConfig},
	"deviation-reported":    {"The receiver had accepted the message and now reports that something is wrong with it.", "Read what the report says, have the message corrected and sent as a new one, then give up this delivery with a reason."},
	"deviation-unknown":     {"An error report came about a message the gateway never sent to that party. Its receiver has got the report.", "Nothing needs to be done here unless the receiver asks; then give up with a reason."},
	"unknown-service":       {"The message names a known enterprise but a service it does not have; it was refused on the receiver's behalf.", doSender},
	"unknown-patient":       {"The epicrisis is about a patient nobody here knows; it was refused on the receiver's behalf.", doSender},
	"patient-missing":       {"The message names no patient.", doSender},
	"patient-insufficient":  {"The patient is not sufficiently identified.", doSender},
	"doctype":               {"The message carries a DOCTYPE, which is refused because it can draw in other files.", doSender},
	"too-deep":              {"The message nests too deep.", doSender},
	"too-many-namespaces":   {"The message declares more namespaces than any message needs (over 256), or an absurdly long one.", doSender},
	"too-large":             {"The message is larger than the limit.", "If messages of this size are expected, raise the limit in the configuration; else ask the sender."},
	"encoding":              {"The message is not in the encoding that it declares.", doSender},
	"unreachable":           {"The receiver could not be reached.", "Nothing needs to be done unless it lasts: then call the receiver's operations."},
	"busy":                  {"The receiver asked to wait.", "Nothing needs to be done."},
	"not-authenticated":     {"The receiver did not accept the gateway's credentials.", "Renew the token or certificate for this party, then resend."},
	"refused":               {"The receiver's application refused the content.", doNew},
	"receipt-rejected":      {"The receiver's application refused the content.", doNew},
	"receiver-is-sender":    {"The only receiver named is the sender itself, so there was nobody to hand the message to.", doSender},
	"too-old":               {"It was tried until the age limit without success.", "Make sure the receiver works, then resend, or give up with a reason."},
	"internal":              {"Something went wrong inside the gateway.", "Look at the gateway's log, then reprocess."},
	"internal-error":        {"Something went wrong inside the gateway.", "Look at the gateway's log, then reprocess."},
	"unexpected":            {"An error came that the gateway does not know.", "Look at the gateway's log; then try again."},
}

func causeOf(code, text string) cause {
	if c, ok := causes[code]; ok {
		return c
	}
	if status, ok := strings.CutPrefix(code, "http-"); ok {
		return cause{"The receiver answered with HTTP " + status + ".", doReceiver}
	}
	if text != "" {
		return cause{what: strings.ToUpper(text[:1]) + text[1:]}
	}
	return cause{}
}

// explainMessage explains where an incoming message stands when it is not simply processed.
func explainMessage(m samvirke.Message) explanation {
	c := causeOf(m.Fault, m.FaultText)
	e := explanation{What: c.what, Do: c.do}
	switch m.Status {
	case samvirke.MessageAttention:
		e.Next = "The gateway keeps it and does nothing more with it until a person acts."
		e.Do = or(e.Do, "Remove the cause, then reprocess; or give up with a reason.")
		e.What = or(e.What, "Processing stopped and a person must look.")
	case samvirke.MessageQuarantined:
		e.What = or(e.What, "The same message id came before with other content.")
		e.Next = "The gateway keeps it apart. It is never processed, and the earlier message is untouched."
		e.Do = or(e.Do, doSender) + " Then give up this one with a reason, so that it leaves the list."
	case samvirke.MessageRefused:
		e.What = or(e.What, "The message was refused by the standard's own rules.")
		e.Next = "The sender was told with a negative receipt where the standard allows one. The gateway does nothing more."
		e.Do = or(e.Do, doSender)
	case samvirke.MessageClosed:
		e.What = or(e.What, "A person ended it.")
		e.Next = "Nothing more happens with it. Who ended it and why stands in the audit."
	default:
		return explanation{}
	}
	return e
}

// explainDelivery explains a delivery that waits, has stopped or is overdue.
func explainDelivery(d samvirke.Delivery, party string, now time.Time) explanation {
	c := causeOf(d.Fault, d.FaultText)
	e := explanation{What: c.what, Do: c.do}
	switch {
	case d.State == samvirke.DeliveryStopped:
		e.What = or(e.What, "Sending to "+party+" stopped for good.")
		e.Next = "The gateway does not try again by itself. Later messages about the same person may wait behind this one."
		e.Do = or(e.Do, doReceiver)
	case d.State == samvirke.DeliveryWaiting:
		e.What = or(e.What, "The last try to "+party+" failed.")
		e.Next = "The gateway tries again by itself, with growing pauses, until the age limit."
		e.Do = or(e.Do, "Nothing needs to be done unless it lasts.")
	case overdue(d, now):
		e.What = party + " took the bytes " + took(now.Sub(d.SentAt).Round(time.Minute)) + " ago but has not said whether its application accepted the content."
		e.Next = "The gateway goes on waiting; a late receipt still counts. It does not send again by itself."
		e.Do = "Ask " + party + " whether the message arrived. If it did not, resend: same bytes, same id, so a copy does no harm."
	case d.State == samvirke.DeliveryGivenUp:
		e.What = or(e.What, "A person ended it.")
		e.Next = "Nothing more is sent. Who ended it and why stands in the audit."
		e.Do = ""
	default:
		return explanation{}
	}
	return e
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
