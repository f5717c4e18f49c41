package careplan

import "slices"

// Who owns the content of a measure: its requester until somebody else accepts it, that organisation after. What
// the other one states from then on changes nothing; it is a proposal. Source: careplan.md section 5.2.

// version is one measure as one message states it.
type version struct {
	rec  *rec
	at   int
	id   string
	line *line // as far as it may be seen
}

func (v version) content() *measure { return &v.rec.facts.Measures[v.at] }

// sameContent tells whether two versions of a measure say the same.
func sameContent(a, b *measure) bool {
	code := func(c *coded) coded {
		if c == nil {
			return coded{}
		}
		return *c
	}
	return a.Text == b.Text && code(a.Code) == code(b.Code) && a.Eval == b.Eval && a.Period == b.Period && a.Note == b.Note
}

// versionsOf lists the versions of measures that the members of a line state, live and replaced, in its order.
func versionsOf(l *line) []version {
	var out []version
	for _, r := range l.members {
		if len(r.facts.Measures) == 0 || !r.counts && r.state != stateReplaced {
			continue
		}
		for i, id := range measureIDs(r) {
			out = append(out, version{r, i, id, l})
		}
	}
	return out
}

// sameMeasure tells whether two versions on one line are of one measure: the same id, or an identifier in common.
func sameMeasure(a, b version) bool {
	return a.id == b.id || slices.ContainsFunc(a.content().IDs, func(x string) bool { return contains(b.content().IDs, x) })
}

// acceptance is the record with which an organisation took a measure on: the first yes after its last no.
func acceptance(list []given, owner string) *rec {
	var acc *rec
	for _, g := range list {
		if g.rec.Key.Sender != owner {
			continue
		}
		switch answerStatus(g.Status) {
		case "accepted":
			if acc == nil {
				acc = g.rec
			}
		case "rejected":
			acc = nil
		}
	}
	return acc
}

// takenUp keeps what somebody else accepted and its requester then replaced: it is not the requester's any more.
// It gives the answers that are about no measure, replaced ones included.
func (f *fold) takenUp(byMeasure map[string][]given, aside []given) (left []given) {
	names := map[string]target{}
	where := map[string]version{}
	for _, l := range f.lines {
		if l.ender != nil || l.head == nil || len(l.members) < 2 {
			continue
		}
		for _, v := range versionsOf(l) {
			if _, live := f.versionAt(v.id, l); live {
				continue
			}
			where[v.id] = v // the newest that states it
			addName(names, v.id, v.id)
			for _, n := range v.rec.namesOfMeasure(v.at) {
				addName(names, n, v.id)
			}
		}
	}
	var order []string
	taken := map[string][]given{}
	for _, g := range aside {
		id := resolveAnswer(names, g.answer)
		if id == "" || where[id].rec.Key.Sender == g.rec.Key.Sender {
			left = append(left, g)
			continue
		}
		if taken[id] == nil {
			order = append(order, id)
		}
		taken[id] = append(taken[id], g)
	}
	slices.Sort(order)
	for _, id := range order {
		if f.keep(where[id], taken[id], byMeasure) {
			continue
		}
		left = append(left, taken[id]...)
	}
	return left
}

func prefixed(prefix string, list []string) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, prefix+s)
	}
	return out
}

