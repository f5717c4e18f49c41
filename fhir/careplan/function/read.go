package function

import (
	"math"
	"strconv"
	"strings"
)

// Raw is a value as a source wrote it.
type Raw struct {
	System, Code string // of the item or total
	Value        string
	Unit         string
	Total        bool
	// Words: the source wrote it where words belong. It never becomes a number, whatever it looks like.
	Words bool
	// NotRelevant: the source says so by a code.
	NotRelevant bool
}

// Reading is a value judged by its scale.
type Reading struct {
	State  State
	Number float64 // native, in the source's unit; only with StateValue
	Unit   string  // of Number
	Label  string  // of the item, "" when it has none
	Range  Range   // of item or total; the zero Range when none is known
	Better Better
	// Known: Range is that of the item; false for an unknown instrument, or an item whose variant is not known.
	Known bool
	// Why is the code of an Issue when the state is invalid.
	Why string
}

// Read judges a value. What the scale does not have is kept as the source wrote it and marked, never clipped.
// Source: function.md section 1, rules 2 to 4.
func (in *Instrument) Read(variant string, v Raw) Reading {
	if in == nil {
		return Reading{State: wordsOr(v, StateWords)}
	}
	it := in.ItemByCode(v.System, v.Code)
	out := Reading{Range: in.Range, Unit: in.Unit, Better: in.Better}
	switch {
	case it != nil:
		out.Label, out.Range, out.Unit, out.Better = it.Label, it.Range, it.Unit, it.Better
	case v.Total:
		out.Label = in.Label
	}
	out.Known = true
	if in.Name == "barthel-100" {
		switch {
		case it != nil:
			out.Range, _ = barthelRange(it, variant)
		case variant == "mahoney" || variant == "20x5":
			out.Range.Step = 5
		}
	}
	if v.NotRelevant || in.NotRelevant != 0 && !v.Words && isWritten(in.NotRelevant, v.Value) || in.Name == "icf" && !v.Words && v.Value == "8" {
		out.State = StateNotRelevant
		return out
	}
	n, ok := ParseNumber(v.Value)
	if !ok || v.Words {
		out.State = StateWords
		return out
	}
	if in.Total == TotalIndex && len(in.Items) > 0 && it == nil { // a profile is five levels and no number
		out.State = StateWords
		if _, valid := Profile(v.Value); !valid {
			out.State, out.Why = StateInvalid, IssueRange
		}
		return out
	}
	if in.Name == "fsiii" && Nursing(v.Code) {
		out.State, out.Why = StateInvalid, IssueForbidden
		return out
	}
	inUnit := n
	if v.Unit != "" && out.Unit != "" {
		converted, ok := ChangeUnit(n, v.Unit, out.Unit)
		if !ok {
			out.State, out.Why = StateInvalid, IssueUnit
			return out
		}
		inUnit = converted
	}
	if !out.Range.Holds(inUnit) {
		out.State, out.Why = StateInvalid, IssueRange
		if it != nil && strings.HasPrefix(in.Name, "barthel") {
			out.Why = IssueItem
		}
		return out
	}
	if v.Unit != "" {
		out.Unit = v.Unit
	}
	out.State, out.Number = StateValue, n
	return out
}

func wordsOr(v Raw, s State) State {
	if v.NotRelevant {
		return StateNotRelevant
	}
	return s
}

// barthelRange is what an item can be on the 0-100 scale. Of an unnamed variant it is what any of them has.
func barthelRange(it *Item, variant string) (Range, bool) {
	if it.ID == "wheelchair" {
		return Range{Max: 5, Levels: gradedLevels(1)}, true
	}
	plain := it.Range
	switch {
	case variant == "mahoney" || variant == "20x5":
		return plain, true
	case strings.HasPrefix(variant, "modified"):
		return Range{Max: plain.Max, Levels: gradedLevels(plain.Max / 5)}, true
	}
	both := gradedLevels(plain.Max / 5)
	for v := 0.0; v <= plain.Max; v += plain.Step {
		both = append(both, v)
	}
	return Range{Max: plain.Max, Levels: both}, false
}

// ParseNumber reads a FHIR integer or decimal and nothing else: no "Inf", no hexadecimal, no words.
func ParseNumber(s string) (float64, bool) {
	if len(s) == 1 && '0' <= s[0] && s[0] <= '9' { // as most are
		return float64(s[0] - '0'), true
	}
	if s == "" || strings.Trim(s, "0123456789.+-eE") != "" {
		return 0, false
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil && !math.IsInf(v, 0)
}

// isWritten tells whether s is how formatNumber writes v.
func isWritten(v float64, s string) bool {
	if len(s) == 1 {
		return v == float64(s[0])-'0' && '0' <= s[0] && s[0] <= '9'
	}
	return s == formatNumber(v)
}

func formatNumber(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
