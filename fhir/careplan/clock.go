package careplan

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Limits after which an open conflict is told of again. Source: careplan.md section 5.4.
const (
	conflictAged    = 24 * time.Hour
	conflictOverdue = 72 * time.Hour
)

// Clocks are the times at which somebody must act unless the plan changes before that, by due time and
// then id. They follow from the plan alone: a withdrawn record leaves none, death ends all, and what has
// been done has none. A clock whose time has passed stays for as long as the thing is not done; whoever
// acts on clocks remembers by ID and Due which it has acted on. All times are UTC.
//
// Source: careplan.md sections 5.4, 5.5 and 11 (P21).
func (p *Plan) Clocks() []Clock {
	if p == nil || p.Person.Deceased != nil {
		return nil
	}
	c := clocks{p: p, used: map[string]bool{}}
	c.gaps()
	c.conflicts()
	c.proposals()
	c.memberships()
	c.courses()
	slices.SortFunc(c.list, func(a, b Clock) int {
		return cmp.Or(a.Due.Compare(b.Due), strings.Compare(a.ID, b.ID))
	})
	return c.list
}

// clocks is the list in the making.
type clocks struct {
	p    *Plan
	list []Clock
	used map[string]bool // ids
}

// add adds a clock that rests on live records; one that rests on none would never end. The id does
// not hold the due time: a date that is moved moves the clock.
func (c *clocks) add(k Clock) {
	k.From = c.live(k.From)
	if len(k.From) == 0 || k.Due.IsZero() {
		return
	}
	k.Due = k.Due.UTC()
	if k.ID == "" {
		k.ID = shortID("clock", k.Rule, k.Subject)
	}
	if c.used[k.ID] { // two of one rule about the whole plan: told apart by what they rest on
		k.ID = shortID("clock", append([]string{k.Rule, k.Subject}, k.From...)...)
	}
	if !c.used[k.ID] {
		c.used[k.ID] = true
		c.list = append(c.list, k)
	}
}

// live leaves the live ones of a list of sources, in order.
func (c *clocks) live(from []string) []string {
	var out []string
	for _, k := range from {
		if _, ok := c.p.Sources[k]; ok { // Sources are the live records, and those only
			out = addFrom(out, k)
		}
	}
	return out
}

// gaps are the rules that count from a time on.
func (c *clocks) gaps() {
	for _, g := range c.p.Gaps {
		c.add(Clock{Rule: g.Rule, Due: g.Due, Text: g.Text, Subject: g.Subject, For: c.owner(g), From: g.From})
	}
}

// owner is who must see to a gap: who carries the measure, the organisation of the stay whose discharge
// report is missing, who was asked, else the coordinator.
func (c *clocks) owner(g Gap) string {
	switch g.Rule {
	case "R5":
		for _, m := range c.p.Measures {
			if m.ID == g.Subject && m.Owner != "" {
				return m.Owner
			}
		}
	case "R6":
		for _, s := range c.p.Stays {
			if s.ID == g.Subject {
				return s.Organiser
			}
		}
	case "R11", "R15":
		return c.addressee(g.From)
	}
	return "coordinator"
}

// addressee is the municipality that records went to, else the only organisation they went to.
func (c *clocks) addressee(from []string) string {
	var to []string
	for _, m := range c.p.Team {
		asked := slices.ContainsFunc(from, func(k string) bool { return contains(m.From, k) && !strings.HasPrefix(k, m.HER+"/") })
		if asked && m.Role == "municipality" {
			return m.HER
		}
		if asked {
			to = append(to, m.HER)
		}
	}
	if len(to) == 1 {
		return to[0]
	}
	return "coordinator"
}

func (c *clocks) conflicts() {
	if c.p.Shared == nil {
		return
	}
	for _, x := range c.p.Shared.Conflicts {
		if x.Status == "resolved" || x.Opened.IsZero() {
			continue
		}
		var from []string
		for _, cand := range x.Candidates {
			from = append(from, cand.From...)
		}
		text := "A disagreement has not been settled: " + x.Field
		for _, age := range [...]struct {
			rule  string
			after time.Duration
		}{{"conflict-24h", conflictAged}, {"conflict-72h", conflictOverdue}} {
			c.add(Clock{Rule: age.rule, Due: x.Opened.Add(age.after), Text: text, Subject: x.ID, For: first(x.For, "coordinator"), From: from})
		}
	}
}

// proposals are wished changes of somebody's element that nobody has answered.
func (c *clocks) proposals() {
	if c.p.Shared == nil {
		return
	}
	for _, x := range c.p.Shared.Proposals {
		if x.Status == "requested" && !x.At.IsZero() {
			c.add(Clock{Rule: "proposal", Due: x.At.Add(AnswerLimit), Text: "A proposal has no answer: " + x.Text, Subject: x.ID,
				For: first(x.Owner, "coordinator"), From: x.From})
		}
	}
}

// memberships that end: from then on the member reads nothing new.
func (c *clocks) memberships() {
	if c.p.Rights == nil {
		return
	}
	for _, m := range c.p.Rights.Members {
		c.add(Clock{Rule: "membership-ends", Due: m.End, Text: "A membership of the team ends: " + first(m.Name, m.HER), Subject: m.ID,
			For: "coordinator", From: m.From})
	}
}
