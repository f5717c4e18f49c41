package memory

import "slices"

// insert puts a number into a growing list, where it stands once.
func insert(list []int64, n int64) []int64 {
	if k := len(list); k == 0 || list[k-1] < n {
		return append(list, n) // the usual case
	}
	i, there := slices.BinarySearch(list, n)
	if there {
		return list
	}
	return slices.Insert(list, i, n)
}

// remove takes a number out of a growing list.
func remove(list []int64, n int64) []int64 {
	i, there := slices.BinarySearch(list, n)
	switch {
	case !there:
		return list
	case i == 0:
		return list[1:] // the usual case: nothing is copied
	}
	return slices.Delete(list, i, i+1)
}
