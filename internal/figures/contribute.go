package figures

import (
	"slices"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
)

// Case is what is known of one person.
type Case struct {
	// Plan is the plan that sees all; Sources name the messages.
	Plan *careplan.Plan
	// Municipality is the number of the patient's municipality, "" when unknown.
	Municipality string
	// Told gives the deliveries of an incoming message to the patient's municipality, in any state.
	Told func(messageID string) []samvirke.Delivery
	Now  time.Time
	// Zone is where weekdays are counted; nil: UTC.
	Zone *time.Location
}

// Contribution is what one person adds to the figures.
type Contribution struct {
	Points []Point `json:"points,omitempty"`
	// Open: something may change without a change of the plan (a receipt that comes, an evaluation that
	// becomes overdue), so it must be counted again.
	Open bool `json:"open,omitempty"`
}

// contribution is one in the making.
type contribution struct {
	*Case
	t    tally
	open bool
}

// openFor is for how long after an admission its receipts are waited for.
const openFor = 45 * 24 * time.Hour

// Contribute counts one person. A plan without anything to count gives none.
func Contribute(c Case) Contribution {
	if c.Plan == nil {
		return Contribution{}
	}
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	k := &contribution{Case: &c, t: tally{}}
	k.stays()
	k.proposals()
	k.state()
	k.courses()
	return Contribution{Points: k.t.list(), Open: k.open}
}

func (c *contribution) key(f Figure, class string, at time.Time) Key {
	k := Key{Figure: f, Class: class, Municipality: c.Municipality}
	if !at.IsZero() {
		k.Month = at.In(c.Zone).Format("2006-01")
	}
	return k
}

// weekend is from Friday 16:00 to Monday 08:00, when offices are closed.
func (c *contribution) weekend(at time.Time) string {
	at = at.In(c.Zone)
	switch at.Weekday() {
	case time.Saturday, time.Sunday:
		return "weekend"
	case time.Friday:
		if at.Hour() >= 16 {
			return "weekend"
		}
	case time.Monday:
		if at.Hour() < 8 {
			return "weekend"
		}
	}
	return "weekday"
}

func (c *contribution) stays() {
	for i := range c.Plan.Stays {
		s := &c.Plan.Stays[i]
		if s.Status == "entered-in-error" || s.Status == "cancelled" || s.Status == "planned" || s.Status == "unknown" {
			continue
		}
		if s.Start != nil {
			if at := when(s.Start.Text); !at.IsZero() {
				c.admission(s, at)
			}
		}
		if s.Status == "finished" && s.End != nil && !c.died(s) {
			if at := when(s.End.Text); !at.IsZero() {
				c.t.count(c.key(DischargeReport, c.report(s, at), at))
			}
		}
	}
}

// admission counts how fast the municipality knew.
func (c *contribution) admission(s *careplan.Stay, at time.Time) {
	var notified, acknowledged time.Time
	first := func(t *time.Time, u time.Time) {
		if !u.IsZero() && (t.IsZero() || u.Before(*t)) {
			*t = u
		}
	}
	for _, from := range s.Start.From {
		if c.Told == nil || c.Plan.Sources[from].MessageID == "" {
			continue
		}
		for _, d := range c.Told(c.Plan.Sources[from].MessageID) {
			switch d.State {
			case samvirke.DeliverySent, samvirke.DeliveryAcknowledged:
				first(&notified, d.SentAt)
			}
			if d.State == samvirke.DeliveryAcknowledged {
				first(&acknowledged, d.DoneAt)
			}
		}
	}
	class, reached := c.weekend(at), "not-notified"
	if !notified.IsZero() {
		reached = "notified"
		c.t.wait(c.key(AdmissionNotified, class, at), notified.Sub(at))
	}
	if !acknowledged.IsZero() {
		reached = "acknowledged"
		c.t.wait(c.key(AdmissionAcknowledged, class, at), acknowledged.Sub(at))
	} else if c.Now.Sub(at) < openFor {
		c.open = true
	}
	c.t.count(c.key(AdmissionReached, reached, at))
}

// died tells whether a stay ended with the patient's death: nobody came home.
func (c *contribution) died(s *careplan.Stay) bool {
	d := c.Plan.Person.Deceased
	if d == nil {
		return false
	}
	at := when(d.Text)
	end := when(s.End.Text)
	return at.IsZero() || !at.After(end.Add(24*time.Hour))
}

// report tells when the discharge report of a stay was here.
func (c *contribution) report(s *careplan.Stay, end time.Time) string {
	missing := slices.ContainsFunc(c.Plan.Gaps, func(g careplan.Gap) bool { return g.Rule == "R6" && g.Subject == s.ID })
	if missing {
		return "missing"
	}
	for _, src := range c.Plan.Sources {
		if src.Kind == "UTSKRIVNINGSRAPPORT" && src.Sender == s.Organiser && !src.Received.IsZero() && !src.Received.After(end) {
			if start := s.Start; start == nil || !src.Received.Before(when(start.Text)) {
				return "before"
			}
		}
	}
	return "after"
}

