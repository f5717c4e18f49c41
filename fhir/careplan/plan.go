package careplan

import "time"

// Plan is one person's shared plan, as everybody who may see all of it sees it.
// Every list has a fixed order that does not depend on the order of arrival. Every item names
// the sources it rests on in From: keys into Sources.
type Plan struct {
	// Patient is the patient key, system|value.
	Patient string `json:"patient"`
	// Person are the facts about the person with the latest live source for each.
	Person    Person       `json:"person"`
	Stays     []Stay       `json:"stays,omitempty"`
	Ready     []Ready      `json:"discharge_ready,omitempty"`
	Diagnoses []Diagnosis  `json:"diagnoses,omitempty"`
	Goals     []Goal       `json:"goals,omitempty"`
	Measures  []Measure    `json:"measures,omitempty"` // wanted, agreed, ongoing, done
	Services  []Service    `json:"services,omitempty"` // services received or granted
	Function  []Assessment `json:"function,omitempty"`
	Checkups  []Checkup    `json:"checkups,omitempty"`
	Aids      []Aid        `json:"aids,omitempty"`
	Contacts  []Contact    `json:"contacts,omitempty"` // next of kin, professionals, units
	Notes     []Note       `json:"notes,omitempty"`    // free text by heading
	Team      []Member     `json:"team,omitempty"`     // organisations that take part
	Tasks     []Task       `json:"tasks,omitempty"`    // what the gateway asks somebody to do
	Gaps      []Gap        `json:"gaps,omitempty"`
	Flags     []Flag       `json:"flags,omitempty"` // orphan, fork, reopened, foreign-change ...
	// Shared, Rights and Course are what only few plans have; nil without any of it.
	Shared *SharedPart `json:"shared,omitempty"`
	Rights *RightsPart `json:"rights,omitempty"`
	Course *CoursePart `json:"course,omitempty"`
	// Restricted is true when a live record carries a forwarding objection.
	Restricted bool `json:"restricted,omitempty"`
	// Sources are all live records that something above rests on, and History the live-no-more ones.
	Sources map[string]Source `json:"sources"`
	History []Source          `json:"history,omitempty"`
	// written are resources as parties wrote them through the REST API, by source key; for Elements only.
	written map[string][]elementFact
}

// Source is the provenance of a value: one record.
type Source struct {
	Key string `json:"key"` // sender/message-id
	// MessageID is the gateway's id, for the link to the trace, and Received its clock. Both are facts of
	// one gateway and not of the plan: two gateways, or one that got the messages in another order, give
	// the same plan to the byte. Whoever shows a stored plan fills them in from its records.
	MessageID string    `json:"-"`
	Kind      string    `json:"kind"`
	Op        string    `json:"op,omitempty"` // N, M, A or C
	Sender    string    `json:"sender"`       // HER-id of the sending enterprise
	Name      string    `json:"sender_name,omitempty"`
	Author    string    `json:"author,omitempty"` // who is responsible for the content
	Event     time.Time `json:"event,omitzero"`
	Sent      time.Time `json:"sent,omitzero"`
	Received  time.Time `json:"-"`
	Mapping   string    `json:"mapping,omitempty"` // name and version of the mapping
	// State is live, replaced, withdrawn, orphan (names a message that is not here; it counts unless
	// it is a withdrawal), duplicate-id, quarantined.
	State string `json:"state"`
}

// Value is one shown fact with its provenance.
type Value struct {
	Text   string   `json:"text"`
	Code   string   `json:"code,omitempty"`
	System string   `json:"system,omitempty"`
	From   []string `json:"from"`
}

// Person holds who it is about.
type Person struct {
	Identifier Value  `json:"identifier"`
	Name       *Value `json:"name,omitempty"`
	BirthDate  *Value `json:"birth_date,omitempty"`
	Sex        *Value `json:"sex,omitempty"`
	Address    *Value `json:"address,omitempty"`
	Phone      *Value `json:"phone,omitempty"`
	Deceased   *Value `json:"deceased,omitempty"`
}

// Stay is one admission, folded from its live events.
type Stay struct {
	ID          string `json:"id"`
	Organiser   string `json:"organisation"` // HER-id
	Name        string `json:"name,omitempty"`
	Status      string `json:"status"` // planned, in-progress, onleave, finished, cancelled, entered-in-error
	Start       *Value `json:"start,omitempty"`
	End         *Value `json:"end,omitempty"`
	Expected    *Value `json:"expected_ready,omitempty"` // event 5, or event 3 given as estimate
	Destination *Value `json:"destination,omitempty"`
	ReadyCount  int    `json:"ready_count"` // how often discharge-ready was set
	WithdrawnN  int    `json:"withdrawn_count"`
	// Class is the class of the latest native Encounter (v3-ActCode: IMP, EMER ...), Kind what it calls itself:
	// hospital, KAD bed, municipal institution. Identifiers are those of the stay and of its episode of care.
	Class       *Value   `json:"class,omitempty"`
	Kind        *Value   `json:"kind,omitempty"`
	Identifiers []string `json:"identifiers,omitempty"`
	Leaves      []Leave  `json:"leaves,omitempty"`
	From        []string `json:"from"`
}

