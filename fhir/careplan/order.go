package careplan

import (
	"cmp"
	"slices"
	"strings"
)

// sortLists gives the lists whose order is not already that of the thing told about.
func (f *fold) sortLists() {
	p := f.p
	p.Flags, p.Tasks, p.Gaps = sorted(p.Flags, byFlag), sorted(p.Tasks, byTask), sorted(p.Gaps, byGap)
	p.Flags = slices.CompactFunc(p.Flags, func(a, b Flag) bool {
		return a.Code == b.Code && a.Text == b.Text && slices.Equal(a.From, b.From)
	})
}

// sorted puts a list in order, by pointers: what is in it is large. What two of them are equal by is all that is shown.
func sorted[T any](list []T, order func(a, b *T) int) []T {
	if len(list) < 2 {
		return list
	}
	refs := make([]*T, len(list))
	for i := range list {
		refs[i] = &list[i]
	}
	slices.SortFunc(refs, order)
	out := make([]T, len(list))
	for i, r := range refs {
		out[i] = *r
	}
	return out
}

func byFlag(a, b *Flag) int {
	if c := strings.Compare(a.Code, b.Code); c != 0 {
		return c
	}
	if c := slices.Compare(a.From, b.From); c != 0 {
		return c
	}
	return strings.Compare(a.Text, b.Text)
}

func byTask(a, b *Task) int {
	if c := strings.Compare(a.Rule, b.Rule); c != 0 {
		return c
	}
	if c := slices.Compare(a.From, b.From); c != 0 {
		return c
	}
	return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.Text, b.Text), strings.Compare(a.For, b.For), strings.Compare(a.Status, b.Status))
}

func byGap(a, b *Gap) int {
	if c := strings.Compare(a.Rule, b.Rule); c != 0 {
		return c
	}
	if c := slices.Compare(a.From, b.From); c != 0 {
		return c
	}
	if c := strings.Compare(a.Subject, b.Subject); c != 0 {
		return c
	}
	return cmp.Or(strings.Compare(a.Text, b.Text), a.Due.Compare(b.Due))
}
