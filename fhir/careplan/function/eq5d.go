package function

import "math"

// ValueSetDanish names the published Danish value set.
const ValueSetDanish = "dk"

// dimensions in the order of the profile.
var dimensions = [...]string{"mobility", "self-care", "usual", "pain", "anxiety"}

// danish are the weights of levels 2 to 5 by dimension, in thousandths. Source: function.md section 5.6.
var danish = [...][4]int{
	{41, 54, 157, 220}, {35, 50, 144, 209}, {33, 40, 139, 174}, {48, 94, 381, 537}, {72, 191, 430, 618},
}

// Profile parts a profile such as 11123 into its five levels; false when it is none.
func Profile(profile string) ([5]int, bool) {
	var levels [5]int
	if len(profile) != 5 {
		return levels, false
	}
	for i := range levels {
		if profile[i] < '1' || profile[i] > '5' {
			return [5]int{}, false
		}
		levels[i] = int(profile[i] - '0')
	}
	return levels, true
}

// Index gives the index of five levels by a named value set. It is for checking the index that a source sent; false
// without five valid levels or for a set that we do not have. Unit: 1 is full health.
func Index(valueSet string, levels [5]int) (float64, bool) {
	if valueSet != ValueSetDanish {
		return 0, false
	}
	lost := 0
	for i, l := range levels {
		if l < 1 || l > 5 {
			return 0, false
		}
		if l > 1 {
			lost += danish[i][l-2]
		}
	}
	return float64(1000-lost) / 1000, true
}

// levelsOf gives the five levels of an assessment when all are there.
func levelsOf(v values) ([5]int, bool) {
	var levels [5]int
	for i, d := range dimensions {
		x, ok := v[d]
		if !ok || x < 1 || x > 5 {
			return [5]int{}, false
		}
		levels[i] = int(x)
	}
	return levels, true
}

// profileOf gives the profile that the source wrote, "" when it wrote none.
func profileOf(points []Point) string {
	for i := range points {
		if p := &points[i]; p.Absent == "" && !p.NotRelevant && p.item() == ItemTotal {
			return p.Shown
		}
	}
	return ""
}

// checkProfile compares the profile that the source sent with the five levels.
func checkProfile(points []Point, v values) []Issue {
	text := profileOf(points)
	if text == "" {
		return nil
	}
	written, valid := Profile(text)
	levels, complete := levelsOf(v)
	if !valid || complete && written != levels {
		return []Issue{{Code: IssueProfile, Text: "The profile is not that of the five levels; both are shown as written.", Item: ItemTotal}}
	}
	return nil
}

// CheckIndex looks at an index beside the levels of the same assessment: without five valid levels or a named set there
// is no index, and it must be the set's own, to the published rounding. index and levels are points of one occasion.
func CheckIndex(index Point, levels []Point) []Issue {
	if index.Number == nil {
		return nil
	}
	v := valuesOf(levels)
	five, complete := levelsOf(v)
	if !complete {
		five, complete = Profile(profileOf(levels))
	}
	want, known := Index(index.Variant, five)
	switch {
	case index.Variant == VariantUnknown || index.Variant == "" || !complete:
		return []Issue{{Code: IssueIndexItems, Text: "An index needs five levels and a named value set.", Item: ItemTotal}}
	case known && math.Abs(want-*index.Number) > 0.0015:
		return []Issue{{Code: IssueIndex, Text: "The index is not that of the named value set; the source's is shown.", Item: ItemTotal}}
	}
	return nil
}
