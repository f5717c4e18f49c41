package simulate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/samvirke/samvirke"
)

// CheckParties holds what the parties of a course saw against it: each addressee got each message
// once and in order, each sender got a positive receipt for each of its messages, notices came
// without gaps, and no party noted a problem.
func CheckParties(c *Course, parties map[string]*Party) []Check {
	k := &checker{}
	for _, cp := range c.Parties {
		p := parties[cp.ID]
		if p == nil {
			k.is(cp.ID+": plays", false, true)
			continue
		}
		k.addressed(c, cp, p)
		k.receipts(c, cp, p)
		k.is(cp.ID+": problems", strings.Join(p.Problems(), "; "), "")
	}
	return k.list
}

// addressed: the messages of the course that name this party and that it can read, in their order.
func (k *checker) addressed(c *Course, cp CourseParty, p *Party) {
	var want, got []string
	order := map[string]int{}
	for i := range c.Steps {
		s := &c.Steps[i]
		env := p.read(s.Body).Envelope
		if s.RepeatOf > 0 || s.From == cp.ID || !named(env.Receivers, cp.HER) || !reads(cp, s.ContentType) {
			continue
		}
		order[strings.ToLower(env.ID)] = s.N
		want = append(want, fmt.Sprint(s.N))
	}
	notices := 0
	for _, r := range p.Received() {
		if n := order[strings.ToLower(r.Envelope.ID)]; n > 0 {
			got = append(got, fmt.Sprint(n))
		}
		if r.Envelope.Format == formatNotification {
			notices++
		}
	}
	k.is(cp.ID+": messages addressed to it, in order", strings.Join(got, " "), strings.Join(want, " "))
	if slices.Contains(cp.Accepts, formatNotification) {
		k.is(cp.ID+": told of plan changes", notices > 0, true)
	}
}

// reads tells whether a party takes the very bytes; what is translated for it has another id or shape.
func reads(cp CourseParty, contentType string) bool {
	if strings.Contains(contentType, "json") {
		return slices.Contains(cp.Accepts, "fhir")
	}
	return slices.Contains(cp.Accepts, "kith")
}

func named(receivers []samvirke.Address, her []string) bool {
	for _, a := range receivers {
		if slices.Contains(her, a.HER()) || slices.Contains(her, a.Enterprise()) {
			return true
		}
	}
	return false
}

// receipts: one positive receipt per receiver named, none negative, none twice.
func (k *checker) receipts(c *Course, cp CourseParty, p *Party) {
	for i := range c.Steps {
		s := &c.Steps[i]
		if s.From != cp.ID || s.RepeatOf > 0 {
			continue
		}
		env := p.read(s.Body).Envelope
		ok, bad := 0, 0
		for _, r := range p.ReceiptsFor(env.ID) {
			if r.Status == samvirke.ReceiptOK {
				ok++
			} else {
				bad++
			}
		}
		k.is(fmt.Sprintf("%d %s: receipts to %s, positive and other", s.N, s.Kind, cp.ID),
			fmt.Sprint(ok, " ", bad), fmt.Sprint(len(env.Receivers), " 0"))
	}
}
