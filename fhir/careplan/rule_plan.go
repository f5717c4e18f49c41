package careplan

import (
	"slices"
	"strings"
	"time"
)

// Limits of rules about the plan as a whole.
const (
	// ReferralLimit is the time for an answer to a referral (rule R11): ten working days.
	ReferralLimit = 14 * 24 * time.Hour
	// EndAssessmentWithin is how long before the end of a course an assessment is its end assessment (rule R14).
	EndAssessmentWithin = 14 * 24 * time.Hour
)

// kindEarlyNotice is the hospital's notice to the municipality that services will be needed.
const kindEarlyNotice = "HELSEOPPL_SOKNAD"

// r4TwoCoordinators: the plan has exactly one coordinator.
func (f *fold) r4TwoCoordinators() {
	var said, names, from []string
	add := func(name string, keys []string) {
		if name == "" {
			return
		}
		if plain := plainKey(name); !contains(said, plain) {
			said, names = append(said, plain), append(names, name)
		}
		from = append(from, keys...)
	}
	for _, c := range f.p.Contacts {
		if isCoordinator(c) {
			add(c.Name, c.From)
		}
	}
	if s := f.p.sharedField(FieldCoordinator); s != nil {
		add(s.Value.Text, s.Value.From)
	}
	if len(names) > 1 {
		slices.Sort(names)
		slices.Sort(from)
		from = slices.Compact(from)
		f.addGap("R4", "More than one coordinator is named: "+strings.Join(names, ", "), "", time.Time{}, from...)
	}
}

func isCoordinator(c Contact) bool {
	return c.RoleCode != "" && strings.Contains(coordinatorRoles, " "+c.RoleCode+" ")
}

// r11NoAnswer: a referral, or the early notice of a hospital, to which none of those it went to has written back.
// An early notice needs no answer once the person has left the hospital.
func (f *fold) r11NoAnswer() {
	for r := range f.with(ofReferral) {
		limit := ReferralLimit
		if r.Kind == kindEarlyNotice {
			limit = AnswerLimit
		}
		if r.Chain.Op == "A" || f.writtenBack(r) || r.Kind == kindEarlyNotice && f.leftAfter(r) {
			continue
		}
		text := "A referral has no answer."
		if r.Kind == kindEarlyNotice {
			text = "An early notice has no answer."
		}
		f.addGap("R11", text, r.line.conversation, r.order.Add(limit), r.key)
	}
}

// writtenBack tells whether an addressee has written to the sender since, or accepted or refused what it proposes.
func (f *fold) writtenBack(r *rec) bool {
	for _, o := range f.live {
		if o.Key.Sender != r.Key.Sender && contains(r.Original, o.Key.Sender) && contains(o.Original, r.Key.Sender) && o.order.After(r.order) {
			return true
		}
	}
	return slices.ContainsFunc(f.p.Measures, func(m Measure) bool { return len(m.Answers) > 0 && contains(m.From, r.key) })
}

// leftAfter tells whether the person left a stay of the sender after a message.
func (f *fold) leftAfter(r *rec) bool {
	return slices.ContainsFunc(f.stayList, func(s *stay) bool {
		return s.sender == r.Key.Sender && s.out.Status == "finished" && s.end.at.After(r.order)
	})
}

// r14NoEnd: the period of a course is over, and nobody assessed how it ended.
func (f *fold) r14NoEnd() {
	for _, c := range f.p.coursePeriods() {
		if c.end.at.IsZero() || c.status == "cancelled" || c.status == "planned" || c.outcome || f.p.assessedFrom(c.end.at.Add(-EndAssessmentWithin)) {
			continue
		}
		f.addGap("R14", "A course of rehabilitation has no end assessment.", c.id, endOf(c.end), c.endFrom...)
	}
}

// coursePeriod is one course as the clocks and rule R14 read it.
type coursePeriod struct {
	id, owner, status  string
	start, end         moment
	startFrom, endFrom []string
	outcome            bool
}

// coursePeriods are the courses of a plan; without any, its own period is one.
func (p *Plan) coursePeriods() []coursePeriod {
	var out []coursePeriod
	if p.Course != nil {
		for _, c := range p.Course.Courses {
			k := coursePeriod{id: c.ID, owner: c.Owner, status: c.Status, outcome: c.Outcome != nil}
			if c.Start != nil {
				k.start, k.startFrom = parseMoment(c.Start.Text), c.Start.From
			}
			if c.End != nil {
				k.end, k.endFrom = parseMoment(c.End.Text), c.End.From
			}
			out = append(out, k)
		}
	}
	if len(out) > 0 {
		return out
	}
	k := coursePeriod{id: "", owner: "coordinator", status: "active"}
	if s := p.sharedField(FieldStatus); s != nil && s.Value.Text != "active" {
		k.status = map[string]string{"draft": "planned", "on-hold": "onhold", "completed": "finished", "revoked": "cancelled",
			"entered-in-error": "cancelled"}[s.Value.Text]
	}
	start, end := p.sharedField(FieldPeriodStart), p.sharedField(FieldPeriodEnd)
	if start == nil && end == nil {
		return nil
	}
	if start != nil {
		k.start, k.startFrom = parseMoment(start.Value.Text), start.Value.From
	}
	if end != nil {
		k.end, k.endFrom = parseMoment(end.Value.Text), end.Value.From
	}
	return append(out, k)
}

// assessedFrom tells whether function was assessed at or after a time.
func (p *Plan) assessedFrom(from time.Time) bool {
	return slices.ContainsFunc(p.Function, func(a Assessment) bool {
		at := parseMoment(a.Date).at
		return !at.IsZero() && !at.Before(from)
	})
}
