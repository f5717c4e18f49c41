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
	byMeasure := map[string][]given{}
	var names map[string][]string
	for _, r := range f.live {
		for _, a := range r.facts.Answers {
			if names == nil {
				names = f.measureNames()
			}
			id := resolveAnswer(names, a)
			if id == "" {
				f.flag("answer-unmatched", "An answer does not say which proposal it is about.", r.key)
				f.task("answer-unmatched", "Decide which proposal the answer is about.", "coordinator", "requested", r.key)
				continue
			}
			byMeasure[id] = append(byMeasure[id], given{a, r})
		}
	}
	for i := range f.p.Measures {
		m := &f.p.Measures[i]
		f.answer(m, byMeasure[m.ID])
		if m.Kind == "proposal" {
			f.proposalTask(m)
		}
	}
}

// measureNames maps every name an answer may use to the live measures behind it: the full URL
// in any version of the message, identifiers, our own id, and the text.
func (f *fold) measureNames() map[string][]string {
	live := map[string]bool{}
	for _, m := range f.p.Measures {
		live[m.ID] = true
	}
	names := map[string][]string{}
	add := func(name, id string) {
		if name != "" && live[id] && !contains(names[name], id) {
			names[name] = append(names[name], id)
		}
	}
	for _, l := range f.lines {
		for _, r := range l.members {
			if len(r.facts.Measures) == 0 {
				continue
			}
			for i, id := range measureIDs(r) {
				m := r.facts.Measures[i]
				add(m.Ref, id)
				add(id, id)
				for _, x := range m.IDs {
					add("id:"+x, id)
				}
				if m.Kind == "proposal" {
					add("text:"+plainKey(m.Text), id)
					if m.Code != nil {
						add("text:"+plainKey(m.Code.Text), id)
					}
				}
			}
		}
	}
	return names
}

func plainKey(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// resolveAnswer finds the one measure an answer names; "" when there is none or more than one.
func resolveAnswer(names map[string][]string, a answer) string {
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
		switch list := names[k]; len(list) {
		case 1:
			return list[0]
		case 0:
		default:
			return ""
		}
	}
	return ""
}

// answer works out one measure: the latest answer of each organisation counts; the first that
// accepted carries it.
func (f *fold) answer(m *Measure, list []given) {
	if len(list) == 0 {
		return
	}
	last := map[string]given{}
	for _, g := range list { // list is in record order
		m.Answers = append(m.Answers, Answer{By: g.rec.Key.Sender, Status: answerStatus(g.Status), Reason: g.Reason,
			At: g.when(), From: []string{g.rec.key}})
		m.From = addFrom(m.From, g.rec.key)
		last[g.rec.Key.Sender] = g
	}
	var owners []given
	rejected := false
	for _, g := range last {
		switch answerStatus(g.Status) {
		case "accepted":
			owners = append(owners, g)
		case "rejected":
			rejected = true
		}
	}
	slices.SortFunc(owners, func(a, b given) int { return byOrder(a.rec, b.rec) })
	switch {
	case len(owners) > 0:
		o := owners[0]
		m.Owner = o.rec.Key.Sender
		m.Status = map[string]string{"in-progress": "active", "on-hold": "active", "completed": "completed"}[o.Status]
		if m.Status == "" {
			m.Status = "accepted"
		}
		if len(owners) > 1 {
			var keys []string
			for _, g := range owners {
				keys = append(keys, g.rec.key)
			}
			f.flag("several-owners", "Several organisations accepted the same proposal; the first is shown as its owner.", keys...)
		}
	case rejected && m.Kind == "proposal":
		m.Status = "rejected"
	}
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
	key := m.From[0]
	to := "coordinator"
	for _, r := range f.live {
		if contains(m.From, r.key) && r.Key.Sender == m.Requester && len(r.facts.To) > 0 && r.facts.To[0].HER != "" {
			to, key = r.facts.To[0].HER, r.key
			break
		}
	}
	status := "requested"
	if len(m.Answers) > 0 {
		status = "done"
	}
	f.p.Tasks = append(f.p.Tasks, Task{ID: shortID("task", "proposal", m.ID), Text: "Answer the proposal: " + m.Text,
		For: to, Status: status, Rule: "proposal", Measure: m.ID, From: []string{key}})
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
