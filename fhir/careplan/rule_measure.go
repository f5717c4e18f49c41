package careplan

import (
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke/fhir"
)

// requested is when a measure was first told of.
func (f *fold) requested(m *Measure) time.Time {
	var at time.Time
	for _, k := range m.From {
		if r := f.counted(k); r != nil && (at.IsZero() || r.order.Before(at)) {
			at = r.order
		}
	}
	return at
}

// open tells whether a measure is still wanted or going on.
func (m *Measure) open() bool { return m.Kind != "done" && m.Status != "completed" }

// r1NoOwner: a proposal that nobody carries. It counts from the time for an answer on; until then there is
// an open Task.
func (f *fold) r1NoOwner() {
	for i := range f.p.Measures {
		if m := &f.p.Measures[i]; m.Kind == "proposal" && m.Owner == "" {
			f.addGap("R1", "A recommended measure has no owner: "+m.Text, m.ID, f.requested(m).Add(AnswerLimit), m.From...)
		}
	}
}

// r2GoalAlone: an organisation set a goal and wants nothing done.
func (f *fold) r2GoalAlone() {
	if len(f.p.Goals) == 0 {
		return
	}
	wants := map[string]bool{}
	for i := range f.p.Measures {
		if m := &f.p.Measures[i]; m.open() {
			wants[m.Requester] = true
		}
	}
	for _, g := range f.p.Goals {
		if !wants[g.Owner] && !f.planned(g.ID) {
			f.addGap("R2", "A goal has no measure: "+g.Text, g.ID, time.Time{}, g.From...)
		}
	}
}

// planned tells whether somebody's own plan holds a goal together with measures.
func (f *fold) planned(goal string) bool {
	return f.p.Course != nil && slices.ContainsFunc(f.p.Course.SubPlans, func(s SubPlan) bool {
		return contains(s.Goals, goal) && len(s.Measures) > 0
	})
}

// r3NoGoal: an organisation wants things done and says not what for.
func (f *fold) r3NoGoal() {
	latest := map[string][]string{}
	var owners []string
	for i := range f.p.Measures {
		m := &f.p.Measures[i]
		if !m.open() {
			continue
		}
		if latest[m.Requester] == nil {
			owners = append(owners, m.Requester)
		}
		latest[m.Requester] = m.From
	}
	for _, o := range owners {
		if !f.hasGoal(o) {
			f.addGap("R3", "Measures without a goal.", "", time.Time{}, latest[o]...)
		}
	}
}

// hasGoal tells whether an organisation set a goal.
func (f *fold) hasGoal(owner string) bool {
	for i := range f.p.Goals {
		if f.p.Goals[i].Owner == owner {
			return true
		}
	}
	return false
}

// r5Evaluation: the day of an evaluation. An assessment by who carries the measure, of that day or later, is
// the evaluation; the plan's own date is moved by who evaluates it.
func (f *fold) r5Evaluation() {
	for i := range f.p.Measures {
		m := &f.p.Measures[i]
		if !m.open() || m.Evaluation == nil {
			continue
		}
		due := parseMoment(m.Evaluation.Text)
		if due.at.IsZero() || f.assessedBy(m.Owner, due.at) {
			continue
		}
		f.addGap("R5", "To be evaluated: "+m.Text, m.ID, endOf(due), m.Evaluation.From...)
	}
	if n := f.p.sharedField(FieldNextEvaluation); n != nil {
		if due := parseMoment(n.Value.Text); !due.at.IsZero() {
			f.addGap("R5", "The plan is to be evaluated.", "", endOf(due), n.Value.From...)
		}
	}
}

// assessedBy tells whether an organisation assessed function at or after a time.
func (f *fold) assessedBy(owner string, from time.Time) bool {
	if f.assessed == nil {
		f.assessed = map[string]time.Time{}
		for i := range f.p.Function {
			a := &f.p.Function[i]
			if at := parseMoment(a.Date).at; at.After(f.assessed[a.Owner]) {
				f.assessed[a.Owner] = at
			}
		}
		if f.kept != nil {
			f.kept.function.assessed = f.assessed
		}
	}
	last := f.assessed[owner]
	return owner != "" && !last.IsZero() && !last.Before(from)
}

// sharedField is a field that several parties write together, nil when nobody stated it.
func (p *Plan) sharedField(name string) *Field {
	if p.Shared == nil {
		return nil
	}
	for i := range p.Shared.Fields {
		if f := &p.Shared.Fields[i]; f.Name == name && f.Value.Text != "" {
			return f
		}
	}
	return nil
}

