package careplan

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Fold computes the plan of one person from all their records, in any order, with repeats.
// It never fails: what is odd is flagged. The records are not changed.
//
// All records must be about one person; the caller knows who belongs together.
func Fold(records []Record) *Plan { return FoldWith(records, Options{}) }

// FoldFor computes the plan as one viewer may see it, in the order that careplan.md section 8
// demands: what counts is settled on all records, then what the viewer may not see is dropped
// (a hidden message hides its whole conversation: an older version never comes back), and
// everything derived comes from the rest only.
func FoldFor(records []Record, viewer Viewer) *Plan {
	return FoldWith(records, Options{Viewer: &viewer})
}

// FoldWith computes a plan like Fold, as the options say.
func FoldWith(records []Record, o Options) *Plan {
	chosen := o.choose(records) // which may note in o what it found
	return newPile(chosen).fold(o)
}

// fold computes the plan of the records of a pile, which only one fold may use at a time.
func (p *pile) fold(o Options) *Plan {
	v, g := p.settled()
	seen := v.sights(o.wrong) // on all records: an overwritten value stays so where the newer one is hidden
	if seen.shown != nil {
		p.kept.forget() // the receipts were taken out of the chains
	}
	v.limits(&o, g)
	f := &fold{p: &Plan{}, o: o, kept: p.kept, lines: v.lines, loose: v.loose}
	f.sight = seen
	f.count(v)
	f.begin(v.flags)
	f.takeSubject(v, g)
	f.person()
	f.takeTeam()
	f.takeStays()
	f.takeItems()
	f.takeFunction()
	f.takeAnswers()
	f.course()
	f.changes(f.aside)
	f.shared(v)
	f.takeSame()
	f.looseTasks()
	f.gaps()
	f.rights(v, g)
	f.sources(v)
	f.sortLists()
	if o.Viewer != nil {
		f.p.narrow(o.Viewer)
	}
	return f.p
}

// fold is a plan in the making.
type fold struct {
	p     *Plan
	o     Options
	kept  *memory // nil when nothing is remembered
	lines []*line
	live  []*rec // by (order, key)
	says  sorts  // what any of them states
	keyed []*rec // the same, by key
	// everybody are the keys of all of them; made when it is first asked for.
	everybody []string
	byText    map[string]*rec // the same; made when one is first asked for
	loose     []*rec
	stayList  []*stay
	stayed    *keptStays // where a Folder keeps the stays that are being folded
	sharedFold
	members []Membership // every period that a live record states
	wished  []wish       // of others' part in the team
	listing
	anew bool // see also
	assessing
	room     assessingRoom
	latest   latestStay
	reports  map[string][]*rec    // of admission and discharge, by kind; made when they are first asked for
	begun    []time.Time          // when the stays began that count, in order; likewise
	assessed map[string]time.Time // when an owner last assessed function; made when it is first asked for
}

// count lists the records that count.
func (f *fold) count(v *liveness) {
	k := f.kept
	if k != nil && !k.all {
		k.recount()
		f.live, f.keyed, f.says = k.live, k.keyed, k.says
		return
	}
	for _, l := range v.lines {
		l.count()
	}
	f.live, f.keyed = make([]*rec, 0, len(v.recs)), make([]*rec, 0, len(v.recs))
	for _, r := range v.recs {
		if r.counts {
			f.live, f.says = append(f.live, r), f.says|r.says
		}
	}
	for _, r := range v.keyed {
		if r.counts {
			f.keyed = append(f.keyed, r)
		}
	}
	if k != nil {
		k.live, k.keyed, k.says = f.live, f.keyed, f.says
		for _, r := range v.recs {
			r.was = r.counts
		}
	}
}

// fewRecords is how many are searched faster than a map of them is made.
const fewRecords = 64

// counted gives the live record with a key; nil when there is none.
func (f *fold) counted(key string) *rec {
	if len(f.keyed) <= fewRecords {
		return byKey(f.keyed, key)
	}
	if f.kept != nil && f.kept.v != nil {
		if r := f.kept.byText[key]; r != nil && r.counts {
			return r
		}
		return nil
	}
	if f.byText == nil {
		f.byText = make(map[string]*rec, len(f.keyed))
		for _, r := range f.keyed {
			f.byText[r.key] = r
		}
	}
	return f.byText[key]
}

func (f *fold) flag(code, text string, from ...string) {
	slices.Sort(from)
	f.p.Flags = append(f.p.Flags, Flag{Code: code, Text: text, From: slices.Compact(from)})
}

func (f *fold) task(rule, text, to, status string, from ...string) {
	f.p.Tasks = append(f.p.Tasks, Task{ID: shortID("task", append([]string{rule}, from...)...), Text: text, For: to, Status: status, Rule: rule, From: from})
}

func (f *fold) value(text string, from ...string) *Value {
	if text == "" {
		return nil
	}
	return &Value{Text: text, From: from}
}

// subject names the person: a national number before any other, then the smallest.
func (f *fold) subject(recs []*rec) {
	for _, r := range recs {
		about := r.Subject
		if isCancel(r.Chain.Op) && r.parent != nil {
			about = r.parent.Subject // a withdrawal of a link may name either person
		}
		if about != f.p.Patient && better(about, f.p.Patient) {
			f.p.Patient = about
		}
	}
}

func (f *fold) sources(v *liveness) {
	f.p.Sources = f.liveSources()
	for r := range f.with(ofLimits) {
		f.p.Restricted = f.p.Restricted || r.NoForwarding
	}
	f.p.History = f.history(v)
}

// history are the records that do not count; they are remembered while none is another.
func (f *fold) history(v *liveness) []Source {
	k := f.kept
	if k != nil && !k.all && !k.beside {
		return k.history
	}
	var list []Source
	if n := len(v.recs) - len(f.live) + len(v.dups); n > 0 {
		list = make([]Source, 0, n)
	}
	for _, r := range v.recs {
		if !r.counts {
			list = append(list, r.source())
		}
	}
	for _, r := range v.dups {
		list = append(list, r.source())
	}
	slices.SortFunc(list, func(a, b Source) int {
		return cmp.Or(minTime(a).Compare(minTime(b)), strings.Compare(a.Key, b.Key), strings.Compare(a.State, b.State),
			a.Received.Compare(b.Received))
	})
	if k != nil {
		k.history = list
	}
	return list
}

// liveSources are the live records; when they are remembered, those whose state may be another are looked at.
func (f *fold) liveSources() map[string]Source {
	k := f.kept
	if k == nil || k.all || k.sources == nil {
		out := make(map[string]Source, len(f.live)+1)
		for _, r := range f.live {
			out[r.key] = r.source()
		}
		if k != nil {
			k.sources = out
		}
		return out
	}
	out := maps.Clone(k.sources) // the plan before keeps its own
	for _, r := range k.settled {
		if r.counts {
			out[r.key] = r.source()
		} else {
			delete(out, r.key)
		}
	}
	k.sources = out
	return out
}

func minTime(s Source) time.Time {
	if s.Sent.IsZero() || s.Received.Before(s.Sent) {
		return s.Received
	}
	return s.Sent
}

func (r *rec) source() Source {
	op := string(r.Chain.Op)
	if r.Chain.Op == OpCancelVersion {
		op = "C" // as the message says
	}
	return Source{Key: r.key, MessageID: r.MessageID, Kind: r.Kind, Op: op, Sender: r.Key.Sender, Name: r.SenderName,
		Author: r.Author, Event: r.Event, Sent: r.Sent, Received: r.Receive, Mapping: r.Mapping, State: r.state}
}
