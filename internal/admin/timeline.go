package admin

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
)

// lane is one column of the time line.
type lane struct {
	Number int // from 1
	Party  partyRef
	Part   string // "sender", "gateway" or "receiver"
}

// maxLanes is how many columns the style sheet knows; further receivers share the last one.
const maxLanes = 9

// step is one row of the time line: a point in one lane, or an arrow from one to another.
type step struct {
	At       time.Time
	Offset   time.Duration // since the message was accepted
	From, To int           // lane numbers; equal for a point
	FromName string
	ToName   string
	Word     word
	// Layer is "transport" (bytes taken), "receipt" (content taken or refused) or "".
	Layer   string
	Detail  string
	Answer  string
	Took    time.Duration
	Size    int64
	Attempt int
	NewDay  bool
	Failed  bool // an attempt whose bytes were not taken
	Fault   string
	seq     int64
}

// Left and Right are the outer lanes of an arrow; Back tells that it points to the left.
func (s step) Left() int { return min(s.From, s.To) }

// Right is the rightmost lane the step touches.
func (s step) Right() int { return max(s.From, s.To) }

// Span is the number of lanes the step touches.
func (s step) Span() int { return s.Right() - s.Left() + 1 }

// Arrow tells whether the step goes from one lane to another.
func (s step) Arrow() bool { return s.From != s.To }

// Back tells whether the arrow points to the left.
func (s step) Back() bool { return s.To < s.From }

// More is what else is known of the step, in short.
func (s step) More() string {
	var parts []string
	if s.Attempt > 0 {
		parts = append(parts, "attempt "+strconv.Itoa(s.Attempt))
	}
	if s.Answer != "" {
		parts = append(parts, s.Answer)
	}
	if s.Took > 0 {
		parts = append(parts, took(s.Took))
	}
	if s.Size > 0 {
		parts = append(parts, byteSize(s.Size))
	}
	if s.Fault != "" {
		parts = append(parts, s.Fault)
	}
	// The event often repeats what the attempt or the size has told already.
	if s.Detail != "" && s.Detail != s.Answer && s.Detail != fmt.Sprintf("%d bytes", s.Size) {
		parts = append(parts, s.Detail)
	}
	return strings.Join(parts, " · ")
}

// timeline lays the events of one message out in lanes and adds to each what attempts and
// receipts know about it.
func timeline(p *tracePage, events []samvirke.Event, name func(string) partyRef) ([]lane, []step) {
	lanes, laneOf := makeLanes(p)
	byID := make(map[string]*deliveryView)
	for i := range p.Deliveries {
		byID[p.Deliveries[i].ID] = &p.Deliveries[i]
	}
	for i := range p.Answers {
		byID[p.Answers[i].ID] = &p.Answers[i]
	}
	tried := attemptsByEvent(byID, events)
	var steps []step
	for i, e := range events {
		if e.Name == samvirke.EventSending && hasResult(events[i+1:], e.DeliveryID) {
			continue // the row of its outcome tells when it began and how long it took
		}
		st := makeStep(p, e, byID[e.DeliveryID], laneOf)
		a, ok := tried[e.Seq]
		if ok {
			st.Took, st.Answer, st.Attempt, st.Fault = a.Took, a.Answer, a.Number, a.Fault
		}
		if e.Name == samvirke.EventWaiting || e.Name == samvirke.EventStopped {
			st.Failed = ok
			if !ok { // nothing went over the wire: a receipt or the age limit caused it
				st.To, st.Size = st.From, 0
			}
		}
		st.FromName, st.ToName = laneName(lanes, st.From), laneName(lanes, st.To)
		if e.Name == samvirke.EventRouted && e.Party != "" {
			st.Detail = strings.TrimSuffix("to "+name(e.Party).Name+": "+e.Detail, ": ")
		}
		steps = append(steps, st)
	}
	slices.SortStableFunc(steps, func(a, b step) int { return int(a.seq - b.seq) })
	last := ""
	for i := range steps {
		steps[i].Offset = steps[i].At.Sub(p.Message.ReceivedAt)
		d := steps[i].At.In(oslo()).Format(time.DateOnly)
		steps[i].NewDay, last = d != last, d
	}
	return lanes, steps
}