// Leave is one absence during a stay. Start is nil when only its end was told.
type Leave struct {
	Start *Value `json:"start,omitempty"`
	End   *Value `json:"end,omitempty"`
}

// Ready is one discharge-ready period.
type Ready struct {
	Stay string `json:"stay"`
	Set  Value  `json:"set"`
	End  *Value `json:"end,omitempty"` // withdrawn or discharged
	Why  string `json:"why,omitempty"` // "withdrawn", "discharged", "admission-withdrawn"
	// Planned is true when the notice gives the time as a planned day (Anslag=true).
	Planned bool     `json:"planned,omitempty"`
	From    []string `json:"from"`
}

// Diagnosis as asserted by one organisation.
type Diagnosis struct {
	Value
	Main  bool   `json:"main,omitempty"`
	Owner string `json:"owner"`
}

// Goal of one owner.
type Goal struct {
	ID     string `json:"id"`
	Text   string `json:"text"`
	Code   *Value `json:"code,omitempty"`
	Due    *Value `json:"due,omitempty"`
	Start  *Value `json:"start,omitempty"`
	Status string `json:"status"` // active, withdrawn never shown
	Owner  string `json:"owner"`
	// ExpressedBy is patient, kin or professional; "" when the source does not say.
	ExpressedBy string `json:"expressed_by,omitempty"`
	// OnBehalf is why next of kin speaks for the patient.
	OnBehalf string   `json:"on_behalf,omitempty"`
	From     []string `json:"from"`
}

// Measure is a thing wanted, agreed, ongoing or done. For a proposal the acceptance lives in Answers.
type Measure struct {
	ID     string `json:"id"`
	Text   string `json:"text"`
	Code   *Value `json:"code,omitempty"`
	Kind   string `json:"kind"`   // proposal, order, done
	Status string `json:"status"` // requested, accepted, rejected, active, completed
	// Requester wrote it; Owner is who carries it: "" until somebody accepts a proposal.
	Requester  string   `json:"requester"`
	Owner      string   `json:"owner,omitempty"`
	Evaluation *Value   `json:"evaluation,omitempty"`
	Period     string   `json:"period,omitempty"`
	Note       string   `json:"note,omitempty"`
	Answers    []Answer `json:"answers,omitempty"`
	From       []string `json:"from"`
}

// Answer to a proposal: one Task of one organisation.
type Answer struct {
	By     string    `json:"by"`
	Status string    `json:"status"` // accepted, rejected, answered
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at,omitzero"`
	From   []string  `json:"from"`
}

// Service received or granted.
type Service struct {
	Value
	Provider string `json:"provider,omitempty"`
	Private  bool   `json:"private,omitempty"`
	Start    string `json:"start,omitempty"`
	End      string `json:"end,omitempty"`
	Amount   string `json:"amount,omitempty"`
	Note     string `json:"note,omitempty"`
	Owner    string `json:"owner"`
}

// Assessment is one function assessment: an instrument at one date by one organisation.
// There is no sum over IPLOS variables: the scale forbids it.
type Assessment struct {
	ID         string `json:"id"`
	Instrument string `json:"instrument"` // iplos, gaf, barthel-20, ...
	Variant    string `json:"variant,omitempty"`
	Date       string `json:"date,omitempty"`        // as precise as the source
	DateSource string `json:"date_source,omitempty"` // responsible, remark, message
	Baseline   bool   `json:"baseline,omitempty"`    // before or at admission of a stay
	// Line is the comparability key: only assessments with the same non-empty Line may be joined
	// by a line or subtracted. "" = unknown scale or variant, never compared.
	Line  string `json:"line,omitempty"`
	Owner string `json:"owner"`
	// Assessor is the person or role who assessed, Setting standard (test room) or usual (daily life), Informer who
	// answered, Protocol how a test was done (course, chair, aid); "" = the source does not say.
	Assessor string `json:"assessor,omitempty"`
	Setting  string `json:"setting,omitempty"`
	Informer string `json:"informer,omitempty"`
	Protocol string `json:"protocol,omitempty"`
	// Derived names the rule that made the assessment of something that is no Observation.
	Derived string `json:"derived,omitempty"`
	Form    string `json:"form,omitempty"` // reference of the questionnaire response
	// Issues are codes of function.Issue: what does not fit within the assessment. Nothing was changed for them.
	Issues []string `json:"issues,omitempty"`
	Scores []Score  `json:"scores"`
	Note   string   `json:"note,omitempty"`
	From   []string `json:"from"`
}

