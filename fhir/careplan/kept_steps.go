package careplan

import (
	"slices"
	"time"
)

// The steps of a fold that are remembered. Lists that later steps change are copied, all others are shared between
// plans: nobody changes a plan once it is made.

// keptItems is where clinical stood.
type keptItems struct {
	lists Plan // the lists that clinical makes, and nothing else
	listing
	last *rec
}

// listing is how clinical finds items that may be said again.
type listing struct {
	index     []saidAt          // of the first items
	many      map[said]int      // of all, when they are more than a few
	goalSeen  map[[3]string]int // how many goals an owner has with the same words
	goalIndex map[said]*goalPlace
	contacts  map[[3]string][]int // by owner, kind and name, when they are more than a few
	found     []int               // see namesakes
	phones    []string            // see numbers
}

// numbers copies the telephone numbers of a contact; those of one record lie side by side.
func (f *fold) numbers(r *rec, c *contactRow) []string {
	n := len(c.Phone)
	if n == 0 {
		return nil
	}
	if len(f.phones) < n {
		all := 0
		for i := range r.facts.Contacts {
			all += len(r.facts.Contacts[i].Phone)
		}
		f.phones = make([]string, all)
	}
	out := f.phones[:n:n]
	f.phones = f.phones[n:]
	copy(out, c.Phone)
	return out
}

// takeItems runs clinical on all records, or on those alone that came after the ones it had listed.
func (f *fold) takeItems() {
	k := f.kept
	f.written()
	if k == nil {
		f.clinicalAnew()
		return
	}
	came, on := k.goesOn(ofItems, k.items.last)
	switch {
	case !on:
		k.items = keptItems{last: latestOf(f.live, ofItems)}
		f.clinicalAnew()
	case len(came) == 0:
		setItems(f.p, &k.items.lists)
	default:
		copyItems(f.p, &k.items.lists)
		f.listing = k.items.listing
		f.clinical(came)
		k.items.last = came[len(came)-1]
	}
	if !on || len(came) > 0 {
		setItems(&k.items.lists, f.p)
		k.items.listing = f.listing
	}
	if p := f.p; k.more { // what few records state changes these
		p.Goals, p.Checkups = slices.Clone(p.Goals), slices.Clone(p.Checkups)
	}
}

func setItems(to, from *Plan) {
	to.Diagnoses, to.Goals, to.Measures, to.Services = from.Diagnoses, from.Goals, from.Measures, from.Services
	to.Checkups, to.Aids, to.Contacts, to.Notes = from.Checkups, from.Aids, from.Contacts, from.Notes
}

func copyItems(to, from *Plan) {
	to.Diagnoses, to.Goals, to.Measures = slices.Clone(from.Diagnoses), slices.Clone(from.Goals), slices.Clone(from.Measures)
	to.Services, to.Checkups, to.Aids = slices.Clone(from.Services), slices.Clone(from.Checkups), slices.Clone(from.Aids)
	to.Contacts, to.Notes = slices.Clone(from.Contacts), slices.Clone(from.Notes)
}

// keptFunction is where function stood.
type keptFunction struct {
	assessing
	function []Assessment
	remarks  remarks
	latest   latestStay
	last     *rec
	assessed map[string]time.Time // see assessedBy
}

// latestStay is what tells whether an assessment was made before some stay.
type latestStay struct {
	any bool
	day string
	at  time.Time
}

func (f *fold) latestStay() (l latestStay) {
	for _, s := range f.stayList {
		if s.withdrawn != nil || s.unknown {
			continue
		}
		l.any, l.day = true, max(l.day, s.start.date())
		if s.start.at.After(l.at) {
			l.at = s.start.at
		}
	}
	return l
}

// before tells whether a stay that began by o may begin after l.
func (l latestStay) before(o latestStay) bool {
	return o.any && !l.any || l.day < o.day || l.at.Before(o.at)
}

// rebase finds assessments that tell of the time before a stay now that there is a later one.
func (f *fold) rebase(list []*dated) (found bool) {
	for _, a := range list {
		if !a.Baseline && f.beforeStay(a.when) {
			a.Baseline, found = true, true
		}
	}
	return found
}

