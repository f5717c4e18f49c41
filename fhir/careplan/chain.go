package careplan

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
)

// States of a record, as Source.State shows them.
const (
	stateLive       = "live"
	stateReplaced   = "replaced"
	stateWithdrawn  = "withdrawn"
	stateOrphan     = "orphan"
	stateDuplicate  = "duplicate-id"
	stateQuarantine = "quarantined"
)

// rec is one record during a fold. What follows from the record alone is worked out once and outlives the
// fold when a Folder keeps it; place is of one fold only.
type rec struct {
	*Record
	facts *content
	key   string
	order time.Time
	says  sorts
	own   []string // key alone: the sources of what only this record says. Lists of sources are never changed in place
	memo
	place
}

// place is what one fold finds out about a record.
type place struct {
	state string
	line  *line
	// parent is the record this one changes or withdraws, when it is known and on the same line.
	parent *rec
	// orphan: it names a parent that is not here yet.
	orphan bool
	// counts: it is live and the viewer may see it.
	counts bool
	// was: it counted in the fold before, see memory.
	was bool
	// ended: its conversation was withdrawn.
	ended bool
	// ring is the smallest member of the cycle of parents that it is part of; nil when it is in none.
	ring *rec
	// root is the record whose line it stands on.
	root *rec
	// child and sibling chain those that come after it on its line, while that is put in order.
	child, sibling *rec
	visited        bool
}

// read takes a record, with own as the list of its key alone.
func (r *rec) read(from *Record, own []string) {
	r.Record, r.facts, r.key, r.own, r.order = from, from.contents(), own[0], own, from.OrderTime()
	r.says = r.sorts()
}

// line is one conversation of one sender about one kind of message. The kind is part of it
// because some systems give all messages of a stay the same conversation: a discharge-ready
// notice must not replace the admission.
type line struct {
	lineName
	size    int    // how many members
	members []*rec // after linearise: in order
	head    *rec
	added   []*rec
	ender   *rec // the cancellation in force
	flags   []Flag
	next    *line // another with the same conversation
}

// lineName tells lines apart.
type lineName struct{ sender, conversation, kind string }

// count marks the live records of the line.
func (l *line) count() {
	if l.head != nil {
		l.head.counts = true
	}
	for _, r := range l.added {
		r.counts = true
	}
}

// liveness is the outcome of step 1: which records count.
type liveness struct {
	recs  []*rec // all but dropped duplicates, sorted by (order, key)
	keyed []*rec // the same, sorted by key
	says  sorts  // what any of them states
	lines []*line
	named map[string]*line // the same by conversation, the first of several
	dups  []*rec
	flags []Flag
	odd   []Flag // those of flags that are not of a line
	// loose are changes, additions and cancellations that name neither parent nor conversation.
	loose []*rec
	// senders counts by message id how many senders have one; made when it is first asked for.
	senders map[string]int
}

// settle works out the chains of all records. Source: careplan.md sections 4 and 5.1.
func settle(records []Record) *liveness { return newPile(records).settle() }

// settle works out the chains of the records of a pile.
func (p *pile) settle() *liveness {
	if p.kept != nil && p.kept.arrived() {
		return p.kept.v
	}
	v := &liveness{}
	v.dedupe(p)
	for _, r := range v.recs {
		v.link(r)
	}
	v.group()
	for _, l := range v.lines {
		l.linearise()
		l.scan()
	}
	v.gatherFlags()
	if p.kept != nil {
		p.kept.anew(v)
	}
	return v
}

// find gives the record with a key; nil when there is none.
func (v *liveness) find(k Key) *rec {
	at, found := slices.BinarySearchFunc(v.keyed, k, func(r *rec, k Key) int {
		return cmp.Or(compareKey(r.key, k), strings.Compare(r.Key.Sender, k.Sender))
	})
	if !found {
		return nil
	}
	return v.keyed[at]
}

// compareKey compares the text of a key with that of k, without making it.
func compareKey(text string, k Key) int {
	n := min(len(text), len(k.Sender))
	switch c := strings.Compare(text[:n], k.Sender[:n]); {
	case c != 0:
		return c
	case n < len(k.Sender) || n == len(text):
		return -1
	}
	return cmp.Or(cmp.Compare(text[n], '/'), strings.Compare(text[n+1:], k.MessageID))
}

// byKey finds a record by the text of its key, in a list sorted by key; nil when there is none.
func byKey(keyed []*rec, key string) *rec {
	at, found := slices.BinarySearchFunc(keyed, key, func(r *rec, key string) int { return strings.Compare(r.key, key) })
	if !found {
		return nil
	}
	return keyed[at]
}

// gatherFlags tells what is odd, without what was odd about conversations that were withdrawn: nothing of
// them is left to be odd. A withdrawal of something that never came stays flagged.
func (v *liveness) gatherFlags() {
	v.flags = slices.Clone(v.odd)
	for _, l := range v.lines {
		v.flags = append(v.flags, l.flags...)
	}
	if len(v.flags) == 0 {
		return
	}
	for _, l := range v.lines {
		if l.ender == nil {
			continue
		}
		for _, r := range l.members {
			r.ended = r.Chain.Op != samvirke.OpCancel || !r.orphan
		}
	}
	v.flags = slices.DeleteFunc(v.flags, func(f Flag) bool {
		if f.Code == "message-id-reused" || f.Code == "after-withdrawal" {
			return false
		}
		return !slices.ContainsFunc(f.From, func(k string) bool {
			r := byKey(v.keyed, k)
			return r == nil || !r.ended
		})
	})
}

