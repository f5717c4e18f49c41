package admin

import (
	"strconv"
	"time"

	"github.com/samvirke/samvirke/fhir/careplan"
)

func itoa(n int) string { return strconv.Itoa(n) }

// planTimeline is the course on one axis: stays, courses, plans and progress marks under each other.
type planTimeline struct {
	Start, End string // labels of the axis
	Rows       []timeRow
	Ticks      []float64 // first days of months, in thousandths
	Now        float64   // where now is; -1 when it lies outside
}

// timeRow is one line of the timeline.
type timeRow struct {
	Name, Alt string
	Bars      []timeBar
}

// timeBar is a stretch or a mark in thousandths of the axis; Y and Height are of 24.
type timeBar struct {
	X, Width, Y, Height float64
	Class               string
}

// axis turns times into places.
type axis struct{ lo, hi time.Time }

func (a *axis) include(t time.Time) {
	if t.IsZero() {
		return
	}
	if a.lo.IsZero() || t.Before(a.lo) {
		a.lo = t
	}
	if t.After(a.hi) {
		a.hi = t
	}
}

func (a *axis) at(t time.Time) float64 { return share(a.lo, a.hi, t) }

func valueTime(v *careplan.Value) time.Time {
	if v == nil {
		return time.Time{}
	}
	t, _ := planInstant(v.Text)
	return t
}

// Timeline draws the course; nil when there is nothing with a time.
func (p *planPage) Timeline() *planTimeline {
	a := &axis{}
	for _, s := range p.Stays {
		if s.Status != "entered-in-error" {
			a.include(valueTime(s.Start))
			a.include(valueTime(s.End))
		}
	}
	for _, r := range p.Ready {
		a.include(valueTime(&r.Set))
		a.include(valueTime(r.End))
	}
	if p.Course != nil {
		for _, c := range p.Course.Courses {
			a.include(valueTime(c.Start))
			a.include(valueTime(c.End))
		}
		for _, c := range p.Course.SubPlans {
			a.include(valueTime(c.Start))
			a.include(valueTime(c.End))
		}
		for _, m := range p.Course.Marks {
			a.include(m.At)
		}
	}
	for _, f := range p.Function {
		if t, ok := planInstant(f.Date); ok && !f.Baseline {
			a.include(t)
		}
	}
	if !a.hi.After(a.lo) {
		return nil
	}
	if p.hasOpen() { // what goes on is drawn a little past the last thing known
		a.hi = a.hi.Add(a.hi.Sub(a.lo) / 20)
	}
	t := &planTimeline{Start: a.lo.In(oslo()).Format("2 Jan 2006"), End: a.hi.In(oslo()).Format("2 Jan 2006"), Now: -1, Ticks: monthTicks(a)}
	if p.Now.After(a.lo) && p.Now.Before(a.hi) {
		t.Now = a.at(p.Now)
	}
	t.Rows = append(t.Rows, p.stayRows(a)...)
	t.Rows = append(t.Rows, p.courseRows(a)...)
	if r := p.assessmentRow(a); r != nil {
		t.Rows = append(t.Rows, *r)
	}
	if r := p.markRow(a); r != nil {
		t.Rows = append(t.Rows, *r)
	}
	return t
}

func (p *planPage) hasOpen() bool {
	for _, s := range p.Stays {
		if s.Status == "in-progress" || s.Status == "onleave" {
			return true
		}
	}
	return false
}

func monthTicks(a *axis) []float64 {
	var list []float64
	l := a.lo.In(oslo())
	step := 1
	if a.hi.Sub(a.lo) > 3*365*24*time.Hour {
		step = 12
	}
	for t := time.Date(l.Year(), l.Month()+1, 1, 0, 0, 0, 0, oslo()); t.Before(a.hi); t = t.AddDate(0, step, 0) {
		list = append(list, a.at(t))
	}
	return list
}

func bar(a *axis, from, to time.Time, y, height float64, class string) timeBar {
	x := a.at(from)
	return timeBar{X: x, Width: max(4, a.at(to)-x), Y: y, Height: height, Class: class}
}

