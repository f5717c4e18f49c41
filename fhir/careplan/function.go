package careplan

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke/fhir/careplan/function"
)

// kindAdmissionReport is the municipality's report on how the person was before the stay.
const kindAdmissionReport = "INNLEGGELSESRAPPORT"

// function lists the function assessments: an instrument at a date by an organisation. Values
// are shown as the source gave them; nothing is summed, averaged or converted.
// Source: function.md sections 1 and 6.
func (f *fold) function(live []*rec) {
	n := 0
	for _, r := range live {
		n += len(r.facts.Panels)
	}
	if n+len(f.list) == 0 {
		return
	}
	for _, r := range live {
		if r.says&ofPanels == 0 {
			continue
		}
		if f.alike == nil {
			f.alike = make(map[said]*dated, len(r.facts.Panels))
		}
		if f.list == nil {
			f.list = make([]*dated, 0, len(r.facts.Panels))
		}
		f.makeRoom(r)
		seen := map[string]int{}
		for i := range r.facts.Panels {
			f.dateless = f.dateless || r.facts.Panels[i].Date == ""
			f.assessment(r, i, seen)
		}
	}
	f.room = assessingRoom{}
	order := slices.Clone(f.list)
	slices.SortStableFunc(order, func(a, b *dated) int {
		if c := a.when.at.Compare(b.when.at); c != 0 {
			return c
		}
		return cmp.Or(strings.Compare(a.Instrument, b.Instrument), strings.Compare(a.Owner, b.Owner), strings.Compare(a.ID, b.ID))
	})
	f.p.Function = make([]Assessment, len(order))
	for i := range order {
		f.p.Function[i] = order[i].Assessment
	}
}

// assessing is how function finds assessments that may be told again.
type assessing struct {
	list     []*dated // as the records tell them
	alike    map[said]*dated
	dateless bool // some have no date of their own
}

// dated is an assessment with its date read.
type dated struct {
	Assessment
	when moment
	next *dated // told later, and so alike that all of it must be compared
}

// judged is what one panel of a message says, and what is odd about it.
type judged struct {
	dated
	flags []Flag
}

// assessingRoom is what assessments are made in, one piece for all of a fold.
type assessingRoom struct {
	dated   []dated
	scores  []Score
	numbers []float64
}

// makeRoom sees to it that there is room for what a record says. Further reports mostly say the same again and give the
// room back, so one piece often serves all of them.
func (f *fold) makeRoom(r *rec) {
	scores := 0
	for i := range r.facts.Panels {
		if r.panels == nil || r.panels[i] == nil {
			scores += len(r.facts.Panels[i].Scores)
		}
	}
	if n := len(r.facts.Panels); len(f.room.dated) < n {
		f.room.dated = make([]dated, n)
	}
	if len(f.room.scores) < scores {
		f.room.scores, f.room.numbers = make([]Score, scores), make([]float64, scores)
	}
}

// judge reads one panel of a message. Without a date of its own it depends on the stays, else on nothing but
// the message, and a Folder keeps it.
func (f *fold) judge(r *rec, at int) *dated {
	d := &f.room.dated[0]
	f.room.dated = f.room.dated[1:]
	if r.panels != nil && r.panels[at] != nil {
		*d = r.panels[at].dated
		f.p.Flags = append(f.p.Flags, r.panels[at].flags...)
		return d
	}
	p := &r.facts.Panels[at]
	n := len(f.p.Flags)
	f.assess(r, p, &d.Assessment)
	d.when = parseMoment(d.Date)
	if f.kept != nil && p.Date != "" {
		if r.panels == nil {
			r.panels = make([]*judged, len(r.facts.Panels))
		}
		r.panels[at] = &judged{*d, slices.Clone(f.p.Flags[n:])}
	}
	return d
}

