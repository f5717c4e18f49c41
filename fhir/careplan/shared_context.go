package careplan

import (
	"slices"
	"time"
)

// Who had seen what. Source: careplan.md section 5.3.

// KindReceipt is the Kind of a record that is no message but the acknowledgement of a delivery: Key.Sender is the
// organisation that acknowledged, Seen the keys of the records that it had got with it. It states nothing.
const KindReceipt = "receipt"

// receiptLead is how long before it wrote a message a party must have acknowledged a delivery for its author to
// have seen it. Source: careplan.md section 5.3, context rule 3.
const receiptLead = 5 * time.Minute

// wrongWays switches merge rules off, one by one, for tests of the tests: a property that holds all the same
// cannot fail. The zero value is the only right one.
type wrongWays struct {
	noContext  bool // nobody has seen anything
	latestWins bool // everybody has seen all that is earlier
	rawSent    bool // the sender's clock is believed as it is
	anyOwner   bool // everybody may change a measure
}

// sight knows what the authors of records had seen. It outlives the visibility step: what was seen does not
// depend on who looks.
type sight struct {
	wrong wrongWays
	shown map[string][]shownTo // by organisation, oldest first
	named map[*rec]map[string]bool
	// gone are the statements that are overwritten.
	gone map[statedID]bool
	// over are the statements that each decision was about, see decidedOver.
	over map[statedID]map[statedID]bool
}

// shownTo is one acknowledged delivery.
type shownTo struct {
	at   time.Time
	keys map[string]bool
}

// sights takes the receipts out of the records, and works out on all live records, also those that a viewer may
// not see, which statements are overwritten: an overwritten value must not come back where the one that
// overwrote it is hidden.
func (v *liveness) sights(wrong wrongWays) *sight {
	s := &sight{wrong: wrong}
	if v.says&ofReceipt != 0 {
		s.receipts(v)
	}
	if v.says&ofStated != 0 {
		s.overwritten(v)
	}
	return s
}

// receipts moves the receipts out of the way: they are no part of what a plan shows.
func (s *sight) receipts(v *liveness) {
	s.shown = map[string][]shownTo{}
	for _, r := range v.recs {
		if r.Kind != KindReceipt {
			continue
		}
		got := shownTo{at: r.order, keys: make(map[string]bool, len(r.Seen))}
		if r.Receive.After(got.at) {
			got.at = r.Receive // the later of the two: nobody has seen more than they have
		}
		for _, k := range r.Seen {
			got.keys[k] = true
		}
		s.shown[r.Key.Sender] = append(s.shown[r.Key.Sender], got)
	}
	for _, list := range s.shown {
		slices.SortStableFunc(list, func(a, b shownTo) int { return a.at.Compare(b.at) })
	}
	receipt := func(r *rec) bool { return r.Kind == KindReceipt }
	v.lines = slices.DeleteFunc(v.lines, func(l *line) bool { return l.kind == KindReceipt })
	v.recs = slices.DeleteFunc(v.recs, receipt)
	v.keyed = slices.DeleteFunc(v.keyed, receipt)
	v.loose = slices.DeleteFunc(v.loose, receipt)
	v.dups = slices.DeleteFunc(v.dups, receipt)
}

// seen tells whether the author of t had seen s when writing t: the first rule that applies, and the
// earlier records of the same chain always.
func (s *sight) seen(t, of *rec) bool {
	switch {
	case t == of || s.wrong.noContext:
		return false
	case s.wrong.latestWins:
		return byOrder(of, t) < 0
	case t.line != nil && t.line == of.line:
		// The order of the chain, whatever the clocks say: an older version never has seen a newer one.
		return slices.Index(t.line.members, of) < slices.Index(t.line.members, t)
	case len(t.Seen) > 0: // If-Match, or a message that names the version it answers
		return s.names(t, of.key)
	case s.acknowledged(t, of.key):
		return true
	}
	// What an organisation wrote itself it has seen, whatever it acknowledged since.
	return of.Key.Sender == t.Key.Sender && s.earlier(of, t)
}

func (s *sight) earlier(a, b *rec) bool {
	if s.wrong.rawSent {
		return a.Sent.Before(b.Sent)
	}
	return byOrder(a, b) < 0
}

// names tells whether the record lists a key among those in the version it names.
func (s *sight) names(t *rec, key string) bool {
	if len(t.Seen) < 8 {
		return contains(t.Seen, key)
	}
	keys := s.named[t]
	if keys == nil {
		keys = make(map[string]bool, len(t.Seen))
		for _, k := range t.Seen {
			keys[k] = true
		}
		if s.named == nil {
			s.named = map[*rec]map[string]bool{}
		}
		s.named[t] = keys
	}
	return keys[key]
}

// acknowledged tells whether the sender of t had positively acknowledged a delivery of the record with this key
// well before it wrote t. The time of writing is the earlier of its clock and ours: a clock that runs ahead must
// not make it have seen what came later.
func (s *sight) acknowledged(t *rec, key string) bool {
	at := t.order
	if s.wrong.rawSent {
		at = t.Sent
	}
	limit := at.Add(-receiptLead)
	for _, got := range s.shown[t.Key.Sender] {
		if got.at.After(limit) {
			break
		}
		if got.keys[key] {
			return true
		}
	}
	return false
}

// overwrites: one live statement overwrites another on the same field that it has seen. Two that each claim to have
// seen the other (clocks or receipts are wrong) both stay.
func (s *sight) overwrites(t, of *rec) bool { return s.seen(t, of) && !s.seen(of, t) }

// overwritten finds the overwritten statements among all live ones.
func (s *sight) overwritten(v *liveness) {
	var byField map[string][]stated
	for _, l := range v.lines {
		for r := range l.standing() {
			for _, st := range r.statements() {
				if byField == nil {
					byField = map[string][]stated{}
				}
				byField[st.field] = append(byField[st.field], st)
			}
		}
	}
	for _, list := range byField {
		slices.SortFunc(list, func(a, b stated) int { return byOrder(a.rec, b.rec) })
		for _, st := range list {
			for i := len(list) - 1; i >= 0; i-- { // the latest has seen the most
				if s.overwrites(list[i].rec, st.rec) {
					if s.gone == nil {
						s.gone = map[statedID]bool{}
					}
					s.gone[st.id()] = true
					break
				}
			}
			if st.decides != nil {
				if s.over == nil {
					s.over = map[statedID]map[statedID]bool{}
				}
				s.over[st.id()] = s.decidedOver(list, &st)
			}
		}
	}
}

// decidedOver are the statements that the author of a decision had before them: those it had seen, without those
// that another it had seen overwrote.
func (s *sight) decidedOver(list []stated, d *stated) map[statedID]bool {
	var seen []*stated
	for i := range list {
		if s.seen(d.rec, list[i].rec) {
			seen = append(seen, &list[i])
		}
	}
	out := map[statedID]bool{}
next:
	for _, one := range seen {
		for i := len(seen) - 1; i >= 0; i-- { // the latest has seen the most
			if s.overwrites(seen[i].rec, one.rec) {
				continue next
			}
		}
		out[one.id()] = true
	}
	return out
}

// standing goes through the live records of a line in its order.
func (l *line) standing() func(yield func(*rec) bool) {
	return func(yield func(*rec) bool) {
		if l.head != nil && !yield(l.head) {
			return
		}
		for _, r := range l.added {
			if !yield(r) {
				return
			}
		}
	}
}
