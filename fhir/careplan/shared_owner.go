package careplan

import (
	"maps"
	"slices"
)

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
		if r.says&ofMeasures == 0 || !r.counts && r.state != stateReplaced {
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

// acceptance is the record with which an organisation took a measure on; nil when it does not carry it.
func acceptance(list []given, owner string) *rec {
	all, _ := takers(list)
	for _, t := range all {
		if t.accepted.Key.Sender == owner {
			return t.accepted
		}
	}
	return nil
}

// takenUp keeps what somebody else accepted and its requester then replaced: it is not the requester's any more.
// It gives the answers that are about no measure, replaced ones included.
func (f *fold) takenUp(byMeasure map[string][]given, aside []given) (left []given) {
	names := map[string]target{}
	replaced := map[string][]version{} // by the id of the first version
	for _, l := range f.lines {
		if l.ender == nil && l.head != nil && len(l.members) > 1 {
			f.replaced(l, names, replaced)
		}
	}
	about := map[string][]given{}
	for _, g := range aside {
		if id := resolveAnswer(names, g.answer); id != "" {
			about[id] = append(about[id], g)
		} else {
			left = append(left, g)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(about)) {
		requester := replaced[id][0].rec.Key.Sender
		own, taken := split(about[id], requester)
		left = append(left, own...)
		// A requester that carries it itself, and did so first, may also drop it: who accepts after that comes second
		// or to nothing, whether it is stated again or not.
		if owners, _ := takers(about[id]); len(owners) > 0 && owners[0].accepted.Key.Sender != requester {
			f.keep(asTaken(replaced[id], taken, owners[0].accepted), taken, byMeasure)
		} else {
			left = append(left, taken...)
		}
	}
	slices.SortStableFunc(left, func(a, b given) int { return byOrder(a.rec, b.rec) })
	return left
}

// split parts answers into those of one organisation and those of all others.
func split(list []given, org string) (own, others []given) {
	for _, g := range list {
		if g.rec.Key.Sender == org {
			own = append(own, g)
		} else {
			others = append(others, g)
		}
	}
	return own, others
}

// replaced notes the measures of a line that its live messages do not state any more, under all their names.
func (f *fold) replaced(l *line, names map[string]target, out map[string][]version) {
	var ids []string
	for _, v := range versionsOf(l) {
		if _, live := f.versionAt(v.id, l); live {
			continue
		}
		id := v.id
		for _, k := range ids {
			if slices.ContainsFunc(out[k], func(o version) bool { return sameMeasure(o, v) }) {
				id = k
				break
			}
		}
		if out[id] == nil {
			ids = append(ids, id)
		}
		out[id] = append(out[id], v)
		addName(names, v.id, id)
		for _, n := range v.rec.namesOfMeasure(v.at) {
			addName(names, n, id)
		}
	}
}

// asTaken is the version that was accepted: the one named, else the newest at that time, or the first when all are
// later. The list is in the order of the line.
func asTaken(list []version, answers []given, acc *rec) version {
	out := list[0]
	for _, v := range list {
		for _, g := range answers {
			if g.rec == acc && g.Ref != "" && g.Ref == v.content().Ref {
				return v
			}
		}
		if byOrder(v.rec, acc) <= 0 {
			out = v
		}
	}
	return out
}

// keep puts a replaced measure back that somebody carries.
func (f *fold) keep(v version, list []given, byMeasure map[string][]given) {
	var acc []string
	owners, _ := takers(list)
	for _, t := range owners {
		acc = addFrom(acc, t.accepted.key)
	}
	c := v.content()
	m := Measure{ID: v.id, Kind: c.Kind, Status: "requested", Requester: v.rec.Key.Sender, From: acc}
	m.fill(c, acc)
	byMeasure[v.id] = list
	// Another version that has an identifier in common is the requester's wish now, no measure of its own.
	now := slices.IndexFunc(f.p.Measures, func(o Measure) bool {
		at, ok := f.versionAt(o.ID, v.line)
		return ok && sameMeasure(at, v)
	})
	if now < 0 {
		f.restsOn(v)
		f.p.Measures = append(f.p.Measures, m)
		f.turned = append(f.turned, turned{v.id, version{rec: v.line.head, at: -1}})
		return
	}
	id := f.p.Measures[now].ID
	both := slices.Concat(byMeasure[id], list)
	slices.SortStableFunc(both, func(a, b given) int { return byOrder(a.rec, b.rec) })
	if slices.ContainsFunc(owners, func(t taker) bool { return acceptance(byMeasure[id], t.accepted.Key.Sender) != nil }) {
		byMeasure[id] = both // it accepted the newer content too
		return
	}
	w, _ := f.versionAt(id, v.line)
	byMeasure[v.id] = both
	f.restsOn(v)
	f.p.Measures[now] = m
	f.turned = append(f.turned, turned{v.id, w})
}

// restsOn notes which version an accepted measure has its content from.
func (f *fold) restsOn(v version) {
	if f.base == nil {
		f.base = map[string]*rec{}
	}
	f.base[v.id] = v.rec
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

// acceptedContent shows of every measure that somebody carries the content that was accepted, under the id it had:
// what its requester changed after that is a proposal.
func (f *fold) acceptedContent() {
	if len(f.given) == 0 {
		return
	}
	for _, l := range f.lines {
		if l.head == nil || len(l.members) < 2 || l.ender != nil {
			continue
		}
		versions := versionsOf(l)
		for i, v := range versions {
			if !v.rec.counts {
				continue
			}
			owners, _ := takers(f.given[v.id])
			if len(owners) == 0 {
				continue
			}
			if acc := owners[0].accepted; acc.Key.Sender != l.sender {
				f.asAccepted(v, asTaken(versionsLike(versions[:i+1], v), f.given[v.id], acc), acc)
			}
		}
	}
}

// versionsLike are the versions of one measure.
func versionsLike(all []version, v version) (out []version) {
	for _, o := range all {
		if sameMeasure(o, v) {
			out = append(out, o)
		}
	}
	return out
}

// asAccepted gives a measure the content it had when it was accepted, when that was another.
func (f *fold) asAccepted(now, old version, acc *rec) {
	at := slices.IndexFunc(f.p.Measures, func(m Measure) bool { return m.ID == now.id })
	if at >= 0 && old.rec == now.rec && byOrder(old.rec, acc) > 0 {
		f.restsOn(old) // stated anew after a withdrawal: what its owner wrote before that was of the old one
	}
	if at < 0 || old.rec == now.rec || sameContent(old.content(), now.content()) {
		return
	}
	m := &f.p.Measures[at]
	m.fill(old.content(), []string{acc.key})
	m.ID, m.From = old.id, []string{acc.key}
	f.restsOn(old)
	f.given[old.id] = f.given[now.id]
	f.turned = append(f.turned, turned{element: m.ID, version: now})
}
