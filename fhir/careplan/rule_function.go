package careplan

import "time"

// r12Function: two sources saw different things in one category of function at about the same time. It asks
// both and picks no winner. Source: function.md section 6, item 5.
func (f *fold) r12Function() {
	for _, d := range f.functionQuestions() {
		f.addGap("R12", d.text, d.id, time.Time{}, d.from...)
	}
}

// functionQuestion is one disagreement about function.
type functionQuestion struct {
	id, text string
	from     []string
}

// functionQuestions are the disagreements that the picture of function shows.
func (f *fold) functionQuestions() []functionQuestion { return nil }