// Score is one variable or total. Value names the variable (our short label for known ones);
// Shown is its value as the source wrote it. Number is nil for 9 (not relevant), for words and
// for what the scale does not have.
type Score struct {
	Value
	Shown       string   `json:"shown"`
	Number      *float64 `json:"number,omitempty"`
	NotRelevant bool     `json:"not_relevant,omitempty"`
	Invalid     bool     `json:"invalid,omitempty"` // outside the instrument's range, shown as text, never drawn
	Min         float64  `json:"min,omitempty"`
	Max         float64  `json:"max,omitempty"`
	HigherIs    string   `json:"higher_is,omitempty"` // "better" or "worse"
	Unit        string   `json:"unit,omitempty"`
	Note        string   `json:"note,omitempty"`
	// Words: the source wrote the value where words belong; it is no number, whatever it looks like.
	Words bool `json:"words,omitempty"`
	// Absent is the code of data-absent-reason when the source gives a reason and no value.
	Absent  string `json:"absent,omitempty"`
	Problem string `json:"problem,omitempty"` // the person's own words, for a score of one problem
	// ValueCode and ValueSystem are those of a value that the source gave as a code.
	ValueCode   string `json:"value_code,omitempty"`
	ValueSystem string `json:"value_system,omitempty"`
	// Aid is what the person used: its name, "true" or "false"; "" when the source does not say. Most scales count what is
	// done with an aid as done alone.
	Aid string `json:"aid,omitempty"`
}

// Checkup is an appointment.
type Checkup struct {
	ID     string `json:"id"`
	Start  string `json:"start,omitempty"`
	Place  string `json:"place,omitempty"`
	Booked bool   `json:"booked"`
	// Cancelled: it was agreed and called off; Booked is false then.
	Cancelled bool     `json:"cancelled,omitempty"`
	Note      string   `json:"note,omitempty"`
	Owner     string   `json:"owner"`
	From      []string `json:"from"`
}

// Aid is a device in use or needed.
type Aid struct {
	Value
	Status string `json:"status,omitempty"`
	Owner  string `json:"owner"`
}

// Contact is next of kin, a professional or a unit.
type Contact struct {
	Kind string `json:"kind"` // kin, professional, unit
	Name string `json:"name"`
	Role string `json:"role,omitempty"`
	// RoleCode is the code of list 9034; 8 and 18 are coordinators.
	RoleCode string   `json:"role_code,omitempty"`
	Phone    []string `json:"phone,omitempty"`
	Note     string   `json:"note,omitempty"`
	Owner    string   `json:"owner"`
	From     []string `json:"from"`
}

// Note is free text under a heading.
type Note struct {
	Heading Value  `json:"heading"`
	Text    string `json:"text"`
	Owner   string `json:"owner"`
}

// Member is an organisation that takes part.
type Member struct {
	HER  string   `json:"her"`
	Name string   `json:"name,omitempty"`
	Role string   `json:"role,omitempty"` // hospital, municipality, gp, other; as far as known
	From []string `json:"from"`
}

// Task is what the gateway asks somebody to do, derived from the plan.
type Task struct {
	ID     string `json:"id"`
	Text   string `json:"text"`
	For    string `json:"for"`    // HER-id, or "coordinator"
	Status string `json:"status"` // requested, cancelled, done
	Rule   string `json:"rule"`
	// Measure is the id of the proposal a task is about; "" when it is about none.
	Measure string   `json:"measure,omitempty"`
	From    []string `json:"from"`
}

// Gap is something a complete plan would have, or a rule of careplan.md section 5.5 that fired.
// Due is when it starts to count for gaps with a time limit; the reader compares with its clock,
// so that the plan itself needs none.
type Gap struct {
	Rule string `json:"rule"` // R1, R15, no-goal, no-coordinator ...
	// Severity is info, warn or urgent, see Rules.
	Severity string    `json:"severity,omitempty"`
	Text     string    `json:"text"`
	Due      time.Time `json:"due,omitzero"`
	// Subject is the id of the measure, goal, stay or check-up it is about; "" for the whole plan.
	Subject string   `json:"subject,omitempty"`
	From    []string `json:"from,omitempty"`
}

// Flag is an oddity of the records: orphan, fork, no-parent, cycle, reopened, foreign-change,
// message-id-reused, unattached-event, overlapping-stays.
type Flag struct {
	Code string   `json:"code"`
	Text string   `json:"text"`
	From []string `json:"from"`
}