// dedupe keeps one record per key: the earliest received, on a tie the smallest hash. Others
// with the same hash are repeats and vanish; others with another hash are kept aside and flagged.
func (v *liveness) dedupe(p *pile) {
	for _, r := range p.keyed {
		r.place = place{state: stateDuplicate}
	}
	all := mappedAgain(p.keyed)
	v.keyed = make([]*rec, 0, len(all))
	for i := 0; i < len(all); {
		win := all[i]
		win.state = stateLive
		v.keyed = append(v.keyed, win)
		var seen []string
		for i++; i < len(all) && all[i].Key == win.Key; i++ {
			d := all[i]
			if d.Hash == win.Hash || contains(seen, d.Hash) {
				continue
			}
			seen = append(seen, d.Hash)
			v.dups = append(v.dups, d)
			v.odd = append(v.odd, Flag{Code: "message-id-reused", From: []string{win.key},
				Text: "Another message with the same id and other content was set aside."})
		}
	}
	v.recs = make([]*rec, 0, len(v.keyed))
	for _, r := range p.timed {
		if r.state == stateLive {
			v.recs = append(v.recs, r)
			v.says |= r.says
		}
	}
}

// mappedAgain keeps one record of a message that was mapped more than once: that of the latest mapping.
// It is the same message of this gateway, so it is no reuse of an id. all is sorted by key and not changed.
func mappedAgain(all []*rec) []*rec {
	twice := false
	for i := 1; i < len(all) && !twice; i++ {
		twice = all[i].Key == all[i-1].Key
	}
	if !twice {
		return all
	}
	out := make([]*rec, 0, len(all))
	for i := 0; i < len(all); {
		first := len(out)
		key := all[i].Key
	next:
		for ; i < len(all) && all[i].Key == key; i++ {
			for j := first; j < len(out); j++ {
				if all[i].MessageID == "" || out[j].MessageID != all[i].MessageID || !out[j].Receive.Equal(all[i].Receive) {
					continue
				}
				if out[j].Mapping < all[i].Mapping {
					out[j] = all[i]
				}
				continue next
			}
			out = append(out, all[i])
		}
	}
	return out
}

func byOrder(a, b *rec) int {
	if c := a.order.Compare(b.order); c != 0 {
		return c
	}
	return strings.Compare(a.key, b.key)
}

// link finds a record's parent and sets foreign changes and loose ones apart.
func (v *liveness) link(r *rec) {
	if r.Chain.Parent != "" {
		r.parent = v.find(Key{r.Key.Sender, r.Chain.Parent})
	}
	if r.Chain.Op == samvirke.OpNew {
		return
	}
	target := first(r.Chain.Parent, r.Chain.Conversation)
	switch {
	case target == "":
		r.flag(&v.odd, "no-parent", "A change or withdrawal names no earlier message.")
		v.loose = append(v.loose, r)
	case r.parent == nil && v.find(Key{r.Key.Sender, target}) == nil && v.elsewhere(target):
		r.state = stateQuarantine
		r.flag(&v.odd, "foreign-change", "A change or withdrawal names a message of another organisation; it has no effect.")
	case r.Chain.Parent == "" && !byDocument(r.Kind):
		r.flag(&v.odd, "no-parent", "A change or withdrawal does not name the message it acts on, only the conversation.")
	case r.Chain.Parent != "" && r.parent == nil:
		r.orphan = true
		r.flag(&v.odd, "orphan", "A change or withdrawal names a message that has not arrived.")
	}
}

// elsewhere tells whether any sender has a message with this id.
func (v *liveness) elsewhere(id string) bool {
	if v.senders == nil {
		v.senders = make(map[string]int, len(v.recs))
		for _, r := range v.recs {
			v.senders[r.Key.MessageID]++
		}
	}
	return v.senders[id] > 0
}

func (r *rec) flag(to *[]Flag, code, text string) {
	*to = append(*to, Flag{Code: code, Text: text, From: []string{r.key}})
}

// byDocument tells kinds that are chained by the id of the document, without references
// between messages. Source: standards/no README sections 4 and 6.
func byDocument(kind string) bool { return kind == "EPIKRISE" || kind == "HENVISNING" }

// group sorts records into lines. A record stands on the line of the record it acts on.
func (v *liveness) group() {
	v.findRings()
	v.named = make(map[string]*line, len(v.keyed))
	room := make([]line, len(v.keyed)) // one piece for all
	for _, r := range v.keyed {        // by key: the lines come out nearly sorted
		if r.state == stateQuarantine {
			continue
		}
		k := r.lineNamed()
		l := v.line(k)
		if l == nil {
			l, room = &room[0], room[1:]
			v.addLine(l, k)
			v.lines = append(v.lines, l)
		}
		l.size++
		r.line = l
	}
	places := make([]*rec, len(v.recs))
	for _, r := range v.recs {
		l := r.line
		if l == nil {
			continue
		}
		if l.members == nil {
			l.members, places = places[:0:l.size], places[l.size:]
		}
		l.members = append(l.members, r)
	}
	slices.SortFunc(v.lines, byLineName)
}

// line finds a line; nil when there is none.
func (v *liveness) line(k lineName) *line {
	l := v.named[k.conversation]
	for l != nil && l.lineName != k {
		l = l.next
	}
	return l
}

func (v *liveness) addLine(l *line, k lineName) {
	l.lineName, l.next = k, v.named[k.conversation]
	v.named[k.conversation] = l
}

func byLineName(a, b *line) int {
	if c := strings.Compare(a.sender, b.sender); c != 0 {
		return c
	}
	if c := strings.Compare(a.conversation, b.conversation); c != 0 {
		return c
	}
	return strings.Compare(a.kind, b.kind)
}
