package careplan

import (
	"cmp"
	"slices"
	"strings"
)

// pile is a set of records in the two orders that a fold reads them in.
type pile struct {
	keyed []*rec // repeats and other readings of one message side by side
	timed []*rec // by (order, key)
}

func newPile(records []Record) *pile {
	recs := make([]rec, len(records))
	p := &pile{keyed: make([]*rec, len(recs)), timed: make([]*rec, len(recs))}
	for i := range recs {
		recs[i].read(&records[i])
		p.keyed[i], p.timed[i] = &recs[i], &recs[i]
	}
	slices.SortFunc(p.keyed, byIdentity)
	slices.SortFunc(p.timed, byOrder)
	return p
}

// add puts one more record in its places.
func (p *pile) add(r *rec) {
	at, _ := slices.BinarySearchFunc(p.keyed, r, byIdentity)
	p.keyed = slices.Insert(p.keyed, at, r)
	at, _ = slices.BinarySearchFunc(p.timed, r, byOrder)
	p.timed = slices.Insert(p.timed, at, r)
}

// byIdentity puts the messages with one key side by side, the one that counts first.
func byIdentity(a, b *rec) int {
	if c := strings.Compare(a.key, b.key); c != 0 {
		return c
	}
	return cmp.Or(strings.Compare(a.Key.Sender, b.Key.Sender), a.Receive.Compare(b.Receive),
		strings.Compare(a.Hash, b.Hash), strings.Compare(a.MessageID, b.MessageID), strings.Compare(a.Mapping, b.Mapping))
}

// memo is what follows from one record and the name of its line, whatever stands beside it. It is worked
// out when it is first asked for.
type memo struct {
	on       lineName // the line that the ids are of
	measures []string // ids, see measureIDs
	// measureNames are the words by which an answer may name each measure, other than its id.
	measureNames [][]string
	events       []stayEvent // see eventsOf
	hasEvents    bool
}

// onLine forgets what was worked out for another line.
func (r *rec) onLine() *memo {
	if r.on != r.line.lineName {
		r.on, r.measures = r.line.lineName, nil
	}
	return &r.memo
}