// keep puts a replaced measure back when somebody carries it; false when nobody does.
func (f *fold) keep(v version, list []given, byMeasure map[string][]given) bool {
	var acc []string
	for _, g := range list {
		if acceptance(list, g.rec.Key.Sender) == g.rec {
			acc = addFrom(acc, g.rec.key)
		}
	}
	if len(acc) == 0 {
		return false
	}
	c := v.content()
	m := Measure{ID: v.id, Kind: c.Kind, Status: "requested", Requester: v.rec.Key.Sender}
	m.fill(c, acc)
	m.From = acc
	byMeasure[v.id] = list
	// Another version that has an identifier in common is the requester's wish now, no measure of its own.
	now := slices.IndexFunc(f.p.Measures, func(o Measure) bool {
		at, ok := f.versionAt(o.ID, v.line)
		return ok && sameMeasure(at, v)
	})
	w := turned{element: v.id}
	if now >= 0 {
		id := f.p.Measures[now].ID
		both := slices.Concat(byMeasure[id], list)
		slices.SortStableFunc(both, func(a, b given) int { return byOrder(a.rec, b.rec) })
		if slices.ContainsFunc(list, func(g given) bool { return acceptance(byMeasure[id], g.rec.Key.Sender) != nil }) {
			byMeasure[id] = both // it accepted the newer content too
			return true
		}
		w.version, _ = f.versionAt(id, v.line)
		byMeasure[v.id] = both
		f.p.Measures[now] = m
	} else {
		w.version = version{rec: v.line.head, at: -1}
		f.p.Measures = append(f.p.Measures, m)
	}
	f.turned = append(f.turned, w)
	return true
}

// turned is what a requester stated about a measure that is not its own any more; at -1 means that its message
// does not name it any more.
type turned struct {
	element string
	version version
}

// fill gives a measure the content that a message states.
func (m *Measure) fill(c *measure, from []string) {
	m.Text, m.Period, m.Note, m.Code, m.Evaluation = c.Text, c.Period, c.Note, nil, nil
	if c.Code != nil {
		m.Code = &Value{Text: c.Code.Text, Code: c.Code.Code, System: c.Code.System, From: from}
		m.Text = first(m.Text, c.Code.Text, c.Code.Code)
	}
	if c.Eval != "" {
		m.Evaluation = &Value{Text: c.Eval, From: from}
	}
}

// versionAt is the live version of a measure on a line.
func (f *fold) versionAt(id string, l *line) (version, bool) {
	for r := range l.standing() {
		if len(r.facts.Measures) == 0 {
			continue
		}
		if i := slices.Index(measureIDs(r), id); i >= 0 {
			return version{r, i, id, l}, true
		}
	}
	return version{}, false
}

// acceptedContent shows of every measure that somebody carries the content that was accepted: what its requester
// changed after that is a proposal.
func (f *fold) acceptedContent() {
	for _, l := range f.lines {
		if l.head == nil || len(l.members) < 2 || l.ender != nil {
			continue
		}
		var all []version
		for _, v := range versionsOf(l) {
			all = append(all, v)
			if !v.rec.counts {
				continue
			}
			i := slices.IndexFunc(f.p.Measures, func(m Measure) bool { return m.ID == v.id })
			if i < 0 {
				continue
			}
			m := &f.p.Measures[i]
			acc := acceptance(f.given[m.ID], m.Owner)
			if m.Owner == "" || m.Owner == m.Requester || acc == nil || byOrder(v.rec, acc) < 0 || f.acceptedAs(m, v) {
				continue
			}
			f.before(m, v, all, acc)
		}
	}
}

// acceptedAs tells whether its owner accepted a measure by the name that only this version has.
func (f *fold) acceptedAs(m *Measure, v version) bool {
	return slices.ContainsFunc(f.given[m.ID], func(g given) bool {
		return g.rec.Key.Sender == m.Owner && g.Ref != "" && g.Ref == v.content().Ref && answerStatus(g.Status) == "accepted"
	})
}

// before gives a measure the content it had when it was accepted, when that was another.
func (f *fold) before(m *Measure, now version, all []version, acc *rec) {
	for i := len(all) - 1; i >= 0; i-- {
		old := all[i]
		if old.rec == now.rec || !sameMeasure(old, now) || byOrder(old.rec, acc) > 0 {
			continue
		}
		if !sameContent(old.content(), now.content()) {
			m.fill(old.content(), []string{acc.key})
			m.From = addFrom(slices.DeleteFunc(slices.Clone(m.From), func(k string) bool { return k == now.rec.key }), acc.key)
			f.turned = append(f.turned, turned{element: m.ID, version: now})
		}
		return
	}
}
