package careplan

import (
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke/fhir/careplan/function"
)

// Picture is what the assessments of the plan show together, drawn for a time of day. It comes from what the
// plan holds and nothing else: of a plan for one viewer (FoldFor) it shows that viewer's part, and what is hidden
// leaves no trace in lines, changes or disagreements. It is not stored.
func (p *Plan) Picture(now time.Time) *function.Picture {
	if p == nil {
		return function.View(nil, function.Options{Now: now})
	}
	return function.View(p.functionPoints(p.Function), function.Options{Now: now, Populations: p.populations(now), Marks: p.marks(),
		Events: p.functionEvents(func(key string) time.Time { return toldAt(p.Sources[key].Event, p.Sources[key].Sent) })})
}

// toldAt is when a message speaks: at its event, else when it was written.
func toldAt(event, sent time.Time) time.Time {
	if event.IsZero() {
		return sent
	}
	return event
}

// functionPoints lists the values of assessments.
func (p *Plan) functionPoints(list []Assessment) []function.Point {
	var out []function.Point
	for i := range list {
		a := &list[i]
		points := a.points(parseMoment(a.Date).at)
		if p.inOwnStay(a) {
			for j := range points {
				points[j].Place = function.PlaceInstitution
			}
		}
		out = append(out, points...)
	}
	return out
}

// points lists the values of an assessment; one that holds only words is one point.
func (a *Assessment) points(at time.Time) []function.Point {
	base := function.Point{Assessment: a.ID, Instrument: a.Instrument, Variant: a.Variant, Date: a.Date, At: at, Owner: a.Owner, Assessor: a.Assessor,
		Setting: a.Setting, Informer: a.Informer, Protocol: a.Protocol, Derived: a.Derived, Before: a.Baseline, Issues: a.Issues, From: a.From}
	if len(a.Scores) == 0 && a.Note != "" {
		base.Shown = a.Note
		return []function.Point{base}
	}
	out := make([]function.Point, len(a.Scores))
	for i := range a.Scores {
		s := &a.Scores[i]
		q := base
		q.System, q.Code, q.Label, q.Shown, q.Number, q.Unit, q.Absent, q.Problem = s.System, s.Code, s.Text, s.Shown, s.Number, s.Unit, s.Absent, s.Problem
		q.NotRelevant, q.Invalid, q.Note, q.Aid = s.NotRelevant, s.Invalid, s.Note, s.Aid
		if len(s.From) > 0 {
			q.From = s.From
		}
		out[i] = q
	}
	return out
}

// inOwnStay tells whether an assessment was made while the person was admitted to the organisation that made it.
func (p *Plan) inOwnStay(a *Assessment) bool {
	m := parseMoment(a.Date)
	if m.at.IsZero() || a.Baseline {
		return false
	}
	for i := range p.Stays {
		s := &p.Stays[i]
		if s.Organiser != a.Owner || s.Start == nil || s.Status != "in-progress" && s.Status != "finished" && s.Status != "onleave" {
			continue
		}
		start := parseMoment(s.Start.Text)
		after := !m.at.Before(start.at) || m.day && m.date() == start.date()
		if after && (s.End == nil || !m.at.After(parseMoment(s.End.Text).at)) {
			return true
		}
	}
	return false
}

// functionEvents are what may change how a person manages: stays, and diagnoses when they were first told of. told
// gives the time of a source.
func (p *Plan) functionEvents(told func(key string) time.Time) []function.Event {
	var out []function.Event
	add := func(v *Value, kind string) {
		if v == nil {
			return
		}
		if m := parseMoment(v.Text); !m.at.IsZero() {
			out = append(out, function.Event{At: m.at, Kind: kind})
		}
	}
	for i := range p.Stays {
		if s := &p.Stays[i]; s.Status == "in-progress" || s.Status == "finished" || s.Status == "onleave" {
			add(s.Start, "admission")
			add(s.End, "discharge")
		}
	}
	first := map[string]time.Time{}
	for i := range p.Diagnoses {
		d := &p.Diagnoses[i]
		code := d.System + "|" + plainCode(d.Code)
		if d.Code == "" || d.System == function.SystemFSIII { // what a person manages is no news of why
			continue
		}
		for _, key := range d.From {
			if at := told(key); !at.IsZero() && (first[code].IsZero() || at.Before(first[code])) {
				first[code] = at
			}
		}
	}
	for _, code := range sortedKeys(first) {
		out = append(out, function.Event{At: first[code], Kind: "diagnosis"})
	}
	return out
}

// marks are the progress marks, for a lane of their own.
func (p *Plan) marks() []function.Mark {
	if p.Course == nil {
		return nil
	}
	out := make([]function.Mark, 0, len(p.Course.Marks))
	for _, m := range p.Course.Marks {
		out = append(out, function.Mark{ID: m.ID, Scale: m.Scale, Value: m.Value, At: m.At, Owner: m.Owner, Note: m.Note, Drop: m.Drop, From: m.From})
	}
	return out
}

