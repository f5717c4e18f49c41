package careplan

import (
	"slices"
	"strings"

	"github.com/samvirke/samvirke"
)

// What somebody wishes of another's element. The element stays as its owner has it; the wish is a proposal with a
// task, until the owner answers or states something about the element having seen it.
//
// Source: careplan.md sections 5.2 and 5.4.

// asking is a proposal in the making.
type asking struct {
	rec  *rec
	wish wishedChange
	el   *element // nil when it is not known what is meant
	out  Proposal
}

// changes applies what owners wrote of their elements and makes proposals of what others did.
func (f *fold) changes(aside []given) {
	var list []*asking
	edits := f.editsKept()
	for r := range f.with(ofMore) {
		s := r.sharedFacts()
		if s == nil {
			continue
		}
		seen := map[string]int{}
		for i := range s.Wishes {
			w := &s.Wishes[i]
			a := &asking{rec: r, wish: *w, el: f.elements().find(w.Ref, w.ID)}
			if w.Edit && a.el != nil && a.el.measure != nil && f.owns(r, a.el.measure) {
				edits = append(edits, edit{a.el.measure, r, &w.Is, r.key})
				continue
			}
			a.out.ID = elementID("proposal", r, seen, w.Ref, w.ID, w.Field, w.Is.Text)
			list = append(list, a)
		}
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return byOrder(a.rec, b.rec) })
	for _, e := range edits {
		f.edit(e)
	}
	for _, t := range f.turned {
		list = append(list, f.turnedInto(t))
	}
	for _, a := range list {
		f.proposal(a)
	}
	aside = f.answered(list, aside)
	for _, a := range list {
		f.close(a)
		f.sharedPart().Proposals = append(f.sharedPart().Proposals, a.out)
		f.proposalOfChange(a)
	}
	f.unmatched(aside)
}

// unmatched asks about answers that name nothing known.
func (f *fold) unmatched(aside []given) {
	for _, g := range aside {
		f.flag("answer-unmatched", "An answer does not say which proposal it is about.", g.rec.key)
		f.task("answer-unmatched", "Decide which proposal the answer is about.", "coordinator", "requested", g.rec.key)
	}
}

// turnedInto is what a requester states about a measure that another one carries.
func (f *fold) turnedInto(t turned) *asking {
	a := &asking{rec: t.version.rec, el: f.elements().find(t.element, "")}
	a.out.ID = shortID("proposal", "requester", t.element)
	if t.version.at < 0 {
		a.wish = wishedChange{Ref: t.element, Field: "status", Wanted: &coded{Text: "revoked"},
			Is: measure{Text: "No longer asked for by its requester"}}
		return a
	}
	a.wish = wishedChange{Ref: t.element, Edit: true, Is: *t.version.content()}
	return a
}

// owns tells whether a record may change a measure's content: it is of the requester and nobody else had accepted
// it, or of the organisation that had.
func (f *fold) owns(r *rec, m *Measure) bool {
	if f.o.wrong.anyOwner {
		return true
	}
	acc := acceptance(f.given[m.ID], m.Owner)
	if m.Owner == "" || m.Owner == m.Requester || acc == nil {
		return r.Key.Sender == m.Requester
	}
	before := byOrder(r, acc) < 0
	if len(acc.Seen) > 0 {
		before = f.sight.seen(acc, r)
	}
	if before {
		return r.Key.Sender == m.Requester
	}
	return r.Key.Sender == m.Owner
}

// edit is what the owner of a measure wrote of it; from is the record that it rests on.
type edit struct {
	of   *Measure
	rec  *rec
	is   *measure
	from string
}

// editsKept are what requesters wrote of their measures, somebody else then accepted, and they replaced after that:
// as accepted it stands.
func (f *fold) editsKept() (out []edit) {
	if len(f.given) == 0 {
		return nil
	}
	for _, l := range f.lines {
		if l.ender != nil || l.head == nil || len(l.members) < 2 {
			continue
		}
		for i, r := range l.members {
			s := r.sharedFacts()
			if s == nil || r.state != stateReplaced {
				continue
			}
			by := slices.IndexFunc(l.members[i+1:], func(n *rec) bool { return n.Chain.Op != samvirke.OpAddition })
			for j := range s.Wishes {
				w := &s.Wishes[j]
				if !w.Edit || by < 0 {
					continue
				}
				el := f.elements().find(w.Ref, w.ID)
				if el == nil || el.measure == nil || !f.owns(r, el.measure) {
					continue
				}
				acc := acceptance(f.given[el.id], el.measure.Owner)
				if acc != nil && acc.Key.Sender != r.Key.Sender && byOrder(acc, l.members[i+1+by]) < 0 {
					out = append(out, edit{el.measure, r, &w.Is, acc.key})
				}
			}
		}
	}
	return out
}