func (f *fold) assess(r *rec, p *panel, a *Assessment) {
	a.Instrument, a.Variant = function.SplitName(p.Instrument)
	a.Date, a.DateSource, a.Owner, a.Note, a.From = p.Date, p.DateSource, r.Key.Sender, p.Note, r.own
	if m := p.More; m != nil {
		a.Assessor, a.Setting, a.Informer, a.Protocol, a.Derived, a.Form = m.Assessor, m.Setting, m.Informer, m.Protocol, m.Derived, m.Form
	}
	if a.Date == "" {
		a.Date, a.DateSource = f.undated(r)
		a.Issues = append(a.Issues, function.IssueNoDate)
	}
	ins := function.Lookup(a.Instrument)
	a.Line = ins.KeyOf(a.Instrument, a.Variant, a.Setting, a.Informer, a.Protocol).String()
	var invalid bool
	if n := len(p.Scores); n > 0 {
		a.Scores, f.room.scores = f.room.scores[:n:n], f.room.scores[n:]
	}
	for i := range p.Scores {
		sc := &a.Scores[i]
		scoreFor(sc, ins, a.Variant, &p.Scores[i], &f.room.numbers[i])
		sc.From = a.From
		invalid = invalid || sc.Invalid
	}
	f.room.numbers = f.room.numbers[len(p.Scores):]
	if invalid {
		f.flag("value-out-of-range", "A function assessment holds a value that its scale does not have; it is shown as text.", r.key)
	}
	f.check(r, a, invalid)
}

// assessment adds one panel of a record to the list, or the record to the sources of one that says the same.
func (f *fold) assessment(r *rec, at int, seen map[string]int) {
	room := f.room
	a := f.judge(r, at)
	a.Baseline = r.Kind == kindAdmissionReport || f.beforeStay(a.when)
	what := said{'f', a.Owner, [7]string{a.Instrument, a.Variant, a.Date, a.Note}} // the rest is compared
	if len(a.Scores) > 0 {
		what.words[4], what.words[5] = a.Scores[0].Code, a.Scores[0].Shown
	}
	first := f.alike[what]
	last := &first
	for ; *last != nil; last = &(*last).next {
		if o := *last; sameAssessment(&o.Assessment, &a.Assessment) {
			o.From = addFrom(o.From, r.key)
			o.Baseline = o.Baseline || a.Baseline
			if f.kept != nil {
				o.Scores = slices.Clone(o.Scores) // others hold them too
			}
			for j := range o.Scores {
				o.Scores[j].From = o.From
			}
			if f.kept == nil { // nobody holds what was judged
				*a = dated{}
				clear(room.scores[:len(room.scores)-len(f.room.scores)])
				f.room = room
			}
			return
		}
	}
	if a.ID = r.elementNamed("fu", 0); a.ID == "" {
		p := &r.facts.Panels[at]
		a.ID = elementID("function", r, seen, p.Instrument, p.Date)
	}
	*last = a
	f.alike[what] = first
	f.list = append(f.list, a)
}

// sameAssessment tells whether one organisation repeats an assessment in a later report.
func sameAssessment(a, b *Assessment) bool {
	if a.Owner != b.Owner || a.Instrument != b.Instrument || a.Variant != b.Variant || a.Date != b.Date ||
		a.DateSource != b.DateSource || a.Note != b.Note || len(a.Scores) != len(b.Scores) || a.Setting != b.Setting ||
		a.Informer != b.Informer || a.Protocol != b.Protocol || a.Assessor != b.Assessor || a.Derived != b.Derived || a.Form != b.Form {
		return false
	}
	for i := range a.Scores {
		x, y := &a.Scores[i], &b.Scores[i]
		if x.Code != y.Code || x.System != y.System || x.Text != y.Text || x.Shown != y.Shown || x.Note != y.Note || x.Unit != y.Unit ||
			x.Problem != y.Problem || x.Absent != y.Absent || x.ValueCode != y.ValueCode || x.ValueSystem != y.ValueSystem ||
			x.Words != y.Words || x.Aid != y.Aid {
			return false
		}
	}
	return true
}

