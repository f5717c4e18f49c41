package careplan

import (
	"slices"

	"github.com/samvirke/samvirke"
)

// Contextual tells whether it matters who has seen the record: it states something that several parties may write,
// or who takes part. Only such records need stand in Seen, and only plans that hold one need to know what was
// acknowledged.
//
// Source: careplan.md section 5.3.
func (r *Record) Contextual() bool {
	c := r.contents()
	return c.More != nil && (c.More.Shared != nil || c.More.Rights != nil)
}

// SharedFields names the fields that several may write of which a record states a value, each with the element it is of.
func (r *Record) SharedFields() []string {
	c := r.contents()
	if c.More == nil || c.More.Shared == nil {
		return nil
	}
	var out []string
	for _, s := range c.More.Shared.Statements {
		out = append(out, s.Field+"\x1f"+s.Element)
	}
	return out
}

// SameStatements tells whether two records state the same about the plan and do the same to their conversation,
// whoever sent them to whom. Records that state nothing are not the same.
func SameStatements(a, b *Record) bool {
	if (a.Chain.Op == samvirke.OpCancel) != (b.Chain.Op == samvirke.OpCancel) {
		return false
	}
	x, y := *a.contents(), *b.contents()
	if x.Dead != y.Dead || (x.More == nil) != (y.More == nil) || !sameLengths(&x, &y) {
		return false // nearly always: encoding is for the rest
	}
	for _, c := range []*content{&x, &y} {
		c.To, c.From, c.Person = nil, nil, nil
		c.Measures = slices.Clone(c.Measures)
		for i := range c.Measures {
			c.Measures[i].Ref = "" // the place in its message
		}
	}
	first, second := appendContent(nil, &x), appendContent(nil, &y)
	return string(first) == string(second) && string(first) != string(appendContent(nil, &content{}))
}

func sameLengths(x, y *content) bool {
	return len(x.Events) == len(y.Events) && len(x.Diagnoses) == len(y.Diagnoses) && len(x.Goals) == len(y.Goals) &&
		len(x.Measures) == len(y.Measures) && len(x.Services) == len(y.Services) && len(x.Panels) == len(y.Panels) &&
		len(x.Checkups) == len(y.Checkups) && len(x.Aids) == len(y.Aids) && len(x.Contacts) == len(y.Contacts) &&
		len(x.Notes) == len(y.Notes) && len(x.Answers) == len(y.Answers)
}