// edit gives a measure the content that its owner states later than what it rests on.
func (f *fold) edit(e edit) {
	if base := f.base[e.of.ID]; base != nil && byOrder(base, e.rec) > 0 {
		return
	}
	for _, k := range e.of.From {
		if o := f.counted(k); o != nil && o != e.rec && len(o.facts.Measures) > 0 && o.Key.Sender == e.rec.Key.Sender && byOrder(o, e.rec) > 0 {
			return // its owner has stated it anew since
		}
	}
	e.of.fill(e.is, []string{e.from})
	e.of.From = addFrom(e.of.From, e.from)
	if f.edited == nil {
		f.edited = map[string][]*rec{}
	}
	f.edited[e.of.ID] = append(f.edited[e.of.ID], e.rec)
}

// proposal says what is proposed, of what, and to whom.
func (f *fold) proposal(a *asking) {
	p := &a.out
	p.By, p.Author, p.Status, p.At, p.From = a.rec.Key.Sender, a.rec.Author, "requested", a.rec.stating(""), []string{a.rec.key}
	p.Field = a.wish.Field
	what := a.wish.Wanted
	switch {
	case what != nil:
	case a.wish.Is.Code != nil:
		what = &coded{Text: first(a.wish.Is.Text, a.wish.Is.Code.Text), Code: a.wish.Is.Code.Code, System: a.wish.Is.Code.System}
	case a.wish.Edit:
		what = &coded{Text: a.wish.Is.Text}
	}
	if what != nil {
		p.Wanted = &Value{Text: first(what.Text, what.Code), Code: what.Code, System: what.System, From: []string{a.rec.key}}
		p.Field = first(p.Field, "content")
	}
	p.Text = first(a.wish.Is.Text, a.wish.Is.Note)
	if p.Text == "" && p.Wanted != nil {
		p.Text = p.Wanted.Text
	}
	switch {
	case a.el != nil:
		p.Element, p.Owner = a.el.id, first(a.el.owner, "coordinator")
		if a.el.measure != nil {
			p.Owner = first(a.el.measure.Owner, a.el.measure.Requester)
		}
	default:
		p.Owner = f.coordinator(p.Field)
	}
}

// answered takes the answers that name a proposal: a yes or a no in so many words.
func (f *fold) answered(list []*asking, aside []given) (left []given) {
	if len(list) == 0 {
		return aside
	}
	names := map[string]target{}
	byID := map[string]*asking{}
	for _, a := range list {
		byID[a.out.ID] = a
		for _, n := range []string{a.wish.Is.Ref, a.out.ID} {
			addName(names, n, a.out.ID)
		}
		for _, x := range a.wish.Is.IDs {
			addName(names, "id:"+x, a.out.ID)
		}
		if a.out.Text != "" {
			addName(names, "text:"+plainKey(a.out.Text), a.out.ID)
		}
	}
	for _, g := range aside {
		a := byID[resolveAnswer(names, g.answer)]
		if a == nil {
			left = append(left, g)
			continue
		}
		if g.rec.Key.Sender != a.out.Owner && a.out.Owner != "coordinator" && !contains(g.rec.Roles, "coordinator") {
			f.flag("answer-of-another", "Somebody answered a proposal that another organisation was asked; it has no effect.", g.rec.key)
			continue
		}
		switch s := answerStatus(g.Status); s {
		case "accepted", "rejected":
			a.out.Status, a.out.Reason = s, g.Reason
			a.out.Closed = []string{g.rec.key}
		}
	}
	return left
}

