package careplan

import (
	"slices"
	"strings"
	"time"
)

// given is one answer of one live record.
type given struct {
	answer
	rec *rec
}

// answers ties task answers to the proposals they name and works out owner and status.
// Acceptance lives only here. Source: careplan.md sections 2 and 5.2.
func (f *fold) answers() {
	var byMeasure map[string][]given
	var names map[string]target
	var aside []given
	for r := range f.with(ofAnswers) {
		for _, a := range r.facts.Answers {
			if names == nil {
				names = f.measureNames()
			}
			id := resolveAnswer(names, a)
			if id == "" {
				aside = append(aside, given{a, r})
				continue
			}
			if byMeasure == nil {
				byMeasure = map[string][]given{}
			}
			byMeasure[id] = append(byMeasure[id], given{a, r})
		}
	}
	if len(aside) > 0 {
		if byMeasure == nil {
			byMeasure = map[string][]given{}
		}
		f.aside = f.takenUp(byMeasure, aside)
	}
	f.given = byMeasure
	f.acceptedContent()
	for i := range f.p.Measures {
		m := &f.p.Measures[i]
		f.answer(m, byMeasure[m.ID])
		if m.Kind == "proposal" {
			f.proposalTask(m)
		}
	}
}

// target is the measure that a name stands for.
type target struct {
	id      string
	several bool // it stands for more than one
}

// addName notes a name of an item.
func addName(names map[string]target, name, id string) {
	if name == "" {
		return
	}
	if t, ok := names[name]; ok {
		if t.id != id {
			names[name] = target{id, true}
		}
		return
	}
	names[name] = target{id: id}
}

// measureNames maps every name an answer may use to the live measure behind it: the full URL
// in any version of the message, identifiers, our own id, and the text.
func (f *fold) measureNames() map[string]target {
	live := make(map[string]bool, len(f.p.Measures))
	for i := range f.p.Measures {
		live[f.p.Measures[i].ID] = true
	}
	names := make(map[string]target, 4*len(live))
	for _, l := range f.lines {
		for _, r := range l.members {
			if r.says&ofMeasures == 0 {
				continue
			}
			for i, id := range measureIDs(r) {
				if !live[id] {
					continue
				}
				addName(names, id, id)
				for _, name := range r.namesOfMeasure(i) {
					addName(names, name, id)
				}
			}
		}
	}
	return names
}

// namesOfMeasure are the words by which an answer may name a measure, other than its id.
func (r *rec) namesOfMeasure(at int) []string {
	if r.measureNames == nil {
		r.measureNames = make([][]string, len(r.facts.Measures))
		for i := range r.facts.Measures {
			m := &r.facts.Measures[i]
			names := []string{m.Ref}
			for _, x := range m.IDs {
				names = append(names, "id:"+x)
			}
			if m.Kind == "proposal" {
				names = append(names, "text:"+plainKey(m.Text))
				if m.Code != nil {
					names = append(names, "text:"+plainKey(m.Code.Text))
				}
			}
			r.measureNames[i] = names
		}
	}
	return r.measureNames[at]
}

