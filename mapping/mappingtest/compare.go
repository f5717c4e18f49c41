package mappingtest

import (
	"fmt"
	"strings"
)

// Change is a leaf whose value differs.
type Change struct {
	Path, Want, Got string
}

// Diff says how the leaves of a second document relate to those of a first.
type Diff struct {
	// Total is the number of leaves of the first document; Present of them stand at the same path
	// with the same value in the second.
	Total, Present int
	Missing        []Leaf   // in the first only
	Changed        []Change // at the same path with another value
	Extra          []Leaf   // in the second only
	// Err is set when one of the documents could not be read.
	Err error
}

// Compare compares the leaves of b with those of a.
func Compare(a, b []byte) Diff {
	want, err := Leaves(a)
	if err != nil {
		return Diff{Err: fmt.Errorf("first document: %w", err)}
	}
	got, err := Leaves(b)
	if err != nil {
		return Diff{Total: len(want), Missing: want, Err: fmt.Errorf("second document: %w", err)}
	}
	have := make(map[string]string, len(got))
	for _, l := range got {
		have[l.Path] = l.Value
	}
	d := Diff{Total: len(want)}
	seen := make(map[string]bool, len(want))
	for _, l := range want {
		seen[l.Path] = true
		switch v, ok := have[l.Path]; {
		case !ok:
			d.Missing = append(d.Missing, l)
		case v != l.Value:
			d.Changed = append(d.Changed, Change{Path: l.Path, Want: l.Value, Got: v})
		default:
			d.Present++
		}
	}
	for _, l := range got {
		if !seen[l.Path] {
			d.Extra = append(d.Extra, l)
		}
	}
	return d
}

// Share is the part of the first document's leaves that is back in place, 0 to 1; 1 for a
// document without leaves, 0 when a document could not be read.
func (d Diff) Share() float64 {
	switch {
	case d.Err != nil:
		return 0
	case d.Total == 0:
		return 1
	}
	return float64(d.Present) / float64(d.Total)
}

// Same tells whether nothing is missing, changed or extra.
func (d Diff) Same() bool {
	return d.Err == nil && len(d.Missing) == 0 && len(d.Changed) == 0 && len(d.Extra) == 0
}

// String lists the differences, one a line, for failure messages.
func (d Diff) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d leaves in place", d.Present, d.Total)
	if d.Err != nil {
		fmt.Fprintf(&b, "\n  error: %v", d.Err)
	}
	for _, l := range d.Missing {
		fmt.Fprintf(&b, "\n  missing %s", l)
	}
	for _, c := range d.Changed {
		fmt.Fprintf(&b, "\n  changed %s: want %q, got %q", c.Path, c.Want, c.Got)
	}
	for _, l := range d.Extra {
		fmt.Fprintf(&b, "\n  extra   %s", l)
	}
	return b.String()
}
