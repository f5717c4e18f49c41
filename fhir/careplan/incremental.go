package careplan

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// Folder keeps one person's records as a fold reads them, for bringing a plan up to date record by record:
// what is known of each record alone, its place among the others, and nothing that a fold finds out. The plan
// comes out of the same steps as Fold's, so it has the same bytes whatever the order of the records, their
// batches, and restarts in between: after one, give a new Folder the records again.
//
// It holds the records decoded, several times what Packed takes, so it is for many records of one person and not
// for many persons. It serves one caller at a time.
type Folder struct {
	o    Options
	all  []Record // when the options may leave some out
	pile pile
	plan *Plan // nil after a further record
}

// NewFolder makes a Folder without records that folds as the options say.
func NewFolder(o Options) *Folder {
	f := &Folder{o: o}
	if o.Viewer == nil { // what may be seen hangs on all records
		f.pile.kept = &memory{}
	}
	return f
}

// Apply takes further records, in any order and also again. They must stay as they are (those of a Scratch
// do not) and are not changed.
func (f *Folder) Apply(records ...Record) {
	for i := range records {
		whole := &struct { // one piece
			rec
			from Record
		}{from: records[i]}
		r := &whole.rec
		r.read(&whole.from, []string{whole.from.Key.String()})
		if !f.pile.add(r) {
			continue
		}
		if f.plan = nil; f.o.chooses() {
			f.all = append(f.all, whole.from)
		}
	}
}

// Len is the number of records that are kept.
func (f *Folder) Len() int { return len(f.pile.keyed) }

// Plan computes the plan of all records that were applied. It is not to be changed; it stays as it is when further
// records are applied.
func (f *Folder) Plan() *Plan {
	if f.plan != nil {
		return f.plan
	}
	o := f.o // choose may note in it what it found
	if !o.chooses() {
		f.plan = f.pile.fold(o)
	} else if chosen := o.choose(f.all); len(chosen) != len(f.all) {
		f.plan = newPile(chosen).fold(o)
	} else {
		f.plan = f.pile.fold(o)
	}
	return f.plan
}

// pile is a set of records in the two orders that a fold reads them in.
type pile struct {
	keyed []*rec  // repeats and other readings of one message side by side
	timed []*rec  // by (order, key)
	kept  *memory // of the last fold; nil for a pile that is folded once
}

func newPile(records []Record) *pile {
	recs, lists := make([]rec, len(records)), make([]*rec, 2*len(records)) // one piece for all
	keys := keysIn(records)
	p := &pile{keyed: lists[:len(recs):len(recs)], timed: lists[len(recs):]}
	for i := range recs {
		recs[i].read(&records[i], keys[i:i+1:i+1])
		p.keyed[i], p.timed[i] = &recs[i], &recs[i]
	}
	slices.SortFunc(p.keyed, byIdentity)
	slices.SortFunc(p.timed, byOrder)
	return p
}

// keysIn gives the keys of records as text, in one piece.
func keysIn(records []Record) []string {
	size := 0
	for i := range records {
		size += len(records[i].Key.Sender) + len("/") + len(records[i].Key.MessageID)
	}
	var all strings.Builder
	all.Grow(size)
	for i := range records {
		k := &records[i].Key
		all.WriteString(k.Sender)
		all.WriteByte('/')
		all.WriteString(k.MessageID)
	}
	text, keys := all.String(), make([]string, len(records))
	for i := range records {
		n := len(records[i].Key.Sender) + len("/") + len(records[i].Key.MessageID)
		keys[i], text = text[:n], text[n:]
	}
	return keys
}

// add puts one more record in its places. It is not taken, and false comes back, when it is there already.
func (p *pile) add(r *rec) bool {
	var further bool
	if p.keyed, further = insert(p.keyed, r, byIdentity); !further {
		return false
	}
	at, _ := slices.BinarySearchFunc(p.timed, r, byOrder)
	p.timed = slices.Insert(p.timed, at, r) // also beside one with the same key
	if p.kept != nil {
		p.kept.fresh = append(p.kept.fresh, r)
	}
	return true
}

// byIdentity puts the messages with one key side by side, the one that counts first. Only records that are the same
// throughout are equal: two of one message, as a gateway reads it before and after its configuration is changed, must
// not stand in the order in which they happened to come.
func byIdentity(a, b *rec) int {
	if c := strings.Compare(a.key, b.key); c != 0 {
		return c
	}
	if a.Record == b.Record {
		return 0
	}
	if c := cmp.Or(strings.Compare(a.Key.Sender, b.Key.Sender), a.Receive.Compare(b.Receive),
		strings.Compare(a.Hash, b.Hash), strings.Compare(a.MessageID, b.MessageID), strings.Compare(a.Mapping, b.Mapping)); c != 0 {
		return c
	}
	return bytes.Compare(a.AppendJSON(nil), b.AppendJSON(nil))
}

// memo is what follows from one record and the name of its line, whatever stands beside it. It is worked
// out when it is first asked for.
type memo struct {
	on       *line    // the line that the ids are of
	measures []string // ids, see measureIDs
	// measureNames are the words by which an answer may name each measure, other than its id.
	measureNames [][]string
	panels       []*judged   // what each panel says, see judge
	events       []stayEvent // see eventsOf
	hasEvents    bool
}

// onLine forgets what was worked out for another line.
func (r *rec) onLine() *memo {
	if r.on != r.line {
		if r.on == nil || r.on.lineName != r.line.lineName {
			r.measures = nil
		}
		r.on = r.line
	}
	return &r.memo
}
