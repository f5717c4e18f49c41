package admin

import (
	"cmp"
	"slices"
	"time"

	"github.com/samvirke/samvirke/fhir/careplan"
)

// goalLoop is a goal with its round of action and evaluation: what is done for it, what was last seen, and
// when it is looked at again.
type goalLoop struct {
	careplan.Goal
	Own      bool // in the patient's own words
	Words    string
	Measures []goalMeasure
	Seen     []goalSeen
	Next     *goalNext
	// Overdue: the day of the next evaluation has passed.
	Overdue bool
}

// goalMeasure is a measure that serves a goal, and how that is known.
type goalMeasure struct {
	careplan.Measure
	Basis string
	Word  word
}

// goalSeen is the newest thing seen that bears on the goal.
type goalSeen struct {
	Text, When string
	From       []string
}

// goalNext is when the goal is looked at again.
type goalNext struct {
	Value careplan.Value
	What  string
}

// Loops are the goals with their rounds; the patient's own words come first.
func (p *planPage) Loops() []goalLoop {
	latest := p.latestAssessment()
	var list []goalLoop
	for _, g := range p.Goals {
		l := goalLoop{Goal: g, Own: g.ExpressedBy == "patient", Words: expressedBy(g.ExpressedBy), Measures: p.serving(g)}
		if said := p.lastSaid(g.ID); said != nil {
			l.Seen = append(l.Seen, *said)
		}
		if latest != nil {
			l.Seen = append(l.Seen, *latest)
		}
		l.Next = p.nextEvaluation(l.Measures)
		if l.Next != nil {
			if t, ok := planInstant(l.Next.Value.Text); ok {
				l.Overdue = passed(t, l.Next.Value.Text, p.Now)
			}
		}
		list = append(list, l)
	}
	slices.SortStableFunc(list, func(a, b goalLoop) int { return wordsRank(a.ExpressedBy) - wordsRank(b.ExpressedBy) })
	return list
}

// passed tells whether a time lies behind; a day has passed when it is over.
func passed(t time.Time, text string, now time.Time) bool {
	if len(text) <= len("2006-01-02") {
		t = t.Add(24 * time.Hour)
	}
	return t.Before(now)
}

func wordsRank(by string) int {
	switch by {
	case "patient":
		return 0
	case "kin":
		return 1
	}
	return 2
}

func expressedBy(by string) string {
	switch by {
	case "patient":
		return "in the patient's own words"
	case "kin":
		return "in the words of next of kin, on the patient's behalf"
	case "professional":
		return "in a professional's words"
	case "":
		return "whose words is not stated"
	}
	return "in the words of " + by
}

// serving finds the measures that serve a goal. What links them is said, because most messages name goals and
// measures side by side without a link: the plan of one organisation first, then the same message.
func (p *planPage) serving(g careplan.Goal) []goalMeasure {
	var list []goalMeasure
	taken := map[string]bool{}
	add := func(m careplan.Measure, basis string) {
		if !taken[m.ID] {
			taken[m.ID] = true
			list = append(list, goalMeasure{Measure: m, Basis: basis, Word: taskWord(m.Status)})
		}
	}
	if p.Course != nil {
		for _, sub := range p.Course.SubPlans {
			if !slices.Contains(sub.Goals, g.ID) {
				continue
			}
			for _, m := range p.Measures {
				if slices.Contains(sub.Measures, m.ID) {
					add(m, "in the plan of "+p.Org(sub.Owner))
				}
			}
		}
	}
	for _, m := range p.Measures {
		if m.Kind != "done" && slices.ContainsFunc(m.From, func(k string) bool { return slices.Contains(g.From, k) }) {
			add(m, "named in the same message")
		}
	}
	return list
}

// lastSaid is the newest dialogue about a goal; nil when there is none.
func (p *planPage) lastSaid(id string) *goalSeen {
	if p.Course == nil || id == "" {
		return nil
	}
	var newest *careplan.Dialogue
	for i := range p.Course.Dialogue {
		if d := &p.Course.Dialogue[i]; d.About == id && (newest == nil || d.At.After(newest.At)) {
			newest = d
		}
	}
	if newest == nil {
		return nil
	}
	return &goalSeen{Text: p.Org(newest.By) + ": " + newest.Text, When: stampText(newest.At), From: newest.From}
}

