package function

import "strings"

// BandOf gives the ICF qualifiers that a value can mean, to draw behind it. Only what rates a single
// activity has one: totals, timed tests and the person's own scores have none.
// Source: function.md section 6.1, a proposal of our own that needs clinical review.
func BandOf(instrument, variant, item string, v float64) (Band, bool) {
	whole := v == float64(int(v))
	switch instrument {
	case "icf":
		if whole && v >= 0 && v <= 4 {
			return Band{Low: int(v), High: int(v)}, true
		}
	case "fsiii":
		if whole && v >= 0 && v <= 4 {
			return Band{Low: int(v), High: int(v), Need: true}, true
		}
	case "iplos":
		if whole && v >= 1 && v <= 5 {
			b := [...]Band{{0, 0, true}, {0, 1, true}, {1, 3, true}, {2, 3, true}, {3, 4, true}}
			return b[int(v)-1], true
		}
	case "fim":
		if n, ok := ParseNumber(item); ok && n >= 1 && n <= 18 && whole && v >= 1 && v <= 7 {
			b := [...]Band{{3, 4, false}, {3, 3, false}, {2, 3, false}, {1, 2, false}, {1, 1, false}, {0, 1, false}, {0, 0, false}}
			return b[int(v)-1], true
		}
	case "barthel-20", "barthel-100":
		return barthelBand(instrument, variant, item, v)
	}
	return Band{}, false
}

// Banded tells whether the items of an instrument have bands at all.
func Banded(instrument string) bool {
	switch instrument {
	case "icf", "fsiii", "iplos", "fim", "barthel-20", "barthel-100":
		return true
	}
	return false
}

func barthelBand(instrument, variant, item string, v float64) (Band, bool) {
	it := Lookup(instrument).Item(item)
	if it == nil || variant == VariantUnknown {
		return Band{}, false
	}
	r := it.Range
	if instrument == "barthel-100" {
		var known bool
		if r, known = barthelRange(it, variant); !known {
			return Band{}, false
		}
	}
	two := r.Levels == nil && r.Max == r.Step
	switch {
	case !r.Holds(v):
		return Band{}, false
	case v == r.Max:
		return Band{Low: 0, High: 1}, true
	case two:
		return Band{Low: 1, High: 4}, true
	case v == 0:
		return Band{Low: 3, High: 4}, true
	}
	return Band{Low: 1, High: 3}, true
}

// RowsOf lists the rows of the picture that an item stands in: its ICF categories at the second level. An item
// without a category has none and is shown among the scales.
func RowsOf(instrument, system, code string) (rows, categories []string) {
	if instrument == "icf" && system == SystemICF {
		base, _, _ := strings.Cut(strings.ToLower(code), ".")
		return []string{secondLevel(base)}, []string{base}
	}
	it := Lookup(instrument).ItemByCode(system, code)
	if it == nil {
		return nil, nil
	}
	if it.Rows != nil {
		return it.Rows, it.ICF
	}
	for _, c := range it.ICF {
		rows = append(rows, secondLevel(c))
	}
	return rows, it.ICF
}

// secondLevel cuts a category to letter and three digits; a chapter stays a chapter.
func secondLevel(category string) string {
	if len(category) > 4 {
		return category[:4]
	}
	return category
}

// categoryLabel is our own short label of a row.
func categoryLabel(category string) string {
	labels := [...][2]string{
		{"b114", "Orientation"}, {"b130", "Energy and drive"}, {"b144", "Memory"}, {"b152", "Emotion"}, {"b164", "Higher cognition"},
		{"b210", "Sight"}, {"b230", "Hearing"}, {"b455", "Endurance"}, {"b510", "Taking in food"}, {"b525", "Bowels"}, {"b620", "Bladder"},
		{"b730", "Muscle strength"}, {"d155", "Acquiring skills"}, {"d175", "Solving problems"}, {"d177", "Making decisions"},
		{"d230", "Daily routine"}, {"d3", "Communication"}, {"d360", "Communication devices"}, {"d410", "Changing position"},
		{"d420", "Transfer"}, {"d430", "Lifting and carrying"}, {"d450", "Walking"}, {"d451", "Stairs"}, {"d455", "Moving around"},
		{"d460", "Getting about"}, {"d465", "Wheelchair"}, {"d470", "Transport"}, {"d510", "Washing"}, {"d520", "Body care"}, {"d530", "Toilet"},
		{"d540", "Dressing"}, {"d550", "Eating"}, {"d560", "Drinking"}, {"d570", "Own health"}, {"d620", "Shopping"}, {"d630", "Cooking"},
		{"d640", "Housework"}, {"d720", "Behaviour"}, {"d850", "Paid work"}, {"d9", "Social life"},
	}
	for _, l := range labels {
		if l[0] == category {
			return l[1]
		}
	}
	return category
}
