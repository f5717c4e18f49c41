package route

import "github.com/samvirke/samvirke"

// Rule is one routing rule. A rule matches when every part that is set matches; all matching
// rules apply; a party chosen by several rules gets the message once, under the first rule.
type Rule struct {
	// Name is shown in the trace.
	Name string
	// Kinds, From (party ids or roles), Municipality: conditions; empty = any.
	Kinds        []string
	From         []string
	Municipality []string
	// To names the receivers: party ids, or one of addressees, copies, municipality, gp, team.
	To []string
	// Deny stops these receivers whatever other rules say; deny beats allow.
	Deny bool
}

// Input is what a decision rests on.
type Input struct {
	Envelope samvirke.Envelope
	// From is the sending party's id.
	From string
	// Municipality (number) and GP (party id) of the patient; "" when unknown.
	Municipality string
	GP           string
	// Team are the HER-ids of the plan's care team after this message.
	Team []string
	// Told are parties that were sent an earlier message of this conversation: a change or
	// withdrawal reaches all of them.
	Told []string
	// PlanChanged: parties with format fhir-notification are told only then.
	PlanChanged bool
}

// Choice is one receiver.
type Choice struct {
	Party   string
	Format  string // "kith", "fhir", "fhir-notification"
	Version string // "" = as sent
	Rule    string
	// Addressee is the index in Envelope.Receivers when the party is one of them, else -1.
	Addressee int
}

// Dropped is a party that a rule named but that does not get the message, and why:
// "sender", "forwarding-objection", "denied", "no-format", "unknown-party", "plan-unchanged".
type Dropped struct {
	Party string
	Rule  string
	Why   string
}

// Decision is the outcome. Choices are in a fixed order: as parties stand in the configuration.
type Decision struct {
	Choices []Choice
	Dropped []Dropped
}
