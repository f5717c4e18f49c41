package careplan

import (
	"strconv"
	"time"
)

// Evaluations within a course of rehabilitation. Source: careplan.md sections 10 and 12 (S1).
const (
	week = 7 * 24 * time.Hour
	// courseUsual is how long a course without an end is taken to last: the longest of 8 to 12 weeks.
	courseUsual = 12 * week
	// courseLongest bounds the weekly evaluations of one course.
	courseLongest = 26 * week
)

// courses are the evaluations of active courses: one each week, one half-way and one at the end. A progress mark or
// an assessment in its week is the weekly one; an assessment within a week of the middle is the mid evaluation, and
// one of the last two weeks that at the end.
func (c *clocks) courses() {
	for _, k := range c.p.coursePeriods() {
		if k.status != "active" || k.start.at.IsZero() {
			continue
		}
		end, from := endOf(k.end), append(append([]string(nil), k.startFrom...), k.endFrom...)
		if k.end.at.IsZero() {
			end = k.start.at.Add(courseUsual)
		}
		if !end.After(k.start.at) {
			continue
		}
		mid := k.start.at.Add(end.Sub(k.start.at) / 2).Truncate(time.Hour)
		c.weeks(k, mid, end, from)
		if end.Sub(k.start.at) > 2*week && !c.assessed(mid.Add(-week), mid.Add(week)) {
			c.add(Clock{Rule: "mid", Due: mid, Text: "Mid evaluation of a course of rehabilitation.", Subject: k.id, For: k.owner, From: from})
		}
		if !k.outcome && !c.p.assessedFrom(end.Add(-EndAssessmentWithin)) {
			c.add(Clock{Rule: "end", Due: end, Text: "End evaluation of a course of rehabilitation.", Subject: k.id, For: k.owner, From: from})
		}
	}
}

// weeks are the weekly evaluations; that of the middle and that of the end stand for those of their weeks.
func (c *clocks) weeks(k coursePeriod, mid, end time.Time, from []string) {
	for n := 1; ; n++ {
		due := k.start.at.Add(time.Duration(n) * week)
		if !due.Add(week/2).Before(end) || due.Sub(k.start.at) > courseLongest {
			return
		}
		if due.Sub(mid).Abs() <= week/2 || c.assessed(due.Add(-week), due) || c.marked(due.Add(-week), due) {
			continue
		}
		c.add(Clock{ID: shortID("clock", "weekly", k.id, strconv.Itoa(n)), Rule: "weekly", Due: due,
			Text: "Weekly evaluation of a course of rehabilitation.", Subject: k.id, For: k.owner, From: from})
	}
}

// assessed tells whether function was assessed from a time on and before another.
func (c *clocks) assessed(from, to time.Time) bool {
	for _, a := range c.p.Function {
		if at := parseMoment(a.Date).at; !at.IsZero() && !at.Before(from) && at.Before(to) {
			return true
		}
	}
	return false
}

// marked tells whether there is a progress mark from a time on and before another.
func (c *clocks) marked(from, to time.Time) bool {
	if c.p.Course == nil {
		return false
	}
	for _, m := range c.p.Course.Marks {
		if !m.At.Before(from) && m.At.Before(to) {
			return true
		}
	}
	return false
}
