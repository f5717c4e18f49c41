package careplan

import (
	"reflect"
	"slices"
	"strings"
)

// Kinds of Restriction, and the scope that covers everything.
const (
	kindForwarding  = "forwarding"
	kindReservation = "reservation"
	kindBlock       = "block"
	kindTeam        = "team"
	kindLabel       = "label"
	scopeAll        = "all"
)

// block is one limit on who may see what.
type block struct {
	blockFact
	span
	rec       *rec
	byPatient bool
}

// limit finds the limits in force: the union of all that live records set. One is lifted only by the same
// authority that set it, or by the patient; what the patient set, only by the patient. Setting it again later
// counts again. Source: careplan.md section 5.2, RESTRICT.
func (g *rights) limit(v *liveness) {
	var off []block
	for _, r := range g.live {
		for _, b := range r.facts.rights().Blocks {
			one := blockOf(b, r)
			if b.Off {
				off = append(off, one)
			} else {
				g.blocks = append(g.blocks, one)
			}
		}
	}
	named := map[string][]int{}
	for i, b := range g.blocks {
		if b.ID != "" {
			named[b.ID] = append(named[b.ID], i)
		}
	}
	lifted := map[int]bool{}
	for _, o := range off {
		any, mine := false, false
		for _, i := range named[o.ID] {
			b := &g.blocks[i]
			if byOrder(o.rec, b.rec) < 0 {
				continue
			}
			any = true
			if o.byPatient || !b.byPatient && o.rec.Key.Sender == b.rec.Key.Sender {
				lifted[i], mine = true, true
			}
		}
		if any && !mine {
			g.flag("lift-without-authority", "A limit is taken back by somebody who did not set it; it stays.", o.rec.key)
		}
	}
	var rest []block
	for i, b := range g.blocks {
		if !lifted[i] {
			rest = append(rest, b)
		}
	}
	g.blocks = rest
	for _, r := range v.recs {
		if facts := r.facts.rights(); facts != nil {
			for _, b := range facts.Blocks {
				g.marks = append(g.marks, blockOf(b, r))
			}
		}
	}
}

func blockOf(b blockFact, r *rec) block {
	return block{blockFact: b, span: spanOf(b.Start, b.End), rec: r, byPatient: r.has(rolePatient)}
}

// is tells whether an id is one of the viewer's own: a HER-id of either level, or the person.
func (v *Viewer) is(id string) bool { return contains(v.HER, id) || id != "" && id == v.Person }

func (v *Viewer) isAny(ids []string) bool { return slices.ContainsFunc(ids, v.is) }

// denies tells whether a limit is against the viewer; what it covers is another question. Nobody limits the
// patient, and a limit on everybody leaves out the organisation that recorded it.
func (b *block) denies(v *Viewer) bool {
	switch {
	case v.Patient || b.Kind == kindReservation || v.isAny(b.Allowed):
		return false
	case b.Kind == kindTeam:
		return true
	case len(b.Denied) == 0:
		return !v.is(b.rec.Key.Sender)
	}
	return v.isAny(b.Denied)
}

// denies is the same of a limit as it is listed.
func (r *Restriction) denies(v Viewer) bool {
	switch {
	case v.Patient || v.isAny(r.Allowed) || !v.At.IsZero() && !(span{r.Start, r.End}).holds(v.At):
		return false
	case r.Kind == kindTeam:
		return true
	case len(r.Denied) == 0:
		return !v.is(r.By)
	}
	return v.isAny(r.Denied)
}

