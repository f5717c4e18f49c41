package memory

import (
	"fmt"
	"slices"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// tx is one unit on its way: look finds out whether it may be taken and makes the rows as they will be, put puts them in place.
type tx struct {
	s   *Store
	d   *tables
	u   *queue.Unit
	now time.Time // by the clock of the store
	out queue.Outcome

	accept  *message // the new one
	message *message // the one a step changes; may be accept
	// moved are the deliveries that are made or stepped, moves the same by id.
	moved    []*move
	moves    map[string]*move
	dues     map[dueName]*queue.Due // nil: dropped
	counters map[string]int64

	events []samvirke.Event
}

// move is a delivery made or stepped in the unit.
type move struct {
	row   *delivery // a copy, or new
	token int64     // of its lease while it holds, 0 when nobody has it
}

// state is the state as everybody sees it.
func (m *move) state() samvirke.DeliveryState {
	if m.token != 0 {
		return samvirke.DeliverySending
	}
	return m.row.State
}

type dueName struct{ patient, id string }

// look is everything that can go wrong. Of a message that was there before nothing else is looked at.
func (t *tx) look() error {
	if err := t.lookAccept(); err != nil || t.out.Existing != nil {
		return err
	}
	if err := t.lookMessage(); err != nil {
		return err
	}
	if err := t.lookPlans(); err != nil {
		return err
	}
	if err := t.lookDues(); err != nil {
		return err
	}
	if err := t.lookDeliveries(); err != nil {
		return err
	}
	if err := t.lookSteps(); err != nil {
		return err
	}
	if err := t.lookCounters(); err != nil {
		return err
	}
	return t.lookRefs()
}

// lookAccept finds out whether the message is new or repeats an earlier one.
func (t *tx) lookAccept() error {
	if t.u.Accept == nil {
		return nil
	}
	m := &message{Message: *t.u.Accept}
	m.Raw = kept(m.Raw)
	m.GeneratedAt, m.ReceivedAt = moment(m.GeneratedAt), moment(m.ReceivedAt)
	earlier, same := t.d.earlier(m)
	if earlier == 0 {
		earlier, same = t.d.erasedEarlier(m)
	}
	if t.d.messageAt[m.ID] != 0 && !same {
		return fmt.Errorf("message %s: %w", m.ID, queue.ErrExists)
	}
	if earlier != 0 {
		existing := t.d.message[earlier-1].Message
		existing.Raw = nil
		t.out = queue.Outcome{Duplicate: same, Reused: !same, Existing: &existing}
	}
	if !same {
		m.Seq = int64(len(t.d.message)) + 1
		t.out.Seq, t.accept = m.Seq, m
	}
	return nil
}

// earlier finds the message that m repeats, 0 when there is none. Content decides first: one that is quarantined and
// comes again is the same as itself.
func (t *tables) earlier(m *message) (seq int64, same bool) {
	if m.ExternalID == "" {
		if found := t.named[m.name()]; len(found) > 0 {
			return found[0], true
		}
		return 0, false
	}
	var first, equal int64
	for _, id := range queue.SameIDs(m.ExternalID) {
		for _, seq := range t.named[name{byID, m.Party, id}] {
			if first == 0 || seq < first {
				first = seq
			}
			if t.message[seq-1].Checksum == m.Checksum && (equal == 0 || seq < equal) {
				equal = seq
			}
		}
	}
	if equal != 0 {
		return equal, true
	}
	return first, false
}

func (t *tx) lookMessage() error {
	s := t.u.Message
	if s == nil {
		return nil
	}
	switch seq := t.d.messageAt[s.ID]; {
	case t.accept != nil && t.accept.ID == s.ID:
		t.message = t.accept
	case seq != 0:
		m := *t.d.message[seq-1]
		t.message = &m
	default:
		return fmt.Errorf("message %s: %w", s.ID, queue.ErrNotFound)
	}
	m := t.message
	if len(s.From) > 0 && !slices.Contains(s.From, m.Status) {
		return fmt.Errorf("message %s is %s: %w", s.ID, m.Status, queue.ErrState)
	}
	if err := t.lookOrder(m); err != nil {
		return err
	}
	for _, c := range [...]struct {
		to   *string
		from string
	}{{(*string)(&m.Status), string(s.To)}, {&m.Format, s.Format}, {&m.Kind, s.Kind}, {&m.Version, s.Version},
		{&m.ExternalID, s.ExternalID}, {&m.Patient, s.Patient}} {
		if c.from != "" {
			*c.to = c.from
		}
	}
	if !s.GeneratedAt.IsZero() {
		m.GeneratedAt = moment(s.GeneratedAt)
	}
	m.Fault, m.FaultText = s.Fault, s.FaultText
	if s.Envelope != nil {
		m.envelope = kept(s.Envelope)
	}
	if s.Notes != nil {
		m.notes = kept(s.Notes)
	}
	return nil
}

// lookOrder refuses to take a message out of received that is not the first of its patient, and gives it back. Closing one is no
// processing.
func (t *tx) lookOrder(m *message) error {
	first := t.d.received[m.Patient]
	if to := t.u.Message.To; m.Status != samvirke.MessageReceived || to == samvirke.MessageClosed || to == "" || to == m.Status || len(first) == 0 || first[0] >= m.Seq {
		return nil
	}
	if m != t.accept {
		t.s.back[m.Seq] = true
	}
	return fmt.Errorf("message %s is not the first of its patient: %w", m.ID, queue.ErrOrder)
}

func (t *tx) lookPlans() error {
	if t.u.Plan != nil {
		if err := t.lookPlan(t.u.Plan); err != nil {
			return err
		}
	}
	for i := range t.u.Plans {
		p := &t.u.Plans[i]
		again := func(o queue.PlanStep) bool { return o.Patient == p.Patient }
		if t.u.Plan != nil && again(*t.u.Plan) || slices.ContainsFunc(t.u.Plans[:i], again) {
			return fmt.Errorf("two steps of one plan in a unit: %w", queue.ErrPlanVersion)
		}
		if err := t.lookPlan(p); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) lookPlan(p *queue.PlanStep) error {
	have := int64(0)
	if versions := t.d.plan[p.Patient]; len(versions) > 0 {
		have = versions[len(versions)-1].Version
	}
	if have != p.Expect {
		return fmt.Errorf("plan is at version %d, not %d: %w", have, p.Expect, queue.ErrPlanVersion)
	}
	return nil
}

// lookDues runs the steps in order, each against what the ones before it leave behind.
func (t *tx) lookDues() error {
	if len(t.u.Dues) > 0 {
		t.dues = make(map[dueName]*queue.Due, len(t.u.Dues))
	}
	for i := range t.u.Dues {
		s := &t.u.Dues[i]
		n := dueName{s.Patient, s.ID}
		have, seen := t.dues[n]
		if !seen {
			have = t.d.due[s.Patient][s.ID]
		}
		at := moment(s.At)
		switch s.Op {
		case queue.DueSet:
			next := &queue.Due{Patient: s.Patient, ID: s.ID, Rule: s.Rule, At: at, Body: kept(s.Body)}
			if have != nil && have.At.Equal(at) {
				next.FiredAt = have.FiredAt
			}
			t.dues[n] = next
		case queue.DueDrop:
			t.dues[n] = nil
		default:
			if have == nil || !have.At.Equal(at) || !have.FiredAt.IsZero() {
				return fmt.Errorf("due %s: %w", s.ID, queue.ErrState)
			}
			next := *have
			next.FiredAt = moment(t.u.Now)
			t.dues[n] = &next
		}
	}
	return nil
}

// lookCounters: a unit that raises one twice must expect it to have risen.
func (t *tx) lookCounters() error {
	if len(t.u.Counters) > 0 {
		t.counters = make(map[string]int64, len(t.u.Counters))
	}
	for _, c := range t.u.Counters {
		have, seen := t.counters[c.Name]
		if !seen {
			have = t.d.counter[c.Name]
		}
		if have != c.Expect {
			return fmt.Errorf("counter %s is %d, not %d: %w", c.Name, have, c.Expect, queue.ErrCounter)
		}
		t.counters[c.Name] = have + 1
	}
	return nil
}
