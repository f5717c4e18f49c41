package careplan

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The drop rule. Source: function.md section 5.10.
const (
	dropSteps  = 2
	dropWithin = 48 * time.Hour
)

// madeMark is a progress mark of one live record.
type madeMark struct {
	mark
	r *rec
}

// at is when a mark was made; without a time, when it was told.
func (m *madeMark) at() time.Time {
	if t := parseMoment(m.At).effectiveAt(m.r); m.At != "" {
		return t.UTC()
	}
	if !m.r.Event.IsZero() {
		return m.r.Event
	}
	return m.r.order
}

// marked lists the marks; the same mark told twice by one organisation is one with two sources.
func (c *courseFold) marked() {
	byID := map[string]int{}
	for i := range c.marks {
		m := &c.marks[i]
		at := m.at()
		id := shortID("mark", m.r.Key.Sender, m.Scale, m.Value, formatTime(at), m.Note)
		if m.Name != "" {
			named := ElementID(m.r.Key.Sender, "Observation", m.Name)
			if j, used := byID[named]; !used || c.part.Marks[j].says(&m.mark, at) {
				id = named // else two marks go by one name, and both stay
			}
		}
		if j, ok := byID[id]; ok {
			c.part.Marks[j].From = addFrom(c.part.Marks[j].From, m.r.key)
			continue
		}
		byID[id] = len(c.part.Marks)
		c.part.Marks = append(c.part.Marks, Mark{ID: id, Scale: m.Scale, Value: m.Value, At: at, Owner: m.r.Key.Sender, Note: m.Note,
			Invalid: m.Bad, From: []string{m.r.key}})
		if m.Bad {
			c.f.flag("mark-invalid", "A progress mark is outside its scale; it is shown as written and not counted.", m.r.key)
		}
		if m.At == "" {
			c.f.flag("mark-without-time", "A progress mark does not say when it was made; it stands where it was told.", m.r.key)
		}
	}
	slices.SortFunc(c.part.Marks, func(a, b Mark) int { return cmp.Or(a.At.Compare(b.At), strings.Compare(a.ID, b.ID)) })
}

// says tells whether a mark shown is the one that a message states.
func (m *Mark) says(o *mark, at time.Time) bool {
	return m.Scale == o.Scale && m.Value == o.Value && m.Note == o.Note && m.At.Equal(at)
}

// drops finds the marks that tell of a marked worsening: red, or two smiley steps down within 48 hours,
// whoever made the mark before. Each asks the supervising therapist.
func (c *courseFold) drops() {
	list := c.part.Marks
	for i := range list {
		m := &list[i]
		if m.Invalid || !c.dropped(list[:i], m) {
			continue
		}
		m.Drop = true
		c.dropTask(m)
	}
}

// dropped tells whether a mark is a drop, from the marks before it.
func (c *courseFold) dropped(before []Mark, m *Mark) bool {
	if m.Scale == scaleLight {
		return m.Value == "red"
	}
	now, _ := strconv.Atoi(m.Value)
	for i := len(before) - 1; i >= 0; i-- {
		o := &before[i]
		if m.At.Sub(o.At) > dropWithin {
			return false
		}
		if then, _ := strconv.Atoi(o.Value); o.Scale == scaleSmiley && !o.Invalid && then-now >= dropSteps {
			return true
		}
	}
	return false
}

// dropTask asks the supervising therapist to look at a drop. It is done when they have written
// something later than a mark about measures, function or in words.
func (c *courseFold) dropTask(m *Mark) {
	to, measure := c.supervisor()
	t := Task{ID: shortID("task", "drop", m.ID), Rule: "drop", For: to, Measure: measure, Status: "requested", From: slices.Clone(m.From),
		Text: "Look at a marked worsening."}
	told := c.told(m)
	for _, r := range c.f.live {
		if r.Key.Sender == to && r.order.After(told) && answersDrop(r) {
			t.Status, t.From = "done", addFrom(t.From, r.key)
			break
		}
	}
	c.f.p.Tasks = append(c.f.p.Tasks, t)
}

// told is when the gateway heard of a mark first.
func (c *courseFold) told(m *Mark) time.Time {
	for _, r := range c.f.live { // in order
		if contains(m.From, r.key) {
			return r.order
		}
	}
	return m.At
}

func answersDrop(r *rec) bool {
	c := r.facts
	if len(c.Measures)+len(c.Answers)+len(c.Panels)+len(c.Notes) > 0 {
		return true
	}
	return statesCourse(r) && len(c.More.Course.Talks) > 0
}

// supervisor is the organisation whose therapist follows the person: the one that carries an active measure
// and names a therapist, else the only one that carries any, else the coordinator.
func (c *courseFold) supervisor() (her, measure string) {
	var owners []string
	at := map[string]string{}
	for _, m := range c.f.p.Measures {
		if m.Owner == "" || m.Kind == "done" || m.Status != "active" && m.Status != "accepted" {
			continue
		}
		if at[m.Owner] == "" {
			at[m.Owner] = m.ID
			owners = append(owners, m.Owner)
		}
	}
	for _, o := range owners {
		if slices.ContainsFunc(c.f.p.Contacts, func(k Contact) bool { return k.Owner == o && k.Kind == "professional" && isTherapist(k) }) {
			return o, at[o]
		}
	}
	if len(owners) == 1 {
		return owners[0], at[owners[0]]
	}
	return "coordinator", ""
}

// isTherapist tells whether a contact is a physiotherapist or occupational therapist; the codes of
// list 9034 do not, so that their words decide.
func isTherapist(c Contact) bool {
	role := strings.ToLower(c.Role)
	return strings.Contains(role, "terap") || strings.Contains(role, "therap") || strings.Contains(role, "physio")
}