// covers tells whether a limit is about a record. A document that it names is covered in every version.
func (b *block) covers(r *rec) bool {
	if b.Kind == kindReservation {
		return b.rec.key == r.key || r.line != nil && slices.ContainsFunc(r.line.members, func(m *rec) bool { return m.key == b.rec.key })
	}
	if len(b.Scopes) == 0 {
		return true
	}
	return slices.ContainsFunc(b.Scopes, func(s string) bool {
		kind, word, _ := strings.Cut(s, ":")
		switch kind {
		case "record":
			return r.named(word) || r.line != nil && slices.ContainsFunc(r.line.members, func(m *rec) bool { return m.named(word) })
		case "organisation":
			return r.Key.Sender == word || r.facts.From != nil && r.facts.From.Inner == word
		case "kind":
			return r.Kind == word
		case "topic":
			return r.about(word)
		}
		return true // a scope that is not known covers everything: the most restrictive wins
	})
}

// minTopic is how many letters a topic needs to be looked for inside texts. Unit: bytes; shorter ones are codes.
const minTopic = 4

// about tells whether a record says anything on a topic: a code, with or without its dot, or a word in any text.
func (r *rec) about(topic string) bool {
	code, word := plainCode(topic), strings.ToLower(topic)
	found := false
	eachText(reflect.ValueOf(r.facts), func(s string) {
		found = found || strings.EqualFold(plainCode(s), code) || len(word) >= minTopic && strings.Contains(strings.ToLower(s), word)
	})
	return found
}

// eachText gives every text that stands below a value, so that a field added later is found too.
func eachText(v reflect.Value, see func(string)) {
	switch v.Kind() {
	case reflect.String:
		if v.Len() > 0 {
			see(v.String())
		}
	case reflect.Pointer:
		if !v.IsNil() {
			eachText(v.Elem(), see)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachText(v.Index(i), see)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			eachText(v.Field(i), see)
		}
	}
}

// restrictions lists the limits in force to those whom they do not deny, as far as they see what is limited
// and the record that limits it.
func (f *fold) restrictions(g *rights) (out []Restriction) {
	if g != nil {
		for i := range g.blocks {
			b := &g.blocks[i]
			if r := f.counted(b.rec.key); r != nil {
				out = append(out, f.listed(b)...)
			}
		}
	}
	for r := range f.with(ofLimits) {
		if r.NoForwarding {
			out = append(out, r.kept(kindForwarding, ""))
		}
		if facts := r.facts.rights(); facts != nil {
			code := ""
			for _, l := range facts.Labels {
				code = max(code, l.Code) // V stands above R
			}
			if code != "" {
				out = append(out, r.kept(kindLabel, code))
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Restriction) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// kept is a limit that a record carries about itself: for its addressees only.
func (r *rec) kept(kind, reason string) Restriction {
	allowed := slices.Clone(r.Original)
	if !contains(allowed, r.Key.Sender) {
		allowed = append(allowed, r.Key.Sender)
	}
	slices.Sort(allowed)
	return Restriction{ID: shortID("restriction", kind, r.key), Kind: kind, Allowed: allowed, Scope: "record:" + r.key,
		By: r.Key.Sender, Reason: reason, From: []string{r.key}}
}

func (f *fold) listed(b *block) (out []Restriction) {
	if b.Kind == kindReservation {
		return []Restriction{b.rec.kept(kindReservation, b.Reason)}
	}
	scopes := b.Scopes
	if len(scopes) == 0 {
		scopes = []string{scopeAll}
	}
	for _, s := range scopes {
		if word, ok := strings.CutPrefix(s, "record:"); ok && f.o.Viewer != nil &&
			!slices.ContainsFunc(f.live, func(r *rec) bool { return r.named(word) }) {
			continue // naming a record that is not shown would tell of it
		}
		by := b.rec.Key.Sender
		if b.byPatient {
			by = rolePatient
		}
		out = append(out, Restriction{ID: shortID("restriction", b.Kind, first(b.ID, b.rec.key), b.rec.Key.Sender, s), Kind: b.Kind, Denied: b.Denied,
			Allowed: b.Allowed, Scope: s, By: by, Start: b.start, End: b.end, Reason: b.Reason, From: []string{b.rec.key}})
	}
	return out
}