func stampText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// latestAssessment is the newest assessment in the plan; nil when there is none.
func (p *planPage) latestAssessment() *goalSeen {
	var newest *careplan.Assessment
	for i := range p.Function {
		if a := &p.Function[i]; a.Date != "" && !a.Baseline && (newest == nil || dateOf(*a) > dateOf(*newest)) {
			newest = a
		}
	}
	if newest == nil {
		return nil
	}
	text := instrumentName(*newest)
	if len(newest.Scores) == 1 {
		text += ": " + scoreText(newest.Instrument == "iplos", newest.Scores[0])
	}
	return &goalSeen{Text: text + ", " + p.Org(newest.Owner), When: newest.Date, From: newest.From}
}

func dateOf(a careplan.Assessment) string {
	if t, ok := planInstant(a.Date); ok {
		return stampText(t)
	}
	return a.Date
}

// nextEvaluation is the first evaluation of the measures, or that of the whole plan.
func (p *planPage) nextEvaluation(list []goalMeasure) *goalNext {
	var all []goalNext
	for _, m := range list {
		if m.Evaluation != nil && m.Status != "completed" && m.Status != "rejected" {
			all = append(all, goalNext{Value: *m.Evaluation, What: m.Text})
		}
	}
	if f := p.field(careplan.FieldNextEvaluation); f != nil {
		all = append(all, goalNext{Value: f.Value, What: "the whole plan"})
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(a, b goalNext) int { return cmp.Compare(a.Value.Text, b.Value.Text) })
	for i, n := range all { // what lies ahead counts before what has passed
		if t, ok := planInstant(n.Value.Text); ok && !passed(t, n.Value.Text, p.Now) {
			return &all[i]
		}
	}
	return &all[len(all)-1]
}

// ownerColumn are the measures that one organisation carries.
type ownerColumn struct {
	Name     string
	Nobody   bool
	Measures []ownedMeasure
}

// ownedMeasure is a measure with how long it has stood.
type ownedMeasure struct {
	careplan.Measure
	Word word
	Age  time.Duration
	Late bool // a proposal without an answer for longer than the limit
}

// Owners are the measures by who carries them; those nobody carries come first.
func (p *planPage) Owners() []ownerColumn {
	var list []ownerColumn
	for _, m := range p.Measures {
		o := ownedMeasure{Measure: m, Word: taskWord(m.Status)}
		if t := p.saidAt(m.From); !t.IsZero() {
			o.Age = p.Now.Sub(t)
		}
		name, nobody := p.Org(m.Owner), m.Owner == ""
		switch {
		case m.Kind == "done" && nobody:
			name, nobody = p.Org(m.Requester), false
		case m.Kind == "proposal" && nobody:
			o.Late = o.Age > careplan.AnswerLimit
			name = "Nobody yet"
		case nobody:
			name, nobody = p.Org(m.Requester), false
		}
		i := slices.IndexFunc(list, func(c ownerColumn) bool { return c.Name == name && c.Nobody == nobody })
		if i < 0 {
			list = append(list, ownerColumn{Name: name, Nobody: nobody})
			i = len(list) - 1
		}
		list[i].Measures = append(list[i].Measures, o)
	}
	slices.SortStableFunc(list, func(a, b ownerColumn) int {
		return cmp.Or(btoi(b.Nobody)-btoi(a.Nobody), cmp.Compare(a.Name, b.Name))
	})
	for i := range list {
		slices.SortStableFunc(list[i].Measures, func(a, b ownedMeasure) int { return doneRank(a.Status) - doneRank(b.Status) })
	}
	return list
}

func doneRank(status string) int {
	switch status {
	case "requested":
		return 0
	case "completed":
		return 2
	}
	return 1
}