// close looks for the owner's first record about the element that had the proposal in context.
func (f *fold) close(a *asking) {
	if a.out.Status != "requested" {
		return
	}
	type closing struct {
		rec    *rec
		status string
	}
	var all []closing
	note := func(r *rec, equal, changed bool) {
		if !f.sight.seen(r, a.rec) {
			return
		}
		s := "answered"
		if equal {
			s = "accepted"
		} else if changed {
			s = "changed"
		}
		all = append(all, closing{r, s})
	}
	switch {
	case a.el == nil && !a.ofPlan():
	case a.el == nil:
		for _, g := range f.registers() {
			for i := range g.all {
				s := &g.all[i]
				if g.name == a.wish.Field && g.name != "" && g.element == "" && (s.rec.Key.Sender == a.out.Owner || contains(s.rec.Roles, "coordinator")) {
					note(s.rec, s.sameValue(&stated{name: g.name, value: a.wanted()}), true)
				}
			}
		}
	default:
		for _, r := range f.edited[a.el.id] {
			note(r, f.granted(a, r), true)
		}
		for _, g := range f.given[a.el.id] {
			if g.rec.Key.Sender == a.out.Owner {
				note(g.rec, a.wish.Field == "status" && a.wish.Wanted != nil && g.Status == a.wish.Wanted.Text, a.wish.Field == "status")
			}
		}
		if l := a.el.line; l != nil && l.sender == a.out.Owner {
			for r := range l.standing() {
				note(r, f.granted(a, r), a.el.measure == nil || f.changed(a, r))
			}
		}
	}
	slices.SortStableFunc(all, func(x, y closing) int { return byOrder(x.rec, y.rec) })
	if len(all) > 0 {
		a.out.Status, a.out.Closed = all[0].status, []string{all[0].rec.key}
	}
}

// ofPlan tells whether a proposal is about a field of the plan itself.
func (a *asking) ofPlan() bool { return strings.Contains("/"+a.wish.Ref, "/CarePlan/") }

func (a *asking) wanted() coded {
	if a.wish.Wanted == nil {
		return coded{Text: a.wish.Is.Text}
	}
	return *a.wish.Wanted
}

// granted tells whether a record of the owner states what was wished.
func (f *fold) granted(a *asking, r *rec) bool {
	want := a.wanted()
	is := func(m *measure) bool {
		switch a.wish.Field {
		case "", "content", "text":
			if a.wish.Field == "" && a.wish.Wanted == nil && !a.wish.Edit {
				return false // words only: nobody but a person can tell
			}
			if want.Code != "" && m.Code != nil {
				return m.Code.Code == want.Code && m.Code.System == want.System
			}
			same := plainKey(m.Text) == plainKey(want.Text)
			return same && (!a.wish.Edit || m.Eval == a.wish.Is.Eval && m.Period == a.wish.Is.Period && m.Note == a.wish.Is.Note)
		case "evaluation":
			return m.Eval == want.Text
		case "period":
			return m.Period == want.Text
		case "note":
			return m.Note == want.Text
		case "status":
			return want.Text == "completed" && m.Kind == "done"
		}
		return false
	}
	if s := r.sharedFacts(); s != nil {
		for i := range s.Wishes {
			if w := &s.Wishes[i]; w.Edit && f.elements().find(w.Ref, w.ID) == a.el && is(&w.Is) {
				return true
			}
		}
	}
	for i := range r.facts.Measures {
		if is(&r.facts.Measures[i]) {
			return true
		}
	}
	for i := range r.facts.Goals {
		if a.el.measure == nil && (a.wish.Field == "" && a.wish.Wanted != nil || a.wish.Field == "text" || a.wish.Field == "content") && plainKey(r.facts.Goals[i].Text) == plainKey(want.Text) {
			return true
		}
	}
	return false
}

// changed tells whether a version of the owner's message states the element otherwise than the one before.
func (f *fold) changed(a *asking, r *rec) bool {
	all := versionsOf(a.el.line)
	now := slices.IndexFunc(all, func(v version) bool { return v.rec == r && v.id == a.el.id })
	if now < 0 {
		return true
	}
	for i := now - 1; i >= 0; i-- {
		if all[i].rec != r && sameMeasure(all[i], all[now]) {
			return !sameContent(all[i].content(), all[now].content())
		}
	}
	return true
}

// proposalOfChange asks the owner for an answer.
func (f *fold) proposalOfChange(a *asking) {
	status := "requested"
	if a.out.Status != "requested" {
		status = "done"
	}
	t := Task{ID: changeTaskID(a.out.ID), Text: strings.TrimSpace("Answer the proposal: " + a.out.Text), For: a.out.Owner,
		Status: status, Rule: "change-proposal", From: a.out.From}
	if a.el != nil && a.el.measure != nil {
		t.Measure = a.el.measure.ID
	}
	f.p.Tasks = append(f.p.Tasks, t)
}

func changeTaskID(proposal string) string { return shortID("task", "change", proposal) }
