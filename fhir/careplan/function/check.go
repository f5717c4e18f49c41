package function

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Issue is a data-quality finding about one assessment. Values stay as the source wrote them.
type Issue struct {
	Code string
	Text string
	Item string // id of the item, "" for the whole
}

// Codes of issues.
const (
	IssueRange       = "value-out-of-range" // the scale has no such value
	IssueUnit        = "wrong-unit"
	IssueItem        = "item-impossible"     // the code's item cannot have the value: codes may be rotated
	IssueSum         = "sum-mismatch"        // complete items do not give the source's total
	IssueVariant     = "variant-contradicts" // the values belong to another variant than the one named
	IssuePoints      = "points-mismatch"     // points do not follow from the raw seconds
	IssueMean        = "mean-mismatch"
	IssueProfile     = "profile-mismatch"
	IssueIndex       = "index-mismatch"
	IssueIndexItems  = "index-incomplete" // an index without five valid levels or a named value set
	IssueCodeSwap    = "code-swap"        // the code is one test's, the words another's
	IssueForbidden   = "severity-forbidden"
	IssueNoSeverity  = "severity-missing"
	IssueNoDate      = "no-date" // the source does not say when it was assessed
	IssueNoAssessor  = "no-assessor"
	IssueUnknownCode = "unknown-item"
)

// values are the numbers of an assessment by item; only what is a number of its scale is among them.
type values map[string]float64

func valuesOf(points []Point) values {
	m := values{}
	for i := range points {
		if p := &points[i]; p.Number != nil && p.Problem == "" {
			m[p.item()] = *p.Number
		}
	}
	return m
}

// Checked tells whether Check can find anything in an assessment whose values are all of its scale.
func Checked(instrument string) bool {
	switch instrument {
	case "barthel-20", "barthel-100", "barthel-unknown", "fim", "sppb", "copm", "eq-5d-5l", "eq-5d-5l-index", "moca", "mmse", "fsiii":
		return true
	}
	return false
}

// Check looks at the points of one assessment: values outside their scale, sums and means that the source sent,
// signs that another variant or instrument is meant. It makes no value.
// Source: function.md section 1, rules 2 and 3, and section 5.
func Check(points []Point) []Issue {
	if len(points) == 0 {
		return nil
	}
	var out []Issue
	in := Lookup(points[0].Instrument)
	for i := range points {
		p := &points[i]
		if p.Invalid {
			r := in.Read(p.Variant, Raw{System: p.System, Code: p.Code, Value: p.Shown, Unit: p.Unit, Total: p.Total})
			code := r.Why
			if code == "" {
				code = IssueRange
			}
			text := "The value is none that the scale has; it is shown as written."
			switch code {
			case IssueItem:
				text = "An item has a value that it cannot have; the codes of the items may be mixed up."
			case IssueForbidden:
				text = "A nursing condition has a severity, which it must not have; it is shown as written."
			}
			out = append(out, Issue{Code: code, Text: text, Item: p.item()})
		}
	}
	if in == nil {
		return append(out, checkUnknownBarthel(points)...)
	}
	v := valuesOf(points)
	switch in.Name {
	case "barthel-20", "barthel-100":
		out = append(out, checkBarthel(in, points[0].Variant, v)...)
	case "fim":
		out = append(out, checkFIM(v)...)
	case "sppb":
		out = append(out, checkSPPB(points[0].Variant, v)...)
	case "copm":
		out = append(out, checkCOPM(points, v)...)
	case "eq-5d-5l":
		out = append(out, checkProfile(points, v)...)
	case "moca", "mmse":
		out = append(out, checkSwap(in.Name, points)...)
	case "fsiii":
		out = append(out, checkSeverity(points)...)
	}
	return out
}

// checkSeverity finds home-care conditions without the severity that they must have.
func checkSeverity(points []Point) (out []Issue) {
	for i := range points {
		if p := &points[i]; HomeCare(p.Code) && p.Number == nil && !p.NotRelevant && !p.Invalid {
			out = append(out, Issue{Code: IssueNoSeverity, Text: "A home-care condition comes without its severity.", Item: p.item()})
		}
	}
	return out
}

func mismatch(item string) Issue {
	return Issue{Code: IssueSum, Text: "The total is not the sum of the items; the source's total is shown.", Item: item}
}

// checkBarthel compares the total with ten complete items (in the graded version a wheelchair may stand in place
// of walking) and looks for values that only the graded version has.
func checkBarthel(in *Instrument, variant string, v values) []Issue {
	var out []Issue
	sum, n := 0.0, 0
	for _, r := range barthelRows {
		x, ok := v[r.id]
		if !ok && r.id == "walking" && strings.HasPrefix(variant, "modified") {
			x, ok = v["wheelchair"]
		}
		if ok {
			sum += x
			n++
		}
	}
	total, has := v[ItemTotal]
	_, both := v["wheelchair"]
	if _, walks := v["walking"]; both && walks && v["walking"] > 0 {
		out = append(out, Issue{Code: IssueVariant, Text: "Walking and wheelchair are both scored; only one counts.", Item: "wheelchair"})
	} else if has && n == len(barthelRows) && sum != total {
		if !(both && walks && sum+v["wheelchair"] == total) { // walking 0 and the wheelchair in its place
			out = append(out, mismatch(ItemTotal))
		}
	}
	if in.Name == "barthel-100" && (variant == "mahoney" || variant == "20x5" || variant == VariantUnknown || variant == "") && mustBeGraded(v) && variant != "" && variant != VariantUnknown {
		out = append(out, Issue{Code: IssueVariant, Text: "The values are those of the graded version, the variant named is another."})
	}
	return out
}

