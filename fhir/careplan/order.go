package careplan

import (
	"cmp"
	"slices"
	"strings"
)

// saying is the room in which a Folder's folds gather what they say.
type saying struct {
	flags []Flag
	tasks []Task
	gaps  []Gap
}

// begin makes room for what is said, the oddities of the chains first.
func (f *fold) begin(flags []Flag) {
	if k := f.kept; k != nil {
		f.p.Flags, f.p.Tasks, f.p.Gaps = k.room.flags[:0], k.room.tasks[:0], k.room.gaps[:0]
	}
	f.p.Flags = append(f.p.Flags, flags...)
}

// sortLists gives the lists whose order is not already that of the thing told about.
func (f *fold) sortLists() {
	p := f.p
	if k := f.kept; k != nil {
		k.room = saying{p.Flags, p.Tasks, p.Gaps}
	}
	shared := f.kept != nil
	p.Flags, p.Tasks, p.Gaps = sorted(p.Flags, byFlag, shared), sorted(p.Tasks, byTask, shared), sorted(p.Gaps, byGap, shared)
	p.Flags = slices.CompactFunc(p.Flags, func(a, b Flag) bool {
		return a.Code == b.Code && a.Text == b.Text && slices.Equal(a.From, b.From)
	})
}

// sorted gives a list in order; it is put in order by pointers, since what is in it is large. What two of them are
// equal by is all that is shown. A list that stands in shared room is copied in any case.
func sorted[T any](list []T, order func(a, b *T) int, shared bool) []T {
	if len(list) == 0 {
		return nil
	}
	inOrder := !shared
	for i := 1; i < len(list) && inOrder; i++ {
		inOrder = order(&list[i-1], &list[i]) <= 0
	}
	if inOrder {
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