func (p *planPage) stayRows(a *axis) []timeRow {
	var list []timeRow
	for _, s := range p.Stays {
		start, end := valueTime(s.Start), valueTime(s.End)
		if s.Status == "entered-in-error" || start.IsZero() && end.IsZero() {
			continue
		}
		r := timeRow{Name: or(s.Name, p.Org(s.Organiser)), Alt: "stay, " + stayWord(s, false).Text}
		if start.IsZero() {
			start = a.lo
			r.Alt += ", start not known"
		}
		if end.IsZero() {
			end = a.hi
		}
		r.Bars = append(r.Bars, bar(a, start, end, 8, 8, "stay-bar"))
		for _, l := range s.Leaves {
			from, to := valueTime(l.Start), valueTime(l.End)
			switch {
			case from.IsZero() && to.IsZero():
				continue
			case from.IsZero(): // only the return is known
				from = to
			case to.IsZero():
				to = end
			}
			r.Bars = append(r.Bars, bar(a, from, to, 6, 12, "leave-bar"))
		}
		for _, ready := range p.ReadyOf(s.ID) {
			to := valueTime(ready.End)
			if to.IsZero() {
				to = end
			}
			if from := valueTime(&ready.Set); !from.IsZero() {
				r.Bars = append(r.Bars, bar(a, from, to, 3, 18, "ready-bar"))
			}
		}
		if n := len(s.Leaves); n > 0 {
			r.Alt += ", on leave " + plural(n, "time", "times")
		}
		if n := len(p.ReadyOf(s.ID)); n > 0 {
			r.Alt += ", ready for discharge " + plural(n, "time", "times")
		}
		list = append(list, r)
	}
	return list
}

func (p *planPage) courseRows(a *axis) []timeRow {
	if p.Course == nil {
		return nil
	}
	var list []timeRow
	add := func(name, alt string, start, end *careplan.Value, class string) {
		from, to := valueTime(start), valueTime(end)
		if from.IsZero() {
			return
		}
		if to.IsZero() {
			to = a.hi
		}
		list = append(list, timeRow{Name: name, Alt: alt, Bars: []timeBar{bar(a, from, to, 8, 8, class)}})
	}
	for _, c := range p.Course.Courses {
		add(or(c.Kind, "Course of rehabilitation"), "course, "+c.Status, c.Start, c.End, "course-bar")
	}
	for _, c := range p.Course.SubPlans {
		add(or(c.Title, "Plan of "+p.Org(c.Owner)), "plan of "+p.Org(c.Owner)+", "+c.Status, c.Start, c.End, "sub-bar")
	}
	return list
}

func (p *planPage) assessmentRow(a *axis) *timeRow {
	r := timeRow{Name: "Assessments"}
	for _, f := range p.Function {
		if t, ok := planInstant(f.Date); ok && !f.Baseline {
			r.Bars = append(r.Bars, timeBar{X: max(0, a.at(t)-3), Width: 6, Y: 5, Height: 14, Class: "seen-bar"})
		}
	}
	if len(r.Bars) == 0 {
		return nil
	}
	r.Alt = plural(len(r.Bars), "assessment", "assessments")
	return &r
}

// markRow is the lane of the progress marks: the better, the higher. They are signals and stand apart from
// assessments.
func (p *planPage) markRow(a *axis) *timeRow {
	r := timeRow{Name: "Progress marks"}
	for _, m := range p.Marks() {
		if m.At.IsZero() {
			continue
		}
		y := map[string]float64{"ok": 1, "calm": 8, "warn": 9, "stop": 16}[m.Tone]
		r.Bars = append(r.Bars, timeBar{X: max(0, a.at(m.At)-4), Width: 8, Y: y, Height: 7, Class: "mark-" + m.Tone})
	}
	if len(r.Bars) == 0 {
		return nil
	}
	r.Alt = plural(len(r.Bars), "progress mark", "progress marks") + ", listed below"
	return &r
}
