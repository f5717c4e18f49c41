package figures

import "slices"

// hide tells which counts are not published: those below the smallest, and, where exactly one part of a published
// sum is hidden, the smallest other part, without which the hidden one would be the difference.
func hide(points []Point, smallest int64) map[Key]bool {
	hidden := map[Key]bool{}
	n := map[Key]int64{}
	var parts [2]map[Key][]Key // of each sum, by municipality and by month
	for i := range parts {
		parts[i] = map[Key][]Key{}
	}
	for i := range points {
		k := points[i].Key
		n[k] = points[i].N
		if points[i].N < smallest {
			hidden[k] = true
		}
		if k.Municipality != All {
			sum := k
			sum.Municipality = All
			parts[0][sum] = append(parts[0][sum], k)
		}
		if k.Month != All && k.Month != "" {
			sum := k
			sum.Month = All
			parts[1][sum] = append(parts[1][sum], k)
		}
	}
	for again := true; again; {
		again = false
		for i := range points { // in order, so that the same figures are always published the same way
			sum := points[i].Key
			for _, by := range parts {
				if !hidden[sum] && oneHidden(by[sum], hidden) {
					hideNext(sum, by[sum], n, hidden)
					again = true
				}
			}
		}
	}
	return hidden
}

func oneHidden(parts []Key, hidden map[Key]bool) bool {
	count := 0
	for _, k := range parts {
		if hidden[k] {
			count++
		}
	}
	return count == 1
}

// hideNext hides the smallest part that is not hidden yet, or the sum when there is none.
func hideNext(sum Key, parts []Key, n map[Key]int64, hidden map[Key]bool) {
	var next *Key
	for i := range parts {
		if !hidden[parts[i]] && (next == nil || n[parts[i]] < n[*next]) {
			next = &parts[i]
		}
	}
	if next == nil {
		next = &sum
	}
	hidden[*next] = true
}

// small tells whether any of the counts could point at a person.
func small(counts []int64, smallest int64) bool {
	return slices.ContainsFunc(counts, func(n int64) bool { return n > 0 && n < smallest })
}