// takeFunction runs function on all records, or on those alone that came after the ones it had read.
func (f *fold) takeFunction() {
	k := f.kept
	f.latest = f.latestStay()
	if k == nil {
		f.function(f.live)
		return
	}
	old := &k.function
	k.sameFunction = false
	came, on := k.goesOn(ofPanels, old.last)
	on = on && !f.latest.before(old.latest) && (!old.dateless || k.unchanged(ofStay))
	from := f.mark()
	further := on && old.latest != f.latest && f.rebase(old.list)
	switch {
	case !on:
		f.function(f.live)
		k.function = keptFunction{f.assessing, f.p.Function, f.since(from), f.latest, latestOf(f.live, ofPanels), nil}
	case len(came) == 0 && !further:
		old.latest = f.latest
		f.p.Function, f.assessed = old.function, old.assessed
		f.repeat(&old.remarks)
		k.sameFunction = true
	default:
		f.repeat(&old.remarks)
		f.assessing = old.assessing
		f.function(came)
		last := old.last
		if len(came) > 0 {
			last = came[len(came)-1]
		}
		k.function = keptFunction{f.assessing, f.p.Function, f.since(from), f.latest, last, nil}
	}
}

type keptAnswers struct {
	known    bool
	measures []Measure
	given    map[string][]given
	remarks  remarks
}

// takeAnswers runs answers, unless no measure, version or answer can have become another.
func (f *fold) takeAnswers() {
	k := f.kept
	if k == nil {
		f.answers()
		return
	}
	if k.unchanged(ofMeasures|ofAnswers|ofMore) && k.answers.known {
		f.p.Measures, f.given = k.answers.measures, k.answers.given
		f.repeat(&k.answers.remarks)
	} else {
		from := f.mark()
		f.p.Measures = slices.Clone(f.p.Measures) // those of k.items stay
		f.answers()
		// What is about no measure, or is no longer its requester's, goes on into other steps.
		plain := len(f.aside)+len(f.turned)+len(f.base) == 0
		k.answers = keptAnswers{plain, f.p.Measures, f.given, f.since(from)}
	}
	if k.more { // owners may write of them elsewhere
		f.p.Measures = slices.Clone(f.p.Measures)
	}
}

// takeSame runs same, unless no goal or measure can have become another and nobody speaks of any.
func (f *fold) takeSame() {
	k := f.kept
	if k.unchanged(ofGoals|ofMeasures|ofAnswers) && k.answers.known && !k.more {
		if len(k.same) > 0 {
			f.sharedPart().Same = k.same
		}
		return
	}
	f.same()
	if k != nil {
		k.same = nil
		if f.p.Shared != nil {
			k.same = f.p.Shared.Same
		}
	}
}

// keptDisagreements are those of rule R12.
type keptDisagreements struct {
	remarks
	calm bool // no two organisations assessed near each other: nothing is there to be explained
}

// takeDisagreements runs rule R12, unless no assessment, and nothing that may explain one, can have become another.
func (f *fold) takeDisagreements() {
	k := f.kept
	if k == nil {
		f.disagreements()
		return
	}
	if k.sameFunction && (k.between.calm || !k.more && k.unchanged(ofStay|ofDiagnoses)) {
		f.repeat(&k.between.remarks)
		return
	}
	from := f.mark()
	calm := !f.disagreements()
	k.between = keptDisagreements{f.since(from), calm}
}

// keptRule is what a rule found.
type keptRule struct {
	remarks
	known bool
}

// takeRule makes the check of a rule, unless nothing that it reads can have become another.
func (f *fold) takeRule(at int, r *rule) {
	k := f.kept
	if k == nil || r.reads == 0 || k.more {
		r.check(f)
		return
	}
	found := &k.rules[at]
	if found.known && k.unchanged(r.reads) {
		f.repeat(&found.remarks)
		return
	}
	from := f.mark()
	r.check(f)
	*found = keptRule{f.since(from), true}
}