// systemInstruction codes what a measure allows or forbids, for rule R8.
const systemInstruction = fhir.ExtBase + "CodeSystem/instruction"

// opposites are the pairs of codes that cannot both be followed. Words are never compared: only who codes an
// instruction can be contradicted by it.
func opposites() [][2]string {
	return [][2]string{
		{"no-weight-bearing", "full-weight-bearing"}, {"no-weight-bearing", "partial-weight-bearing"},
		{"no-weight-bearing", "walking-training"}, {"no-weight-bearing", "stair-training"}, {"no-weight-bearing", "standing-training"},
		{"bed-rest", "walking-training"}, {"bed-rest", "early-mobilisation"}, {"bed-rest", "stair-training"},
		{"immobilise", "range-of-motion-training"}, {"immobilise", "strength-training"},
		{"no-strength-training", "strength-training"}, {"no-oral-intake", "oral-intake"}, {"no-oral-intake", "oral-intake-training"},
		{"no-hip-flexion-over-90", "hip-flexion-training"}, {"no-driving", "driving-training"},
	}
}

// r8Opposite: two open measures whose codes are opposites, of the same part of the body when both name one.
func (f *fold) r8Opposite() {
	var coded []*Measure
	for i := range f.p.Measures {
		if m := &f.p.Measures[i]; m.Code != nil && m.Code.System == systemInstruction && m.open() && m.Status != "rejected" {
			coded = append(coded, m)
		}
	}
	if len(coded) < 2 {
		return
	}
	sites := f.sites()
	for i, a := range coded {
		for _, b := range coded[i+1:] {
			if !isOpposite(a.Code.Code, b.Code.Code) || sites[a.ID] != "" && sites[b.ID] != "" && sites[a.ID] != sites[b.ID] {
				continue
			}
			from := a.From
			for _, k := range b.From {
				from = addFrom(from, k)
			}
			f.addGap("R8", "Opposite instructions: "+a.Text+" / "+b.Text, a.ID, time.Time{}, from...)
		}
	}
}

func isOpposite(a, b string) bool {
	return slices.ContainsFunc(opposites(), func(p [2]string) bool { return p == [2]string{a, b} || p == [2]string{b, a} })
}

// sites are the parts of the body that measures name, by measure.
func (f *fold) sites() map[string]string {
	out := map[string]string{}
	for r := range f.courseOf() {
		if len(r.facts.More.Course.Sites) == 0 {
			continue
		}
		ids := measureIDs(r)
		for _, s := range r.facts.More.Course.Sites {
			if s.Row >= 0 && s.Row < len(ids) {
				out[ids[s.Row]] = s.Code
			}
		}
	}
	return out
}

// r9TwoProviders: the same coded service from two named providers at the same time.
func (f *fold) r9TwoProviders() {
	for i := range f.p.Services {
		a := &f.p.Services[i]
		for j := range f.p.Services[:i] {
			b := &f.p.Services[j]
			if a.Code == "" || a.Code != b.Code || a.System != b.System || a.Provider == "" || b.Provider == "" ||
				plainKey(a.Provider) == plainKey(b.Provider) || !sameTime(a, b) {
				continue
			}
			from := b.From
			for _, k := range a.From {
				from = addFrom(from, k)
			}
			f.addGap("R9", "Two providers give the same service: "+a.Text, "", time.Time{}, from...)
		}
	}
}

// sameTime tells whether two services are given at the same time; an end that is not told is open.
func sameTime(a, b *Service) bool {
	ends := func(end, start string) bool {
		e, s := parseMoment(end), parseMoment(start)
		return !e.at.IsZero() && !s.at.IsZero() && !endOf(e).After(s.at)
	}
	return !ends(a.End, b.Start) && !ends(b.End, a.Start)
}

// r13NoAid: an aid is needed, and nobody says that it is ordered or in use.
func (f *fold) r13NoAid() {
	for _, a := range f.p.Aids {
		if a.Status != "needed" || slices.ContainsFunc(f.p.Aids, func(o Aid) bool { return o.Status != "needed" && sameAid(a, o) }) {
			continue
		}
		f.addGap("R13", "An aid is needed and none is ordered: "+a.Text, "", time.Time{}, a.From...)
	}
}

func sameAid(a, b Aid) bool {
	if a.Code != "" && b.Code != "" {
		return a.Code == b.Code && a.System == b.System
	}
	return strings.TrimSpace(a.Text) != "" && plainKey(a.Text) == plainKey(b.Text)
}
