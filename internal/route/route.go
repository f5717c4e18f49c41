package route

import "github.com/samvirke/samvirke"

// Rule is one routing rule. A rule matches when every part that is set matches; all matching
// rules apply; a party chosen by several rules gets the message once, under the first rule.
type Rule struct {
	// Name is shown in the trace. "" becomes "rule N", counted from 1.
	Name string
	// Kinds, From (party ids or roles), Municipality: conditions; empty = any.
	// A kind may end in "*": "LOG_*" is every kind that begins with "LOG_".
	// Municipality holds numbers of code list 3402 and is compared with that of the patient.
	Kinds        []string
	From         []string
	Municipality []string
	// To names the receivers: party ids, or selectors (see the To constants).
	To []string
	// Deny stops these receivers whatever other rules say; deny beats allow.
	Deny bool
}

// The selectors that may stand in Rule.To instead of a party id. No party may bear one as id, but for
// the only party of a role, which may be called after it: there the two cannot mean different parties.
const (
	ToAddressees   = "addressees"   // every receiver the message names, primary and copies
	ToCopies       = "copies"       // only those named as copy receivers
	ToMunicipality = "municipality" // parties with role municipality that serve the patient's municipality
	ToGP           = "gp"           // the patient's GP
	ToTeam         = "team"         // organisations of the plan's care team
)

// RuleTold is the name shown for the rule that needs no configuration: a change or withdrawal
// reaches everyone who was sent an earlier message of the conversation.
const RuleTold = "told-before"

// RuleMember is the name shown where no rule is needed either: who takes part in a plan is told that it changed.
const RuleMember = "plan-member"

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
	// Changed, when set, takes the place of PlanChanged: whether one party sees something new in the plan. It knows
	// of what is withheld from the party, so it stands for the objection to forwarding too.
	Changed func(party string) bool
	// Tell are parties that take part in the plan and see something new in it, with the format that tells them:
	// FormatNotification or FormatNote. They are told also when no rule names them, unless one denies it; who
	// gets the message itself needs no note beside it.
	Tell map[string]string
}

// Choice is one receiver.
type Choice struct {
	Party   string `json:"party"`
	Format  string `json:"format"`            // "kith", "fhir", "fhir-notification"
	Version string `json:"version,omitempty"` // "" = as sent
	Rule    string `json:"rule"`
	// Addressee is the index in Envelope.Receivers when the party is one of them, else -1.
	Addressee int `json:"addressee"`
}

// Why says why a party does not get the message.
type Why string

// The reasons, strongest first: when several hold, the first is given.
const (
	WhyUnknown   Why = "unknown-party"        // no party of the configuration answers to this id
	WhySender    Why = "sender"               // it is the sender's own message
	WhyDenied    Why = "denied"               // a deny rule names the party
	WhyObjection Why = "forwarding-objection" // the patient objects to forwarding and it is no addressee
	WhyNoRule    Why = "no-rule"              // an addressee that no rule names: a gap in the configuration
	WhyNoFormat  Why = "no-format"            // it reads no format and version this kind can be given in
	WhyUnchanged Why = "plan-unchanged"       // it wants plan changes only, and the plan is the same
)

// Dropped is a party that a rule or the message named but that does not get the message, and why.
type Dropped struct {
	// Party is the party's id. For one the configuration does not know: "her:NUMBER" as the message or
	// the care team names it, "receiver N" (from 1) for an addressee without HER-id, or the unknown id.
	Party string `json:"party"`
	// Rule is the rule that dropped (denied) or had named it; "" for no-rule.
	Rule string `json:"rule,omitempty"`
	Why  Why    `json:"why"`
	// Addressee as in Choice: not -1 means that somebody the sender wrote to is not reached.
	Addressee int `json:"addressee"`
}

// Decision is the outcome. Choices are in a fixed order: as parties stand in the configuration.
// Dropped follow the same order, those the configuration does not know last, by name.
type Decision struct {
	Choices []Choice  `json:"choices"`
	Dropped []Dropped `json:"dropped,omitempty"`
}

// Unreached are addressees of the message who do not get it although nobody wanted that: no party
// answers to them, no rule names them, or they read no fitting format. The sender believes them
// informed, so a person must look before the message counts as done. The sender's own copy and
// what a deny rule stops are not among them.
func (d Decision) Unreached() []Dropped {
	var out []Dropped
	for _, x := range d.Dropped {
		if x.Addressee != none && (x.Why == WhyUnknown || x.Why == WhyNoRule || x.Why == WhyNoFormat) {
			out = append(out, x)
		}
	}
	return out
}
