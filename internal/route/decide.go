package route

import (
	"fmt"
	"slices"
	"strings"

	"github.com/samvirke/samvirke"
)

// none is the addressee index of a party that the message does not name.
const none = -1

// draft is a decision in the making; slices run parallel to Table.parties.
type draft struct {
	in *Input
	// allowed and denied hold the name of the first rule that says so; "" = none does.
	allowed, denied []string
	// addressee is the index in Envelope.Receivers, or none.
	addressee []int
	// told: was sent an earlier message of this conversation.
	told []bool
	// sender: the party is who the message comes from.
	sender []bool
	// unknown are names that no party answers to.
	unknown map[string]Dropped
}

// Decide says who gets the message. It never fails: whoever cannot be reached is listed in Dropped.
// An application receipt is never routed; its decision is empty.
func (t *Table) Decide(in Input) Decision {
	if in.Envelope.Receipt != nil {
		return Decision{}
	}
	d := t.draft(&in)
	role := ""
	if i, ok := t.byID[in.From]; ok {
		role = t.parties[i].Role
	}
	for i := range t.rules {
		if r := &t.rules[i]; r.matches(&in, role) {
			for _, to := range r.To {
				t.apply(d, r, to)
			}
		}
	}
	t.applyTold(d)
	return t.settle(d)
}

// Denied tells whether a rule denies a party what the message brings. It is the answer that Decide goes by, asked for
// one party that is told in a way of its own.
func (t *Table) Denied(in Input, party string) bool {
	i, ok := t.byID[party]
	if !ok || !slices.ContainsFunc(t.rules, func(r Rule) bool { return r.Deny }) {
		return false
	}
	d, role := t.draft(&in), ""
	if from, ok := t.byID[in.From]; ok {
		role = t.parties[from].Role
	}
	for n := range t.rules {
		if r := &t.rules[n]; r.Deny && r.matches(&in, role) {
			for _, to := range r.To {
				t.apply(d, r, to)
			}
		}
	}
	return d.denied[i] != ""
}

// draft resolves who the message comes from and whom it names.
func (t *Table) draft(in *Input) *draft {
	n := len(t.parties)
	d := &draft{
		in: in, allowed: make([]string, n), denied: make([]string, n), addressee: make([]int, n),
		told: make([]bool, n), sender: make([]bool, n), unknown: make(map[string]Dropped),
	}
	for i := range d.addressee {
		d.addressee[i] = none
	}
	if i, ok := t.byID[in.From]; ok {
		d.sender[i] = true
	}
	// A party may hand over what another one wrote; the writer does not get it back either.
	for _, i := range t.atAddress(in.Envelope.Sender) {
		d.sender[i] = true
	}
	for n, a := range in.Envelope.Receivers {
		at := t.atAddress(a)
		for _, i := range at {
			if d.addressee[i] == none {
				d.addressee[i] = n
			}
		}
		if len(at) == 0 {
			d.miss(receiverName(a, n), "", n)
		}
	}
	return d
}

// atAddress gives the parties an address means: those that bear the HER-id of its innermost level,
// else of the next one out. So a service of its own wins over the enterprise around it, and a party
// that bears the enterprise's id stands in for services nobody bears.
func (t *Table) atAddress(a samvirke.Address) []int {
	for n := len(a.Levels); n > 0; n-- {
		her := samvirke.Address{Levels: a.Levels[:n]}.HER()
		if her == "" {
			return nil
		}
		if at := t.byHER[her]; len(at) > 0 {
			return at
		}
	}
	return nil
}

func receiverName(a samvirke.Address, n int) string {
	if her := a.HER(); her != "" {
		return "her:" + her
	}
	return fmt.Sprintf("receiver %d", n+1)
}

// isCopy tells whether receiver n is named as a copy receiver. Where the message gives no role, the
// first one is the primary receiver.
func isCopy(a samvirke.Address, n int) bool {
	return a.Role == "copy" || a.Role == "" && n > 0
}

// apply adds what one receiver of one matching rule stands for.
func (t *Table) apply(d *draft, r *Rule, to string) {
	switch to {
	case ToAddressees, ToCopies:
		for n, a := range d.in.Envelope.Receivers {
			if to == ToAddressees || isCopy(a, n) {
				at := t.atAddress(a)
				d.mark(r, at)
				if len(at) == 0 && !r.Deny {
					d.miss(receiverName(a, n), r.Name, n)
				}
			}
		}
	case ToMunicipality:
		d.mark(r, t.serving(d.in.Municipality))
	case ToGP:
		if d.in.GP != "" {
			t.applyID(d, r, d.in.GP)
		}
	case ToTeam:
		for _, her := range d.in.Team {
			at := t.byHER[her]
			d.mark(r, at)
			if len(at) == 0 && !r.Deny {
				d.miss("her:"+her, r.Name, none)
			}
		}
	default:
		t.applyID(d, r, to)
	}
}

