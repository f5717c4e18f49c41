package postgres

import (
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// never is the due time of a delivery that blocks its lane until somebody resends it or gives it up.
const never = math.MaxInt64

// laneID names a lane: 8 bytes stand for its name, because an index of names is four times as large. Two names of
// a party that fall on one key would only be sent one after the other.
type laneID struct {
	key   int64
	party string
}

func laneKey(name string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails (hash.Hash)
	return int64(h.Sum64())
}

// deliveryRow is what a step needs to know of its delivery, and what it writes back.
type deliveryRow struct {
	seq       int64
	id, party string
	key       int64
	state     samvirke.DeliveryState // as stored: never sending
	hold      bool
	attempts  int64
	created, due, sent, done,
	expectBy int64
	message          int64 // number of the message, 0 for none
	fault, faultText string
	// ready is when it may be sent by the clock of the database, as far as it stands in its lane.
	ready int64
	// token is that of the lease, 0 when nobody has the delivery; until is its end.
	token, until int64
	made         bool // by this group
}

// now is the state as everybody sees it.
func (r *deliveryRow) now(clock int64) samvirke.DeliveryState {
	if r.token != 0 && r.until > clock {
		return samvirke.DeliverySending
	}
	return r.state
}

// awaited says whether the row counts as one whose receipt is awaited.
func (r *deliveryRow) awaited() bool { return r.state == samvirke.DeliverySent && r.expectBy != 0 }

// queued says whether it waits to be sent.
func (r *deliveryRow) queued() bool {
	return r.state == samvirke.DeliveryQueued || r.state == samvirke.DeliveryWaiting
}

// open says whether it stands among the open ones, and when it is due there; nil: it does not stand in its lane.
func (r *deliveryRow) open() (due *int64, open bool) {
	switch {
	case r.queued():
		return &r.ready, true
	case r.hold:
		n := int64(never)
		return &n, true
	}
	return nil, r.state == samvirke.DeliveryStopped || r.state == samvirke.DeliveryGivenUp || r.awaited()
}

// lookDeliveries gives the new deliveries their numbers.
func (g *group) lookDeliveries() error {
	for i := range g.u.Deliveries {
		d := &g.u.Deliveries[i]
		message, err := g.messageRef(d.MessageID)
		if err != nil {
			return fmt.Errorf("delivery %s: %w", d.ID, err)
		}
		if g.look.rows[d.ID] != nil {
			return fmt.Errorf("delivery %s stands twice in the unit: %w", d.ID, queue.ErrExists)
		}
		if g.deliveries[d.ID] != nil {
			return fmt.Errorf("delivery %s: %w", d.ID, queue.ErrExists)
		}
		g.seqs.delivery++
		r := &deliveryRow{seq: g.seqs.delivery, id: d.ID, party: d.Party, key: laneKey(d.Lane), state: d.State,
			attempts: int64(d.Attempts), created: nanos(d.CreatedAt), due: nanos(d.DueAt), sent: nanos(d.SentAt), done: nanos(d.DoneAt),
			expectBy: nanos(d.ExpectBy), message: message, fault: d.Fault, faultText: d.FaultText, made: true}
		r.ready = g.readyAt(r.due, r.created)
		g.look.rows[d.ID] = r
	}
	return nil
}

// readyAt is when a delivery may be sent. One that is due at once takes its place by the time it was made, so that lanes
// are served in the order they came, but is never held up by a gateway whose clock is fast.
//
// One that is to wait has its time by the clock of the gateway, which says by Unit.Now what that shows: what counts is the time between
// the two. Otherwise a clock that is ten minutes fast would make each pause ten minutes longer, and a slow one would leave none.
func (g *group) readyAt(due, otherwise int64) int64 {
	if due == 0 {
		return min(otherwise, g.now)
	}
	return due + g.now - nanos(g.u.Now)
}

func (g *group) writeDeliveries() {
	for i := range g.u.Deliveries {
		d := g.u.Deliveries[i]
		r := *g.look.rows[d.ID]
		if len(g.u.Steps) > 0 { // as it was made: the steps follow
			r.state, r.hold, r.attempts = samvirke.DeliveryQueued, false, int64(d.Attempts)
		}
		d.Seq, d.Body = r.seq, notNil(d.Body)
		g.deliveries[d.ID] = &r
		g.write.addDelivery(d, &r)
		g.write.tally(tallyDelivery, d.Party, string(samvirke.DeliveryQueued), 1)
	}
}

// lookSteps checks the steps in order, each against what the ones before it leave behind.
func (g *group) lookSteps() error {
	for i := range g.u.Steps {
		s := &g.u.Steps[i]
		row := g.look.rows[s.ID]
		if row == nil {
			stored := g.deliveries[s.ID]
			if stored == nil {
				return fmt.Errorf("delivery %s: %w", s.ID, queue.ErrNotFound)
			}
			c := *stored
			row = &c
			g.look.rows[s.ID] = row
		}
		// A lease whose time is over holds for its holder until somebody else has the delivery: what was sent was sent.
		if s.Token != 0 && s.Token != row.token {
			return fmt.Errorf("delivery %s: %w", s.ID, queue.ErrFenced)
		}
		state := row.now(g.now)
		if s.Token != 0 {
			state = samvirke.DeliverySending
		}
		if len(s.From) > 0 && !slices.Contains(s.From, state) {
			return fmt.Errorf("delivery %s is %s: %w", s.ID, state, queue.ErrState)
		}
		g.look.before = append(g.look.before, *row)
		g.move(row, s)
		g.look.steps = append(g.look.steps, *row)
	}
	return nil
}

// move changes the row as the step says.
func (g *group) move(r *deliveryRow, s *queue.DeliveryStep) {
	at := g.u.Now
	moved := r.state != s.To
	r.state, r.token, r.until = s.To, 0, 0
	r.hold = s.To == samvirke.DeliveryStopped && s.HoldLane
	r.due, r.fault, r.faultText = 0, s.Fault, s.FaultText
	if s.Attempt != nil {
		r.attempts++
	}
	if !s.ExpectBy.IsZero() {
		r.expectBy = nanos(s.ExpectBy)
	}
	if !moved && s.To != samvirke.DeliveryQueued && s.To != samvirke.DeliveryWaiting {
		return // a remark on where it stands: its times stay
	}
	switch s.To {
	case samvirke.DeliveryQueued, samvirke.DeliveryWaiting:
		r.due = nanos(s.DueAt)
		r.ready = g.readyAt(r.due, nanos(at))
	case samvirke.DeliverySent:
		r.sent = nanos(at)
	case samvirke.DeliveryAcknowledged:
		r.done = nanos(at)
		if r.sent == 0 {
			r.sent = r.done
		}
	case samvirke.DeliveryGivenUp:
		r.done = nanos(at)
	}
}

func (g *group) writeSteps() {
	for i := range g.u.Steps {
		s := &g.u.Steps[i]
		before, after := g.look.before[i], g.look.steps[i]
		*g.deliveries[s.ID] = after
		g.write.step(g.deliveries[s.ID])
		if s.Token == 0 && before.token != 0 {
			g.ended = append(g.ended, held{before.seq, before.token})
		}
		g.write.tally(tallyDelivery, after.party, string(before.state), -1)
		g.write.tally(tallyDelivery, after.party, string(after.state), 1)
		if a, b := before.awaited(), after.awaited(); a != b {
			g.write.tally(tallyAwaited, after.party, "", sign(b))
		}
		if a := s.Attempt; a != nil {
			g.write.attempts = append(g.write.attempts, attemptRow{after.seq, after.attempts, nanos(orTime(a.At, g.u.Now)),
				int64(a.Took / time.Nanosecond), a.Answer, string(a.Class), a.Fault, a.FaultText})
		}
	}
}

func sign(up bool) int64 {
	if up {
		return 1
	}
	return -1
}