// strokeCodes are the starts of ICD-10 and ICPC-2 codes that mean a stroke or what it left.
var strokeCodes = [...]string{"I60", "I61", "I62", "I63", "I64", "I69", "K90"}

// populations are the groups of people that the person belongs to, as far as the plan tells: thresholds of other groups say
// nothing. Source: function.md section 7.
func (p *Plan) populations(now time.Time) []string {
	var out []string
	stroke := false
	for i := range p.Diagnoses {
		for _, c := range strokeCodes {
			stroke = stroke || strings.HasPrefix(plainCode(p.Diagnoses[i].Code), c)
		}
	}
	if stroke {
		out = append(out, function.PopulationStroke)
		inside := 0
		for i := range p.Function {
			if a := &p.Function[i]; a.Instrument == "fim" {
				if !p.inOwnStay(a) {
					inside = -1
					break
				}
				inside++
			}
		}
		if inside > 0 {
			out = append(out, function.PopulationInpatient)
		}
	}
	if b := p.Person.BirthDate; b != nil && !now.IsZero() {
		if m := parseMoment(b.Text); !m.at.IsZero() && !m.at.AddDate(65, 0, 0).After(now) {
			out = append(out, function.PopulationOld)
		}
	}
	return out
}

// disagreements lists rule R12: two organisations saw different things at about the same time. Both are asked; nobody is
// right before they have answered. Source: careplan.md section 5.5, function.md section 6.
func (f *fold) disagreements() (contested bool) {
	list := f.p.contested()
	if list == nil {
		return false
	}
	pic := function.View(f.p.functionPoints(list), function.Options{Events: f.p.functionEvents(func(key string) time.Time {
		if r := f.counted(key); r != nil {
			return toldAt(r.Event, r.Sent)
		}
		return time.Time{}
	})})
	for _, d := range pic.Disagreements {
		row := &pic.Rows[slices.IndexFunc(pic.Rows, func(r function.Row) bool { return r.ID == d.Row })]
		if d.Past || f.p.settled(&row.Cells[d.Cells[0]]) || f.p.settled(&row.Cells[d.Cells[1]]) {
			continue
		}
		f.addGap("R12", d.Question, d.ID, time.Time{}, d.From...)
		for _, to := range d.To {
			f.p.Tasks = append(f.p.Tasks, Task{ID: shortID("task", "R12", d.ID, to), Text: d.Question, For: to, Status: "requested", Rule: "R12", From: d.From})
		}
	}
	return true
}

// contested lists the assessments about which there may be a question: of two organisations, near in time, not yet assessed again
// as a whole. nil when there are none, as nearly always. Function is in the order of time.
func (p *Plan) contested() []Assessment {
	last := map[[2]string]int{}
	owners := map[string]bool{}
	for i := range p.Function {
		if a := &p.Function[i]; a.Line != "" && function.Banded(a.Instrument) {
			last[[2]string{a.Owner, a.Line}] = i
			owners[a.Owner] = true
		}
	}
	if len(owners) < 2 {
		return nil
	}
	var open []Assessment
	var at []time.Time
	found := false
	for i := range p.Function {
		a := &p.Function[i]
		end, ok := last[[2]string{a.Owner, a.Line}]
		if when := parseMoment(a.Date).at; ok && (end == i || !covers(&p.Function[end], a, when)) {
			for j := len(open) - 1; j >= 0 && when.Sub(at[j]) <= function.Window && !found; j-- {
				found = open[j].Owner != a.Owner && open[j].Baseline == a.Baseline
			}
			open, at = append(open, *a), append(at, when)
		}
	}
	if !found {
		return nil
	}
	return open
}

// covers tells whether a later assessment has a number for everything that an earlier one has.
func covers(later, earlier *Assessment, at time.Time) bool {
	if !parseMoment(later.Date).at.After(at) {
		return false
	}
	for i := range earlier.Scores {
		if e := &earlier.Scores[i]; e.Number != nil && !later.measures(e.System, e.Code) {
			return false
		}
	}
	return true
}

// measures tells whether an assessment has a number for an item.
func (a *Assessment) measures(system, code string) bool {
	for i := range a.Scores {
		if s := &a.Scores[i]; s.Number != nil && s.Code == code && s.System == system {
			return true
		}
	}
	return false
}

// settled tells whether the assessor of a value has assessed the same again later.
func (p *Plan) settled(c *function.Cell) bool {
	at := slices.IndexFunc(p.Function, func(a Assessment) bool { return a.ID == c.Assessment })
	if at < 0 {
		return false
	}
	a := &p.Function[at]
	when := parseMoment(a.Date).at
	for i := range p.Function[at+1:] {
		b := &p.Function[at+1+i]
		if b.Owner != a.Owner || b.Line != a.Line || !parseMoment(b.Date).at.After(when) {
			continue
		}
		for j := range a.Scores {
			s := &a.Scores[j]
			if it := function.Lookup(a.Instrument).ItemByCode(s.System, s.Code); (it != nil && it.ID == c.Item || s.Code == c.Item) && b.measures(s.System, s.Code) {
				return true
			}
		}
	}
	return false
}