// mustBeGraded tells whether values on the 0-100 scale can only be those of the graded version. It is for checking
// only: the variant of an assessment is what the source says.
func mustBeGraded(v values) bool {
	for item, x := range v {
		if item == ItemTotal && math.Mod(x, 5) != 0 {
			return true
		}
		if item != ItemTotal && (x == 1 || x == 3 || x == 4 || x == 8 || x == 12) {
			return true
		}
	}
	return false
}

// InferBarthel says which variants the values of an assessment could be of, for checking and never to name it.
// items are by id, "total" among them.
func InferBarthel(items map[string]float64) []string {
	all := []string{"barthel-20", "barthel-100-20x5", "barthel-100-mahoney", "barthel-100-modified"}
	return slices.DeleteFunc(all, func(name string) bool {
		instrument, variant := SplitName(name)
		in := Lookup(instrument)
		for id, x := range items {
			r := in.Range
			if id != ItemTotal {
				it := in.Item(id)
				if it == nil {
					return true
				}
				r = it.Range
				if instrument == "barthel-100" {
					r, _ = barthelRange(it, variant)
				}
			} else if variant == "20x5" || variant == "mahoney" {
				r.Step = 5
			}
			if !r.Holds(x) {
				return true
			}
		}
		return false
	})
}

// checkUnknownBarthel finds values that no variant has.
func checkUnknownBarthel(points []Point) []Issue {
	if points[0].Instrument != "barthel-unknown" {
		return nil
	}
	v := values{}
	in := Lookup("barthel-100")
	for i := range points {
		p := points[i]
		n, ok := ParseNumber(p.Shown)
		if !ok || p.Absent != "" {
			continue
		}
		p.Instrument = in.Name
		v[p.item()] = n
	}
	if len(v) > 0 && len(InferBarthel(v)) == 0 {
		return []Issue{{Code: IssueVariant, Text: "No version of the scale has these values together."}}
	}
	return nil
}

// SplitName parts an instrument with its variant: "barthel-100-mahoney" is the 0-100 scale in one of its versions. A
// variant that is not known is VariantUnknown and never compared.
func SplitName(name string) (instrument, variant string) {
	for i := range forms {
		in := &forms[i]
		if len(in.Variants) == 0 {
			continue
		}
		if rest, ok := strings.CutPrefix(name, in.Name); ok && (rest == "" || rest[0] == '-') {
			return in.Name, knownOr(in, strings.TrimPrefix(rest, "-"))
		}
	}
	for i := range scales {
		in := &scales[i]
		if len(in.Variants) == 0 {
			continue
		}
		if rest, ok := strings.CutPrefix(name, in.Name); ok && (rest == "" || rest[0] == '-') {
			return in.Name, knownOr(in, strings.TrimPrefix(rest, "-"))
		}
	}
	if strings.HasPrefix(name, "barthel") && name != "barthel-20" {
		return name, VariantUnknown
	}
	return name, ""
}

func knownOr(in *Instrument, variant string) string {
	if slices.Contains(in.Variants, variant) {
		return variant
	}
	return VariantUnknown
}

// checkFIM compares the two part sums and the total with complete items. An activity that did not occur (0) has no
// level, so that there is nothing to compare with.
func checkFIM(v values) []Issue {
	part := func(from, to int) (sum float64, complete bool) {
		for i := from; i <= to; i++ {
			x, ok := v[fmt.Sprint(i)]
			if !ok || x == 0 {
				return 0, false
			}
			sum += x
		}
		return sum, true
	}
	var out []Issue
	motor, hasMotor := part(1, 13)
	cognitive, hasCognitive := part(14, 18)
	if x, ok := v["motor"]; ok && hasMotor && x != motor {
		out = append(out, mismatch("motor"))
	}
	if x, ok := v["cognitive"]; ok && hasCognitive && x != cognitive {
		out = append(out, mismatch("cognitive"))
	}
	m, okM := v["motor"]
	c, okC := v["cognitive"]
	switch total, ok := v[ItemTotal]; {
	case ok && hasMotor && hasCognitive && total != motor+cognitive,
		ok && !(hasMotor && hasCognitive) && okM && okC && total != m+c:
		out = append(out, mismatch(ItemTotal))
	}
	return out
}

// checkSwap finds a result that carries the code of one of two tests and the name of the other.
func checkSwap(name string, points []Point) []Issue {
	for i := range points {
		w := strings.ToLower(points[i].Label + " " + points[i].Note)
		moca := strings.Contains(w, "moca") || strings.Contains(w, "montreal")
		mmse := strings.Contains(w, "mmse") || strings.Contains(w, "mini-mental") || strings.Contains(w, "mini mental") || strings.Contains(w, "folstein")
		if name == "moca" && mmse && !moca || name == "mmse" && moca && !mmse {
			return []Issue{{Code: IssueCodeSwap, Text: "The code is that of one test and the words name another; ask which was meant."}}
		}
	}
	return nil
}
