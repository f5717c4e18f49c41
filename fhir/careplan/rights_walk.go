package careplan

import "strings"

// rights says what the plan shows of who the person is, who takes part and what may be seen.
func (l *leafList) rights(r *RightsPart) {
	if r == nil {
		return
	}
	for _, id := range r.Identities {
		i := l.item("identity", "Identity", "", id.Patient)
		i.add("", id.Patient, id.From)
		i.add("plan", id.Plan, id.From)
	}
	for _, m := range r.Members {
		i := l.item("member", "Member ", first(m.Name, m.HER), m.ID)
		i.add("", first(m.Name, m.HER), m.From)
		i.add("role", m.Role, m.From)
		i.add("from", formatTime(m.Start), m.From)
		i.add("until", formatTime(m.End), m.From)
	}
	for _, b := range r.Restrictions {
		i := l.item("restriction", "Restriction ", b.Kind, b.ID)
		i.add("", words(b.Kind, b.Scope), b.From)
		i.add("against", strings.Join(b.Denied, ", "), b.From)
		i.add("not against", strings.Join(b.Allowed, ", "), b.From)
		i.add("by", b.By, b.From)
		i.add("from", formatTime(b.Start), b.From)
		i.add("until", formatTime(b.End), b.From)
		i.add("reason", b.Reason, b.From)
	}
	for _, h := range r.Held {
		i := l.item("held", "Held", "", h.Key)
		i.add("", h.Key, h.From)
		i.add("by", h.By, h.From)
		i.add("reason", h.Reason, h.From)
	}
	for _, w := range r.Withheld {
		l.item("withheld", "Withheld", "", w).add("", w, nil)
	}
}
