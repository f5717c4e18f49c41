package careplan

// courseFacts is what a message states about the course of rehabilitation: sub-plans, zone plans, progress
// marks, dialogue. Source: careplan.md sections 2 and 3.
type courseFacts struct{}

func (c *courseFacts) largest() int { return 0 }