func (c *contribution) proposals() {
	for i := range c.Plan.Measures {
		m := &c.Plan.Measures[i]
		if m.Kind != "proposal" {
			continue
		}
		at := c.stated(m.From, m.Requester)
		var taken time.Time
		class := "unanswered"
		for _, a := range m.Answers {
			switch {
			case a.Status == "accepted":
				if class = "accepted"; taken.IsZero() || a.At.Before(taken) {
					taken = a.At
				}
			case a.Status == "rejected" && class == "unanswered":
				class = "rejected"
			}
		}
		c.t.count(c.key(Proposals, class, at))
		if !taken.IsZero() && !at.IsZero() {
			c.t.wait(c.key(ProposalOwner, "all", at), taken.Sub(at))
		}
	}
}

// stated is when somebody's oldest live statement among these was written or, when it says nothing, came.
func (c *contribution) stated(from []string, by string) time.Time {
	var at time.Time
	for _, k := range from {
		s, live := c.Plan.Sources[k]
		if !live || s.Sender != by {
			continue
		}
		t := s.Sent
		if t.IsZero() || !s.Received.IsZero() && s.Received.Before(t) {
			t = s.Received
		}
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	return at
}

// coordinators are the codes of list 9034 that mean a coordinator.
var coordinators = [...]string{"8", "18"}

func (c *contribution) state() {
	p := c.Plan
	if p.Person.Deceased != nil || len(p.Goals)+len(p.Measures) == 0 {
		return
	}
	if f := p.Field(careplan.FieldStatus); f != nil && f.Value.Text != "active" && f.Value.Text != "on-hold" {
		return
	}
	yes := map[bool]string{true: "yes", false: "no"}
	coordinator := p.Field(careplan.FieldCoordinator) != nil || slices.ContainsFunc(p.Contacts, func(x careplan.Contact) bool {
		return slices.Contains(coordinators[:], x.RoleCode)
	})
	own := slices.ContainsFunc(p.Goals, func(g careplan.Goal) bool { return g.ExpressedBy == "patient" })
	c.t.count(c.key(PlanCoordinator, yes[coordinator], time.Time{}))
	c.t.count(c.key(PlanOwnGoal, yes[own], time.Time{}))
	class := c.evaluation()
	c.open = c.open || class == "planned"
	c.t.count(c.key(Evaluations, class, time.Time{}))
}

// evaluation tells about the next evaluation of the plan, or the earliest one of its measures.
func (c *contribution) evaluation() string {
	var at time.Time
	if f := c.Plan.Field(careplan.FieldNextEvaluation); f != nil {
		at = endOf(f.Value.Text)
	} else {
		for i := range c.Plan.Measures {
			m := &c.Plan.Measures[i]
			if m.Evaluation == nil || m.Status == "completed" || m.Status == "rejected" {
				continue
			}
			if t := endOf(m.Evaluation.Text); !t.IsZero() && (at.IsZero() || t.Before(at)) {
				at = t
			}
		}
	}
	switch {
	case at.IsZero():
		return "none"
	case at.Before(c.Now):
		return "overdue"
	}
	return "planned"
}

func (c *contribution) courses() {
	if c.Plan.Course == nil {
		return
	}
	for i := range c.Plan.Course.Courses {
		k := &c.Plan.Course.Courses[i]
		if k.Status != "finished" || k.End == nil {
			continue
		}
		end := when(k.End.Text)
		class := "not-stated"
		if k.Outcome != nil {
			class = k.Outcome.Code
			if class == "" {
				class = k.Outcome.Text
			}
		}
		if !slices.Contains(classesOf(CourseOutcome), class) {
			class = "not-stated"
		}
		c.t.count(c.key(CourseOutcome, class, end))
		pairs := "not-comparable"
		if k.Start != nil && c.comparable(when(k.Start.Text), end) {
			pairs = "comparable"
		}
		c.t.count(c.key(CoursePairs, pairs, end))
	}
}

// near is how far from the ends of a course an assessment may lie to count as its start or end.
const near = 14 * 24 * time.Hour

// comparable tells whether something was assessed on one line at both ends of a course.
func (c *contribution) comparable(start, end time.Time) bool {
	if start.IsZero() || end.IsZero() {
		return false
	}
	first := map[string]time.Time{}
	for i := range c.Plan.Function {
		a := &c.Plan.Function[i]
		at := when(a.Date)
		if a.Line == "" || at.IsZero() || at.Before(start.Add(-near)) || at.After(start.Add(near)) {
			continue
		}
		if t, known := first[a.Line]; !known || at.Before(t) {
			first[a.Line] = at
		}
	}
	for i := range c.Plan.Function {
		a := &c.Plan.Function[i]
		at := when(a.Date)
		if t, known := first[a.Line]; known && at.After(t) && !at.Before(end.Add(-near)) && !at.After(end.Add(near)) {
			return true
		}
	}
	return false
}

func classesOf(f Figure) []string {
	for _, d := range Definitions() {
		if d.Figure == f {
			return d.Classes
		}
	}
	return nil
}

// when reads a FHIR date or dateTime; zero when it is none.
func when(text string) time.Time {
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// endOf is when what is named by a date has passed.
func endOf(text string) time.Time {
	t := when(text)
	if !t.IsZero() && len(text) <= 10 {
		t = t.Add(24 * time.Hour)
	}
	return t
}