func makeLanes(p *tracePage) ([]lane, func(party string) int) {
	lanes := []lane{{1, p.Party, "sender"}, {2, partyRef{ID: "gateway", Name: "Gateway"}, "gateway"}}
	number := map[string]int{p.Message.Party: 1}
	for _, d := range p.Deliveries {
		if _, ok := number[d.Party]; ok {
			continue
		}
		if len(lanes) == maxLanes {
			number[d.Party] = maxLanes
			lanes[maxLanes-1].Party.Name = "Further receivers"
			continue
		}
		lanes = append(lanes, lane{len(lanes) + 1, d.To, "receiver"})
		number[d.Party] = len(lanes)
	}
	return lanes, func(party string) int {
		if n, ok := number[party]; ok {
			return n
		}
		return 2
	}
}

func laneName(lanes []lane, n int) string {
	if n < 1 || n > len(lanes) {
		return ""
	}
	return lanes[n-1].Party.Name
}

// isResult tells whether an event is the outcome of an attempt.
func isResult(n samvirke.EventName) bool {
	return n == samvirke.EventSent || n == samvirke.EventWaiting || n == samvirke.EventStopped
}

// hasResult tells whether the sending of this delivery is followed by its outcome.
func hasResult(later []samvirke.Event, delivery string) bool {
	for _, e := range later {
		if e.DeliveryID == delivery {
			return isResult(e.Name) || e.Name == samvirke.EventAcknowledged || e.Name == samvirke.EventRejected
		}
	}
	return false
}

// attemptsByEvent gives the attempt behind each outcome: the attempts of a delivery and its
// outcomes stand in the same order, and an outcome is never written before its attempt began.
func attemptsByEvent(byID map[string]*deliveryView, events []samvirke.Event) map[int64]samvirke.Attempt {
	next := make(map[string]int)
	found := make(map[int64]samvirke.Attempt)
	for _, e := range events {
		d := byID[e.DeliveryID]
		if d == nil || !isResult(e.Name) {
			continue
		}
		i := next[e.DeliveryID]
		if i >= len(d.Attempt) || d.Attempt[i].At.After(e.At.Add(time.Second)) {
			continue
		}
		taken := d.Attempt[i].Class == ""
		if taken != (e.Name == samvirke.EventSent) {
			continue // for instance a stop that a receipt caused
		}
		found[e.Seq] = d.Attempt[i]
		next[e.DeliveryID] = i + 1
	}
	return found
}

func makeStep(p *tracePage, e samvirke.Event, d *deliveryView, laneOf func(string) int) step {
	st := step{At: e.At, seq: e.Seq, From: 2, To: 2, Word: eventWord(e.Name), Detail: e.Detail}
	party := e.Party
	if d != nil {
		party = d.Party
	}
	switch e.Name {
	case samvirke.EventReceived, samvirke.EventDuplicate:
		st.From, st.To, st.Layer = 1, 2, "transport"
		if e.Name == samvirke.EventReceived {
			st.Size = p.Message.Size
		}
	case samvirke.EventSending, samvirke.EventSent, samvirke.EventWaiting, samvirke.EventStopped:
		if e.DeliveryID == "" || d == nil {
			break
		}
		st.To, st.Size = laneOf(party), d.Size
		if e.Name == samvirke.EventSent {
			st.Layer = "transport"
		}
		if d.Purpose == samvirke.PurposeReceipt {
			st.Word.Text = strings.Replace(st.Word.Text, "Bytes taken", "Receipt to the sender: bytes taken", 1)
		}
	case samvirke.EventAcknowledged, samvirke.EventRejected, samvirke.EventReceiptIn:
		st.From, st.Layer = laneOf(party), "receipt"
	}
	return st
}