func (t *Table) applyID(d *draft, r *Rule, id string) {
	if i, ok := t.byID[id]; ok {
		d.mark(r, []int{i})
	} else if !r.Deny {
		d.miss(id, r.Name, none)
	}
}

// serving gives the municipal parties of a municipality; a GP's office that lies there is not one.
func (t *Table) serving(number string) []int {
	if number == "" {
		return nil
	}
	var at []int
	for i, p := range t.parties {
		if p.Role == "municipality" && p.Municipality == number {
			at = append(at, i)
		}
	}
	return at
}

func (t *Table) applyTold(d *draft) {
	if op := d.in.Envelope.Op; op != samvirke.OpChange && op != samvirke.OpCancel {
		return
	}
	for _, id := range d.in.Told {
		if i, ok := t.byID[id]; ok {
			d.told[i] = true
			if d.allowed[i] == "" {
				d.allowed[i] = RuleTold
			}
		} else {
			d.miss(id, RuleTold, none)
		}
	}
}

// mark notes that r allows or denies these parties; the first rule keeps the name.
func (d *draft) mark(r *Rule, at []int) {
	marks := d.allowed
	if r.Deny {
		marks = d.denied
	}
	for _, i := range at {
		if marks[i] == "" {
			marks[i] = r.Name
		}
	}
}

// miss notes a name that no party answers to, once; the first rule and place are kept.
func (d *draft) miss(name, rule string, addressee int) {
	old, there := d.unknown[name]
	if !there {
		old = Dropped{Party: name, Rule: rule, Why: WhyUnknown, Addressee: addressee}
	}
	if old.Rule == "" {
		old.Rule = rule
	}
	d.unknown[name] = old
}

// settle turns the draft into choices and drops, in the order of the configuration.
func (t *Table) settle(d *draft) Decision {
	dec := Decision{Choices: []Choice{}}
	for i := range t.parties {
		c, why := t.judge(d, i)
		switch {
		case why != "":
			drop := Dropped{Party: t.parties[i].ID, Rule: d.allowed[i], Why: why, Addressee: d.addressee[i]}
			if why == WhyDenied {
				drop.Rule = d.denied[i]
			}
			dec.Dropped = append(dec.Dropped, drop)
		case c.Party != "":
			dec.Choices = append(dec.Choices, c)
		}
	}
	known := len(dec.Dropped)
	for _, u := range d.unknown {
		dec.Dropped = append(dec.Dropped, u)
	}
	slices.SortFunc(dec.Dropped[known:], func(a, b Dropped) int { return strings.Compare(a.Party, b.Party) })
	return dec
}

// changedFor tells whether a party sees something new in the plan.
func (d *draft) changedFor(party string) bool {
	if d.in.Changed != nil {
		return d.in.Changed(party)
	}
	return d.in.PlanChanged
}

// judge gives the choice for one party, or why it is dropped, or neither when nothing concerns it.
func (t *Table) judge(d *draft, i int) (Choice, Why) {
	p := &t.parties[i]
	named := d.allowed[i] != ""
	isAddressee := d.addressee[i] != none
	if tell := d.in.Tell[p.ID]; tell != "" && !named && !isAddressee && !d.sender[i] && d.denied[i] == "" {
		return Choice{Party: p.ID, Format: tell, Rule: RuleMember, Addressee: none}, ""
	}
	reaches := d.told[i] && d.in.Envelope.Op == samvirke.OpCancel
	switch {
	case !named && !isAddressee:
		return Choice{}, ""
	case d.sender[i]:
		return Choice{}, WhySender
	case reaches:
		// A withdrawal reaches whoever was sent the thing.
	case d.denied[i] != "":
		return Choice{}, WhyDenied
	case !named:
		return Choice{}, WhyNoRule
	}
	a, version, ok := fit(p.Accepts, &d.in.Envelope)
	if note := d.in.Tell[p.ID]; !ok && note == FormatNote && !isAddressee {
		a, version, ok = samvirke.Accept{Format: FormatNote}, "", true // the change, since the message does not fit
	}
	exact := a.Format == FormatNote || a.Format == FormatNotification && d.in.Changed != nil
	switch {
	case d.in.Envelope.NoForwarding && !isAddressee && !exact && !reaches:
		return Choice{}, WhyObjection
	case !ok:
		return Choice{}, WhyNoFormat
	case a.Format == FormatNotification && !d.changedFor(p.ID):
		return Choice{}, WhyUnchanged
	}
	return Choice{Party: p.ID, Format: a.Format, Version: version, Rule: d.allowed[i], Addressee: d.addressee[i]}, ""
}