// beforeStay tells whether a date lies before or at the admission of a stay that counts.
func (f *fold) beforeStay(m moment) bool {
	l := &f.latest
	if !l.any || m.at.IsZero() {
		return false
	}
	return m.day && m.date() <= l.day || !m.day && !m.at.After(l.at)
}

// undated says when an assessment without a date is taken to be made: at the start of the assessor's own stay that it was told
// in, else when it was told. Source: function.md section 4.
func (f *fold) undated(r *rec) (date, source string) {
	var at *stay
	for _, s := range f.stayList {
		if s.withdrawn == nil && !s.unknown && s.sender == r.Key.Sender && !s.start.at.IsZero() && !s.start.at.After(r.order) &&
			(at == nil || s.start.at.After(at.start.at)) {
			at = s
		}
	}
	if at != nil {
		return at.start.text, "stay"
	}
	return formatTime(r.order), "message"
}

// scoreFor judges one value by its scale, in out. What the scale does not have stays text. num is where the number
// goes when there is one.
func scoreFor(out *Score, ins *function.Instrument, variant string, s *score, num *float64) {
	out.Code, out.System, out.Shown, out.Unit, out.Note = s.Code, s.System, s.Value, s.Unit, s.Note
	words := false
	if m := s.More; m != nil {
		out.Absent, out.Problem, out.ValueCode, out.ValueSystem, out.Aid = m.Absent, m.Problem, m.Code, m.System, m.Aid
		words = m.Words || m.Absent != ""
		out.Words = words
	}
	r := ins.Read(variant, function.Raw{System: s.System, Code: s.Code, Value: s.Value, Unit: s.Unit, Total: s.Total, Words: words, NotRelevant: s.NotRelevant})
	out.Text = first(r.Label, s.Text)
	if r.State == function.StateNotRelevant {
		out.NotRelevant = true
		if s.NotRelevant || out.Shown == "" {
			out.Shown = "9"
		}
		return
	}
	if ins == nil || !r.Known {
		return
	}
	out.Min, out.HigherIs = r.Range.Min, higherIs(r.Better)
	if !r.Range.Open {
		out.Max = r.Range.Max
	}
	switch r.State {
	case function.StateInvalid:
		out.Invalid = true
	case function.StateValue:
		*num = r.Number
		out.Number, out.Unit = num, r.Unit
	}
}

func higherIs(b function.Better) string {
	switch b {
	case function.Up:
		return "better"
	case function.Down:
		return "worse"
	}
	return ""
}

// check looks at an assessment as a whole: sums, means, points, signs of another variant.
func (f *fold) check(r *rec, a *Assessment, invalid bool) {
	if !invalid && !function.Checked(a.Instrument) {
		return
	}
	points := a.points(parseMoment(a.Date).at)
	issues := function.Check(points)
	if a.Instrument == "eq-5d-5l-index" {
		issues = append(issues, f.indexIssues(r, a, points)...)
	}
	for _, i := range issues {
		if !contains(a.Issues, i.Code) {
			a.Issues = append(a.Issues, i.Code)
		}
		if i.Code != function.IssueRange && i.Code != function.IssueUnit {
			f.flag(i.Code, i.Text, r.key)
		}
	}
}

// indexIssues compares an index with the levels that the same message holds for the same day.
func (f *fold) indexIssues(r *rec, a *Assessment, index []function.Point) (out []function.Issue) {
	var levels []function.Point
	for i := range r.facts.Panels {
		p := &r.facts.Panels[i]
		if p.Instrument != "eq-5d-5l" || p.Date != "" && p.Date != a.Date {
			continue
		}
		l := Assessment{Instrument: p.Instrument, Scores: make([]Score, len(p.Scores))}
		ins := function.Lookup(p.Instrument)
		for j := range p.Scores {
			scoreFor(&l.Scores[j], ins, "", &p.Scores[j], new(float64))
		}
		levels = append(levels, l.points(time.Time{})...)
	}
	for i := range index {
		out = append(out, function.CheckIndex(index[i], levels)...)
	}
	return out
}
