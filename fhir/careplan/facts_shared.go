package careplan

// sharedFacts is what a message states about fields that several parties may write, and about others'
// elements. Source: careplan.md sections 5.2 to 5.4.
type sharedFacts struct{}

func (s *sharedFacts) largest() int { return 0 }
