package careplan

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// kindAdmissionReport is the municipality's report on how the person was before the stay.
const kindAdmissionReport = "INNLEGGELSESRAPPORT"

// function lists the function assessments: an instrument at a date by an organisation. Values
// are shown as the source gave them; nothing is summed, averaged or converted.
// Source: function.md sections 1 and 6.
func (f *fold) function() {
	for _, r := range f.live {
		seen := map[string]int{}
		for i := range r.facts.Panels {
			f.assessment(r, &r.facts.Panels[i], seen)
		}
	}
	slices.SortStableFunc(f.p.Function, func(a, b Assessment) int {
		return cmp.Or(parseMoment(a.Date).at.Compare(parseMoment(b.Date).at), strings.Compare(a.Instrument, b.Instrument),
			strings.Compare(a.Owner, b.Owner), strings.Compare(a.ID, b.ID))
	})
}

func (f *fold) assessment(r *rec, p *panel, seen map[string]int) {
	scale, variant := splitVariant(p.Instrument)
	a := Assessment{Instrument: scale, Variant: variant, Date: p.Date, DateSource: p.DateSource, Owner: r.Key.Sender,
		Note: p.Note, From: []string{r.key}}
	if a.Date == "" {
		a.Date, a.DateSource = formatTime(r.order), "message"
	}
	a.Baseline = r.Kind == kindAdmissionReport || f.beforeStay(a.Date)
	ins, known := lookupInstrument(scale)
	if known && variant != "unknown" {
		a.Line = strings.TrimSuffix(scale+"/"+variant, "/")
	}
	var invalid bool
	if len(p.Scores) > 0 {
		a.Scores = make([]Score, len(p.Scores))
	}
	numbers := make([]float64, len(p.Scores)) // one piece for all
	for i := range p.Scores {
		sc := &a.Scores[i]
		*sc = scoreFor(ins, known, scale, &p.Scores[i], &numbers[i])
		sc.From = a.From
		invalid = invalid || sc.Invalid
	}
	if invalid {
		f.flag("value-out-of-range", "A function assessment holds a value that its scale does not have; it is shown as text.", r.key)
	}
	if scale == "barthel-20" || scale == "barthel-100" {
		f.checkSum(r, p)
	}
	for i := range f.p.Function {
		if o := &f.p.Function[i]; sameAssessment(o, &a) {
			o.From = addFrom(o.From, r.key)
			o.Baseline = o.Baseline || a.Baseline
			for j := range o.Scores {
				o.Scores[j].From = o.From
			}
			return
		}
	}
	if a.ID = r.elementNamed("fu", 0); a.ID == "" {
		a.ID = elementID("function", r, seen, p.Instrument, p.Date)
	}
	f.p.Function = append(f.p.Function, a)
}

// sameAssessment tells whether one organisation repeats an assessment in a later report.
func sameAssessment(a, b *Assessment) bool {
	if a.Owner != b.Owner || a.Instrument != b.Instrument || a.Variant != b.Variant || a.Date != b.Date ||
		a.DateSource != b.DateSource || a.Note != b.Note || len(a.Scores) != len(b.Scores) {
		return false
	}
	for i := range a.Scores {
		x, y := &a.Scores[i], &b.Scores[i]
		if x.Code != y.Code || x.System != y.System || x.Text != y.Text || x.Shown != y.Shown || x.Note != y.Note || x.Unit != y.Unit {
			return false
		}
	}
	return true
}

// beforeStay tells whether a date lies before or at the admission of a stay that counts.
func (f *fold) beforeStay(date string) bool {
	m := parseMoment(date)
	for _, s := range f.stayList {
		if s.withdrawn != nil || s.unknown || m.at.IsZero() {
			continue
		}
		if m.day && m.date() <= s.start.date() || !m.day && !m.at.After(s.start.at) {
			return true
		}
	}
	return false
}

// scoreFor judges one value by its scale. What the scale does not have stays text. num is where the number
// goes when there is one.
func scoreFor(ins instrument, known bool, scale string, s *score, num *float64) Score {
	out := Score{Value: Value{Text: s.Text, Code: s.Code, System: s.System}, Shown: s.Value, Unit: s.Unit, Note: s.Note}
	min, max := ins.min, ins.max
	switch {
	case s.System == fhir.SystemFunction:
		out.Text = first(iplosLabel(s.Code), s.Text)
	case s.System == fhir.SystemGAF:
		out.Text = first(gafLabel(s.Code), s.Text)
	case s.Total:
		out.Text = first(ins.label, s.Text)
	}
	if item, ok := barthelItem(s.Code); ok && s.System == systemLOINC {
		out.Text = item.label
		min, max = 0, item.top
		if scale == "barthel-100" {
			max *= 5
		} else if scale != "barthel-20" {
			known = false
		}
	}
	if s.NotRelevant || ins.name == "iplos" && s.Value == "9" {
		out.NotRelevant, out.Shown = true, "9"
		return out
	}
	if !known {
		return out
	}
	out.Min, out.HigherIs = min, ins.higher
	if !ins.open {
		out.Max = max
	}
	v, ok := number(s.Value)
	switch {
	case !ok: // words stay words: no number from text
	case v < min || !ins.open && v > max || ins.whole && v != float64(int64(v)), ins.unit != "" && s.Unit != "" && !sameUnit(ins.unit, s.Unit):
		out.Invalid = true
	default:
		*num = v
		out.Number = num
		out.Unit = first(s.Unit, ins.unit)
	}
	return out
}

// number reads a FHIR integer or decimal and nothing else: no "Inf", no hexadecimal, no words.
func number(s string) (float64, bool) {
	if strings.Trim(s, "0123456789.+-eE") != "" {
		return 0, false
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil
}

func sameUnit(want, got string) bool {
	got = strings.ToLower(strings.TrimSpace(got))
	switch want {
	case "s":
		return got == "s" || got == "sec" || got == "sek" || got == "seconds"
	case "m":
		return got == "m" || got == "meter" || got == "metre"
	}
	return got == want
}

// checkSum compares a Barthel total with its ten items when all are there.
// Source: function.md section 1, rule 3.
func (f *fold) checkSum(r *rec, p *panel) {
	var sum, total float64
	items, hasTotal := map[string]bool{}, false
	for _, s := range p.Scores {
		v, ok := number(s.Value)
		if !ok {
			continue
		}
		if _, ok := barthelItem(s.Code); ok {
			items[s.Code] = true
			sum += v
		} else {
			total, hasTotal = v, true
		}
	}
	if hasTotal && len(items) == 10 && sum != total {
		f.flag("sum-mismatch", "The total of an assessment is not the sum of its items; the source's total is shown.", r.key)
	}
}
