package admin

import (
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke/fhir/careplan"
)

// fieldNames name the shared fields for people.
var fieldNames = map[string]string{
	careplan.FieldStatus: "Status of the plan", careplan.FieldPeriodStart: "Plan begins", careplan.FieldPeriodEnd: "Plan ends",
	careplan.FieldNextEvaluation: "Next evaluation", careplan.FieldCoordinator: "Coordinator", careplan.FieldPatientGoal: "The patient's own goal",
}

func fieldName(name string) string {
	if n := fieldNames[name]; n != "" {
		return n
	}
	return strings.ReplaceAll(name, "-", " ")
}

// fieldView is one shared field with who stated it.
type fieldView struct {
	careplan.Field
	Title, Anchor string
}

// SharedFields are the shared fields in the order in which people ask for them.
func (p *planPage) SharedFields() []fieldView {
	if p.Shared == nil {
		return nil
	}
	order := []string{careplan.FieldCoordinator, careplan.FieldStatus, careplan.FieldNextEvaluation, careplan.FieldPeriodStart, careplan.FieldPeriodEnd}
	var list []fieldView
	for _, f := range p.Shared.Fields {
		if f.Name == careplan.FieldPatientGoal {
			continue // it stands among the goals
		}
		v := fieldView{Field: f, Title: fieldName(f.Name)}
		for i, c := range p.Shared.Conflicts {
			if f.Contested && c.Field == f.Name && c.Status != "resolved" {
				v.Anchor = conflictAnchor(i)
			}
		}
		list = append(list, v)
	}
	place := func(f fieldView) int {
		if i := slices.Index(order, f.Name); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(list, func(a, b fieldView) int { return place(a) - place(b) })
	return list
}

// field gives one shared field; nil when nobody stated it.
func (p *planPage) field(name string) *careplan.Field {
	if p.Shared == nil {
		return nil
	}
	for i := range p.Shared.Fields {
		if p.Shared.Fields[i].Name == name {
			return &p.Shared.Fields[i]
		}
	}
	return nil
}

// Conflict ages at which somebody is told again. Source: careplan.md section 5.4.
const (
	conflictAged    = 24 * time.Hour
	conflictOverdue = 72 * time.Hour
)

// conflictView is one conflict as people decide about it.
type conflictView struct {
	careplan.Conflict
	Title, Anchor string
	About         string // the item the field is of
	Word          word
	Age           time.Duration
	Resolvable    bool // this person may choose
}

func conflictAnchor(i int) string {
	return "conflict-" + string(rune('a'+i%26)) + strings.Repeat("x", i/26)
}

// OpenConflicts are those somebody must decide about, the oldest first.
func (p *planPage) OpenConflicts() []conflictView { return p.conflicts(false) }

// SettledConflicts are those that were decided.
func (p *planPage) SettledConflicts() []conflictView { return p.conflicts(true) }

func (p *planPage) conflicts(settled bool) []conflictView {
	if p.Shared == nil {
		return nil
	}
	var list []conflictView
	for i, c := range p.Shared.Conflicts {
		if (c.Status == "resolved") != settled {
			continue
		}
		v := conflictView{Conflict: c, Title: fieldName(c.Field), About: p.ItemName(c.Element), Anchor: conflictAnchor(i), Word: conflictWord(c.Status)}
		if !c.Opened.IsZero() {
			v.Age = p.Now.Sub(c.Opened)
			if !settled && v.Age >= conflictOverdue {
				v.Word = word{"open for more than 72 hours", "stop", "!", "It stays open until somebody decides."}
			} else if !settled && v.Age >= conflictAged {
				v.Word = word{"open for more than 24 hours", "warn", "!", "It stays open until somebody decides."}
			}
		}
		v.Resolvable = !settled && !p.Frozen && p.mayResolve(c)
		list = append(list, v)
	}
	slices.SortStableFunc(list, func(a, b conflictView) int { return a.Opened.Compare(b.Opened) })
	return list
}

// mayResolve tells whether this person decides about a conflict: a coordinator about all, one who looks as an
// organisation only about what is that organisation's to decide.
func (p *planPage) mayResolve(c careplan.Conflict) bool {
	if !p.may.may(RoleCoordinator) {
		return false
	}
	return !p.may.bound() || slices.Contains(p.may.her, c.For)
}

func conflictWord(status string) word {
	switch status {
	case "open":
		return word{"not decided", "warn", "?", "Sources disagree; nobody has decided."}
	case "resolved":
		return word{"decided", "ok", "✓", ""}
	case "basis-withdrawn":
		return word{"basis withdrawn", "stop", "!", "What the decision rested on was withdrawn: decide again."}
	}
	return word{status, "calm", "?", ""}
}

// proposalView is a change that one party wishes of another one's element.
type proposalView struct {
	careplan.Proposal
	Word    word
	About   string // what the item is called
	Age     time.Duration
	Waiting bool
}

// Wishes are the proposals to change another's element; those that wait come first.
func (p *planPage) Wishes() []proposalView {
	if p.Shared == nil {
		return nil
	}
	var list []proposalView
	for _, o := range p.Shared.Proposals {
		v := proposalView{Proposal: o, Word: taskWord(o.Status), About: p.ItemName(o.Element), Waiting: o.Status == "requested"}
		if !o.At.IsZero() {
			v.Age = p.Now.Sub(o.At)
		}
		list = append(list, v)
	}
	slices.SortStableFunc(list, func(a, b proposalView) int {
		if a.Waiting != b.Waiting {
			return btoi(b.Waiting) - btoi(a.Waiting)
		}
		return a.At.Compare(b.At)
	})
	return list
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sameView is a pair of items that may mean the same real thing.
type sameView struct {
	careplan.SameAs
	NameA, NameB, OwnerA, OwnerB string
	Confirmable                  bool
}

// Same lists the pairs; they are linked, never fused.
func (p *planPage) Same() []sameView {
	if p.Shared == nil {
		return nil
	}
	var list []sameView
	for _, o := range p.Shared.Same {
		list = append(list, sameView{SameAs: o, NameA: or(p.ItemName(o.A), o.A), NameB: or(p.ItemName(o.B), o.B), OwnerA: p.ownerOf(o.A), OwnerB: p.ownerOf(o.B),
			Confirmable: !o.Confirmed && !p.Frozen && p.may.may(RoleCoordinator) && !p.may.bound()})
	}
	return list
}

// ItemName is what an item of the plan is called, by its id; "" when there is none.
func (p *planPage) ItemName(id string) string {
	if id == "" {
		return ""
	}
	for _, m := range p.Measures {
		if m.ID == id {
			return m.Text
		}
	}
	for _, g := range p.Goals {
		if g.ID == id {
			return g.Text
		}
	}
	for _, s := range p.Stays {
		if s.ID == id {
			return "stay at " + or(s.Name, p.Org(s.Organiser))
		}
	}
	for _, c := range p.Checkups {
		if c.ID == id {
			return "check-up " + c.Place
		}
	}
	for _, a := range p.Function {
		if a.ID == id {
			return "assessment " + instrumentName(a)
		}
	}
	return p.courseItemName(id)
}

func (p *planPage) courseItemName(id string) string {
	if p.Course == nil {
		return ""
	}
	for _, s := range p.Course.SubPlans {
		if s.ID == id {
			return or(s.Title, "plan of "+p.Org(s.Owner))
		}
	}
	for _, c := range p.Course.Courses {
		if c.ID == id {
			return or(c.Kind, "course of rehabilitation")
		}
	}
	for _, z := range p.Course.Zones {
		if z.ID == id {
			return z.Colour + " zone"
		}
	}
	return ""
}

func (p *planPage) ownerOf(id string) string {
	for _, m := range p.Measures {
		if m.ID == id {
			return p.Org(or(m.Owner, m.Requester))
		}
	}
	for _, g := range p.Goals {
		if g.ID == id {
			return p.Org(g.Owner)
		}
	}
	return ""
}

// saidAt is when the oldest of the sources was sent or happened: how long a thing has stood.
func (p *planPage) saidAt(from []string) time.Time {
	var first time.Time
	for _, k := range from {
		s, ok := p.Sources[k]
		if !ok {
			continue
		}
		t := s.Sent
		if t.IsZero() {
			t = sourceTime(s)
		}
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
