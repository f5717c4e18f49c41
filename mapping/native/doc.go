// Package native reads and writes FHIR messages: Bundles of type message, R4, JSON.
//
// What comes in is already canonical in shape, so this package changes nothing in it: it holds the
// message against what the gateway relies on (bounds, header first, ids, addresses, person numbers
// with check digits, what each kind must say) and reads the envelope. Elements it does not know
// stay. Going out, the message keeps its bytes unless it gets another id or other addressees.
//
// Kinds are codes of two systems: the national message types (code list 8279) for messages that
// also exist as XML, and SystemNativeMessage for those that exist only here:
//
//	assessment   Observations: an instrument's total, or a panel with its items
//	task-answer  Tasks: what an organisation answers to a proposal (accepted, rejected with a reason)
//	plan-update  plan elements of one organisation (goals, requests, appointments ...)
//	plan-write   what was written into the plan at this gateway: any of these, a plan's own fields, the team,
//	             consents, identity links, and what a person decided (conflict resolved, record held)
//
// Any other event is carried and reported, not refused.
//
// Refusals carry the codes of list 8221 that an XML message would get for the same fault, so that the
// sender's receipt means the same in both worlds.
package native
