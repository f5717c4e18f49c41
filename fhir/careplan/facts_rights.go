package careplan

// rightsFacts is what a message states about who the person is, who takes part and who may see what.
// Source: careplan.md sections 7 and 8.
type rightsFacts struct{}

func (r *rightsFacts) largest() int { return 0 }
