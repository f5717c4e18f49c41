package careplan

import (
	"slices"
)

// memory is what a Folder remembers of its last fold, so that the next one does again only what further records
// may have changed. It is no second way of folding: a step either runs as it does in Fold, or goes on where it
// stood with the records that came, or is taken as it was because nothing that it reads is another.
type memory struct {
	v     *liveness // nil when nothing is remembered
	fresh []*rec    // that came since
	// arrivals are those that this fold took in.
	arrivals []*rec
	named    map[string]bool // ids that records name as an earlier message or a conversation

	all     bool              // everything may be another
	touched sorts             // what the records state whose conversation is another than before
	lost    sorts             // what those state that no longer count
	came    []*rec            // that began to count, in order
	gone    []*rec            // that no longer do
	settled []*rec            // whose line was settled again
	live    []*rec            // all that count, in order
	keyed   []*rec            // the same, by key
	says    sorts             // what any of them states, or stated
	beside  bool              // one that does not count came, or is another
	byText  map[string]*rec   // all records of v, by key
	sources map[string]Source // of the last plan
	history []Source          // likewise
	more    bool              // a record states something that only few do

	lists        sourceLists // of this fold
	room         saying
	patient      string
	identifier   []string // who names the person so
	words        [wordsOfPerson]keptWord
	team         teamFold
	stays        keptStays
	items        keptItems
	function     keptFunction
	sameFunction bool // function was taken as it was
	answers      keptAnswers
	same         []SameAs
	between      keptDisagreements
	rules        [numberOfRules]keptRule
}

// remarks is what a step said beside the lists that it made.
type remarks struct {
	flags []Flag
	tasks []Task
	gaps  []Gap
}

// anew remembers chains that were worked out from all records.
func (k *memory) anew(v *liveness) {
	*k = memory{v: v, all: true, named: make(map[string]bool, len(v.recs)), byText: make(map[string]*rec, len(v.recs))}
	for _, r := range v.recs {
		k.name(r)
	}
}

// forget makes the next fold a whole one.
func (k *memory) forget() {
	if k != nil {
		k.v = nil
	}
}

func (k *memory) name(r *rec) {
	for _, id := range [...]string{r.Chain.Parent, r.Chain.Conversation} {
		if id != "" && id != r.Key.MessageID {
			k.named[id] = true
		}
	}
	k.more = k.more || r.facts.More != nil
	k.byText[r.key] = r
}

// arrived takes the fresh records into the chains. It gives false when these have to be worked out from all records.
func (k *memory) arrived() bool {
	k.arrivals, k.fresh = k.fresh, k.fresh[:0:0]
	k.all, k.touched, k.lost, k.came, k.gone, k.settled, k.beside, k.lists = false, 0, 0, nil, nil, nil, false, sourceLists{}
	if k.v == nil {
		return false
	}
	for _, r := range k.arrivals {
		if !k.arrive(r) {
			return false
		}
	}
	k.v.gatherFlags()
	return true
}

// arrive takes one record into the chains and settles its own line again. It gives false when the record may matter to
// other lines: another one names it already, its key was used before, or it says who had seen or may see what.
func (k *memory) arrive(r *rec) bool {
	v, id := k.v, r.Key.MessageID
	if k.named[id] || r.Chain.Parent == id || r.says&ofReceipt != 0 || r.says&ofRights != 0 || byKey(v.keyed, r.key) != nil {
		return false
	}
	k.name(r)
	r.place = place{state: stateLive}
	v.keyed, _ = insert(v.keyed, r, byIdentity)
	v.recs, _ = insert(v.recs, r, byOrder)
	if v.senders != nil {
		v.senders[id]++
	}
	v.link(r)
	v.says |= r.says
	k.touched |= r.says
	if r.state == stateQuarantine {
		k.beside = true
		return true
	}
	name := r.lineNamed()
	l := v.line(name)
	if l == nil {
		l = &line{}
		v.addLine(l, name)
		v.lines, _ = insert(v.lines, l, byLineName)
	}
	r.line = l
	l.members = append(slices.Clip(l.members), r)
	l.size++
	l.head, l.added, l.ender, l.flags = nil, nil, nil, nil
	for _, m := range l.members {
		m.counts, m.ended, m.child, m.sibling = false, false, nil, nil
		k.touched |= m.says
	}
	k.settled = append(k.settled, l.members...)
	l.linearise()
	l.scan()
	l.count()
	return true
}

// insert puts x into its place in a sorted list, unless it is there.
func insert[T any](list []T, x T, order func(a, b T) int) ([]T, bool) {
	at, found := slices.BinarySearchFunc(list, x, order)
	if found {
		return list, false
	}
	return slices.Insert(list, at, x), true
}

// unchanged tells whether nothing that a step reads is another than in the last fold.
func (k *memory) unchanged(reads sorts) bool { return k != nil && !k.all && k.touched&reads == 0 }

// goesOn gives the records that came with certain facts, when those may be added to what was there: none was
// lost, and all are later than those before.
func (k *memory) goesOn(reads sorts, last *rec) (came []*rec, ok bool) {
	if k == nil || k.all || k.lost&reads != 0 || k.touched&ofMore != 0 {
		return nil, false
	}
	for _, r := range k.came { // in order
		if r.says&reads == 0 {
			continue
		}
		if last != nil && byOrder(r, last) < 0 {
			return nil, false
		}
		came = append(came, r)
	}
	return came, true
}

// latestOf is the last of some records with certain facts.
func latestOf(list []*rec, reads sorts) *rec {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].says&reads != 0 {
			return list[i]
		}
	}
	return nil
}

// counts is how much had been said before a step.
type counts struct{ flags, tasks, gaps int }

func (f *fold) mark() counts { return counts{len(f.p.Flags), len(f.p.Tasks), len(f.p.Gaps)} }

// since is what has been said since; later steps do not change it, since the copies are its own.
func (f *fold) since(m counts) remarks {
	return remarks{slices.Clone(f.p.Flags[m.flags:]), slices.Clone(f.p.Tasks[m.tasks:]), slices.Clone(f.p.Gaps[m.gaps:])}
}

// drop takes back what has been said since.
func (f *fold) drop(m counts) {
	f.p.Flags, f.p.Tasks, f.p.Gaps = f.p.Flags[:m.flags], f.p.Tasks[:m.tasks], f.p.Gaps[:m.gaps]
}

// add takes in what else was said.
func (s *remarks) add(o remarks) {
	s.flags, s.tasks, s.gaps = append(slices.Clip(s.flags), o.flags...), append(slices.Clip(s.tasks), o.tasks...), append(slices.Clip(s.gaps), o.gaps...)
}

// repeat says it again.
func (f *fold) repeat(s *remarks) {
	f.p.Flags, f.p.Tasks, f.p.Gaps = append(f.p.Flags, s.flags...), append(f.p.Tasks, s.tasks...), append(f.p.Gaps, s.gaps...)
}