func plainKey(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// resolveAnswer finds the one measure an answer names; "" when there is none or more than one.
func resolveAnswer(names map[string]target, a answer) string {
	keys := []string{a.Ref, a.Ref[strings.LastIndexByte(a.Ref, '/')+1:]}
	if a.ID != "" {
		keys = append(keys, "id:"+a.ID, a.ID)
	}
	if a.Text != "" {
		keys = append(keys, "text:"+plainKey(a.Text))
	}
	for _, k := range keys {
		if k == "" {
			continue
		}
		switch t, ok := names[k]; {
		case !ok:
		case t.several:
			return ""
		default:
			return t.id
		}
	}
	return ""
}

// answer works out one measure: the latest word of each organisation counts; the first that
// accepted carries it.
func (f *fold) answer(m *Measure, list []given) {
	if len(list) == 0 {
		return
	}
	for _, g := range list { // list is in record order
		m.Answers = append(m.Answers, Answer{By: g.rec.Key.Sender, Status: answerStatus(g.Status), Reason: g.Reason,
			At: g.when(), From: g.rec.own})
		m.From = addFrom(m.From, g.rec.key)
	}
	owners, rejected := takers(list)
	switch {
	case len(owners) > 0:
		m.Owner = owners[0].accepted.Key.Sender
		switch owners[0].status {
		case "in-progress", "on-hold":
			m.Status = "active"
		case "completed":
			m.Status = "completed"
		default:
			m.Status = "accepted"
		}
		if len(owners) > 1 {
			var keys []string
			for _, t := range owners {
				keys = append(keys, t.last.key)
			}
			f.flag("several-owners", "Several organisations accepted the same proposal; the first is shown as its owner.", keys...)
		}
	case rejected && m.Kind == "proposal":
		m.Status = "rejected"
	}
}

// taker is an organisation that took a measure on.
type taker struct {
	who      string
	accepted *rec   // the first yes after its last no
	last     *rec   // what it said last of how far it has come
	status   string // that
}

// takers are the organisations that carry a measure, the first to accept first, and whether the last word of any
// was no.
func takers(list []given) (out []taker, rejected bool) {
	for j := range list {
		g := &list[j]
		i := slices.IndexFunc(out, func(t taker) bool { return t.who == g.rec.Key.Sender }) // few
		if i < 0 {
			i = len(out)
			out = append(out, taker{who: g.rec.Key.Sender})
		}
		t := &out[i]
		switch answerStatus(g.Status) {
		case "accepted":
			if t.accepted == nil {
				t.accepted = g.rec
			}
			t.last, t.status = g.rec, g.Status
		case "rejected":
			*t = taker{who: t.who, status: "rejected"}
		}
	}
	out = slices.DeleteFunc(out, func(t taker) bool {
		rejected = rejected || t.status == "rejected"
		return t.accepted == nil
	})
	slices.SortStableFunc(out, func(a, b taker) int { return byOrder(a.accepted, b.accepted) })
	return out, rejected
}

func (g given) when() time.Time {
	if t := parseMoment(g.At).at; !t.IsZero() {
		return t
	}
	if !g.rec.Event.IsZero() {
		return g.rec.Event
	}
	return g.rec.order
}

// answerStatus reads Task.status. Source: FHIR R4 value set task-status.
func answerStatus(status string) string {
	switch status {
	case "accepted", "in-progress", "on-hold", "completed":
		return "accepted"
	case "rejected", "cancelled", "failed":
		return "rejected"
	}
	return "answered"
}

// proposalTask asks the addressee for an answer and, when that is no, the coordinator for
// another owner.
func (f *fold) proposalTask(m *Measure) {
	from := m.From[:1:1]
	to := "coordinator"
	var asked *rec // the first that states it to somebody
	for _, k := range m.From {
		r := f.counted(k)
		if r != nil && r.Key.Sender == m.Requester && len(r.facts.To) > 0 && r.facts.To[0].HER != "" && (asked == nil || byOrder(r, asked) < 0) {
			asked = r
		}
	}
	if asked != nil {
		to, from = asked.facts.To[0].HER, asked.own
	}
	status := "requested"
	if len(m.Answers) > 0 {
		status = "done"
	}
	f.p.Tasks = append(f.p.Tasks, Task{ID: shortID("task", "proposal", m.ID), Text: "Answer the proposal: " + m.Text,
		For: to, Status: status, Rule: "proposal", Measure: m.ID, From: from})
	if m.Status == "rejected" {
		f.p.Tasks = append(f.p.Tasks, Task{ID: shortID("task", "find-owner", m.ID), Text: "Find another owner for: " + m.Text,
			For: "coordinator", Status: "requested", Rule: "find-owner", Measure: m.ID, From: slices.Clone(m.From)})
	}
}

// maxCandidates is how many earlier messages a task suggests for a change without reference.
const maxCandidates = 5

// looseTasks asks a person about messages that the plan could not place.
func (f *fold) looseTasks() {
	for _, r := range f.loose {
		from := []string{r.key}
		for i := len(f.live) - 1; i >= 0 && len(from) <= maxCandidates; i-- { // latest first
			c := f.live[i]
			if c != r && c.Kind == r.Kind && c.Key.Sender == r.Key.Sender && overlap(c.Original, r.Original) {
				from = append(from, c.key) // a suggestion only; sender, kind, person and addressee fit
			}
		}
		f.task("no-parent", "Decide which earlier message a change or withdrawal without reference is about.", "coordinator", "requested", from...)
	}
	for _, fl := range f.p.Flags {
		if fl.Code == "foreign-change" {
			f.task("foreign-change", "An organisation tried to change a message of another; ask both.", "coordinator", "requested", fl.From...)
		}
	}
}

func overlap(a, b []string) bool {
	for _, x := range a {
		if contains(b, x) {
			return true
		}
	}
	return len(a) == 0 && len(b) == 0
}
