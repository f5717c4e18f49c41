package careplan

// mentions is who speaks of which measure: its words and its code lead to everybody who uses them.
type mentions struct {
	by     map[string]mention
	linked map[string]bool // ids of items that somebody says are the same as another, or a rule suggests are
}

// mention is what uses some words or a code. Two of each are enough: one of them is not the measure itself.
type mention struct {
	proposals [2]string // ids
	others    [2]string // who asks for a measure, or gives a service, of that name
	stopped   bool      // with a reason
}

// keepTwo keeps a further word of the two that are kept.
func keepTwo(kept *[2]string, word string) {
	switch {
	case kept[0] == "":
		kept[0] = word
	case kept[0] != word:
		kept[1] = word
	}
}

// has tells whether there is any but one.
func has(kept [2]string, but string) bool {
	return kept[0] != "" && kept[0] != but || kept[1] != "" && kept[1] != but
}

// mentions gathers them; without a measure that anybody asks for they are not needed.
func (f *fold) mentions(going []*Measure, stops []*rec) *mentions {
	m := &mentions{}
	if len(going) == 0 {
		return m
	}
	m.by = make(map[string]mention, 2*len(f.p.Measures))
	for i := range f.p.Measures {
		o, code := &f.p.Measures[i], ""
		if o.Code != nil {
			code = o.Code.Code
		}
		m.add(o.Text, code, func(n *mention) {
			keepTwo(&n.others, o.Requester)
			if o.Kind == "proposal" {
				keepTwo(&n.proposals, o.ID)
			}
		})
	}
	for i := range f.p.Services {
		s := &f.p.Services[i]
		m.add(s.Text, s.Code, func(n *mention) { keepTwo(&n.others, s.Owner) })
	}
	for _, r := range stops {
		for _, x := range r.facts.More.Course.Stops {
			if x.Reason != "" {
				m.add(x.Text, x.Code, func(n *mention) { n.stopped = true })
			}
		}
	}
	if f.p.Shared != nil && len(f.p.Shared.Same) > 0 {
		m.linked = map[string]bool{}
		for _, l := range f.p.Shared.Same {
			m.linked[l.A], m.linked[l.B] = true, true
		}
	}
	return m
}

func (m *mentions) add(text, code string, say func(*mention)) {
	for _, k := range mentionKeys(text, code) {
		if k != "" {
			n := m.by[k]
			say(&n)
			m.by[k] = n
		}
	}
}

func mentionKeys(text, code string) [2]string {
	keys := [2]string{"text:" + plainKey(text)}
	if code != "" {
		keys[1] = "code:" + code
	}
	return keys
}

// elsewhere tells whether anybody but its author speaks of a measure: as a measure or service of their own, as
// an answer, as a recommendation, by a link of two descriptions, or as stopped for a reason.
func (m *mentions) elsewhere(of *Measure) bool {
	if len(of.Answers) > 0 || m.linked[of.ID] {
		return true
	}
	code := ""
	if of.Code != nil {
		code = of.Code.Code
	}
	for _, k := range mentionKeys(of.Text, code) {
		if n := m.by[k]; n.stopped || has(n.proposals, of.ID) || has(n.others, of.Requester) {
			return true
		}
	}
	return false
}
