package admin

import "github.com/samvirke/samvirke"

// ownGloss says in plain English what the things are that we make and no party sends.
var ownGloss = map[string]string{
	"plan-changed":              "notice that the plan changed",
	"notification":              "notice that the plan changed",
	"subscription-notification": "notice that the plan changed",
	"fhir-notification":         "notice that the plan changed",
	"OperationOutcome":          "outcome of a request",
}

// gloss gives the plain words for a kind; "" when there are none.
func gloss(kind string) string {
	if k, ok := samvirke.KindOf(kind); ok {
		return k.Gloss
	}
	return ownGloss[kind]
}

// kinds are the message kinds offered in the filter: all that are read.
func kinds() []string {
	var out []string
	for _, k := range samvirke.Kinds() {
		out = append(out, k.Code)
	}
	return out
}

// word is a state in plain words, with its tone: ok, busy, wait, warn, stop, calm. The mark is a
// sign beside the colour, so that colour never carries the meaning alone.
type word struct{ Text, Tone, Mark, Help string }

func statusWord(s samvirke.MessageStatus) word {
	switch s {
	case samvirke.MessageReceived:
		return word{"not yet processed", "busy", "…", "Stored and safe; processing comes next."}
	case samvirke.MessageProcessed:
		return word{"processed", "ok", "✓", "The plan, the deliveries and the receipt to the sender are written."}
	case samvirke.MessageRefused:
		return word{"refused", "warn", "✕", "Refused by the standard's own rules; the sender is told where it may be told."}
	case samvirke.MessageAttention:
		return word{"needs attention", "stop", "!", "A person must look."}
	case samvirke.MessageQuarantined:
		return word{"quarantined", "stop", "!", "The same message id came before with other content. It is kept and never processed."}
	case samvirke.MessageClosed:
		return word{"closed", "calm", "–", "A person ended it, with a reason."}
	}
	return word{string(s), "calm", "?", ""}
}

func stateWord(s samvirke.DeliveryState) word {
	switch s {
	case samvirke.DeliveryQueued:
		return word{"queued", "wait", "…", "It is sent as soon as its turn in the lane comes."}
	case samvirke.DeliverySending:
		return word{"sending", "busy", "→", "On its way right now."}
	case samvirke.DeliveryWaiting:
		return word{"waiting to try again", "wait", "↻", "The last try failed for a reason that may pass; the gateway tries again by itself."}
	case samvirke.DeliverySent:
		return word{"bytes taken", "busy", "→", "The receiver's transport took the bytes. This is not yet a receipt for the content."}
	case samvirke.DeliveryAcknowledged:
		return word{"receipt: accepted", "ok", "✓", "The receiver's application accepted the content."}
	case samvirke.DeliveryStopped:
		return word{"stopped", "stop", "!", "It will not be tried again by itself."}
	case samvirke.DeliveryGivenUp:
		return word{"given up", "calm", "–", "A person ended it, with a reason."}
	}
	return word{string(s), "calm", "?", ""}
}

var eventWords = map[samvirke.EventName]word{
	samvirke.EventReceived:     {"Received and stored", "busy", "●", "The bytes are synced to disk; only then the sender was answered."},
	samvirke.EventDuplicate:    {"Same message again", "calm", "=", "The same answer was given again, with no other effect."},
	samvirke.EventQuarantined:  {"Quarantined", "stop", "!", "The id was used before with other content."},
	samvirke.EventProcessed:    {"Processed", "ok", "●", ""},
	samvirke.EventRefused:      {"Refused", "warn", "✕", ""},
	samvirke.EventAttention:    {"Needs attention", "stop", "!", ""},
	samvirke.EventPlanChanged:  {"Plan changed", "ok", "●", "A new version of the shared plan was written."},
	samvirke.EventPlanSame:     {"Plan unchanged", "calm", "○", "The message says nothing new to the plan."},
	samvirke.EventRouted:       {"Routed", "ok", "●", ""},
	samvirke.EventReceiptMade:  {"Receipt to the sender made", "ok", "●", ""},
	samvirke.EventSending:      {"Sending", "busy", "→", ""},
	samvirke.EventSent:         {"Bytes taken", "busy", "→", "Transport acknowledgement: the other side took the bytes. Not a receipt for the content."},
	samvirke.EventWaiting:      {"Waits to try again", "wait", "↻", ""},
	samvirke.EventStopped:      {"Stopped", "stop", "!", ""},
	samvirke.EventAcknowledged: {"Receipt: accepted", "ok", "✓", "Application receipt: the content was accepted."},
	samvirke.EventRejected:     {"Receipt: refused", "stop", "✕", "Application receipt: the content was refused."},
	samvirke.EventReceiptIn:    {"Receipt came in", "ok", "✓", ""},
	samvirke.EventDue:          {"Plan clock ran out", "warn", "!", "Somebody should have acted on the plan by now; those concerned were told."},
	samvirke.EventOverdue:      {"Receipt overdue", "warn", "!", "The application receipt did not come in time."},
	samvirke.EventResent:       {"Resent by a person", "busy", "↻", "Same bytes, same id."},
	samvirke.EventReprocessed:  {"Reprocessed by a person", "busy", "↻", "Mapped again from the raw original."},
	samvirke.EventGivenUp:      {"Given up by a person", "calm", "–", ""},

	samvirke.EventErasedReference: {"Refers to an erased message", "calm", "–", "Acknowledged, without effect, and not kept."},
}

func eventWord(n samvirke.EventName) word {
	if w, ok := eventWords[n]; ok {
		return w
	}
	return word{string(n), "calm", "?", ""}
}

// roleWord names the role of a party.
func roleWord(role string) string {
	switch role {
	case "gp":
		return "GP"
	case "":
		return "other"
	}
	return role
}
