package sqlite

import (
	"fmt"
	"slices"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// order knows whose received messages there are, so that what is about one patient is processed in order; see
// queue.MessageStep. It belongs to the writer's goroutine and is that of the last synced group.
type order struct {
	key func(patient string) laneKey
	// of gives the patient of a received message, lists those of a patient by number.
	of    map[int64]laneKey
	lists map[laneKey][]int64
	// loaded is up to which number messages of an earlier life are known; all when whole is set.
	loaded int64
	whole  bool
	// back are messages that were given back and are to be given again.
	back map[int64]bool
}

func newOrder(key func(string) laneKey) *order {
	return &order{key: key, of: map[int64]laneKey{}, lists: map[laneKey][]int64{}, back: map[int64]bool{}}
}

func (o *order) enter(seq int64, key laneKey) {
	if _, there := o.of[seq]; there || key == 0 {
		return
	}
	o.of[seq] = key
	list := o.lists[key]
	at, _ := slices.BinarySearch(list, seq)
	o.lists[key] = slices.Insert(list, at, seq)
}

// leave takes a message out and gives the next one of its patient when that is to be given again, else 0.
func (o *order) leave(seq int64) (again int64) {
	key, there := o.of[seq]
	if !there {
		return 0
	}
	delete(o.of, seq)
	delete(o.back, seq)
	list := o.lists[key]
	if at, found := slices.BinarySearch(list, seq); found {
		list = slices.Delete(list, at, at+1)
	}
	if len(list) == 0 {
		delete(o.lists, key)
		return 0
	}
	o.lists[key] = list
	return o.released(list[0])
}

// released gives a message when it was given back, else 0.
func (o *order) released(seq int64) int64 {
	if !o.back[seq] || !o.knows(seq) {
		return 0
	}
	delete(o.back, seq)
	return seq
}

// knows says whether all messages before one are known.
func (o *order) knows(seq int64) bool { return o.whole || seq <= o.loaded+1 }

// first says whether no message of the patient is before one, as the groups so far leave them.
func (o *order) first(seq int64, key laneKey) bool {
	list := o.lists[key]
	return o.knows(seq) && (len(list) == 0 || list[0] >= seq)
}

// settle applies the changes of a synced group and gives the messages that are to be given again.
func (o *order) settle(changes []feedChange) (again []feedChange) {
	for _, c := range changes {
		if !c.gone {
			o.enter(c.seq, c.key)
		} else if seq := o.leave(c.seq); seq != 0 {
			again = append(again, feedChange{seq: seq, again: true})
		}
	}
	return again
}

// learnt notes that the messages of an earlier life are known up to a number, or all.
func (o *order) learnt(upTo int64, whole bool) (again []feedChange) {
	o.loaded, o.whole = upTo, whole
	for seq := range o.back {
		if o.first(seq, o.of[seq]) {
			again = append(again, feedChange{seq: o.released(seq), again: true})
		}
	}
	return again
}

// giveBack takes back messages whose units were refused.
func (o *order) giveBack(seqs []int64) (again []feedChange) {
	for _, seq := range seqs {
		key, there := o.of[seq]
		switch {
		case !there: // it was processed meanwhile, or is given anyway once it is loaded
		case o.first(seq, key):
			again = append(again, feedChange{seq: seq, again: true})
		default:
			o.back[seq] = true
		}
	}
	return again
}

// takesOut says that a step takes a message out of received.
func takesOut(s *queue.MessageStep, from samvirke.MessageStatus) bool {
	return from == samvirke.MessageReceived && s.To != "" && s.To != from
}

// atOnce says that the unit accepts a message and takes it out of received.
func (t *tx) atOnce() bool {
	a, s := t.u.Accept, t.u.Message
	return a != nil && s != nil && a.ID == s.ID && takesOut(s, a.Status)
}

// patientKey stands for a patient; 0 for none.
func (t *tx) patientKey(patient string) laneKey {
	if patient == "" {
		return 0
	}
	return t.w.order.key(patient)
}

// lookOrder refuses a step of a message that is not the first of its patient. Closing one is no processing: a person, or an
// erasure, does it to whichever there is.
func (t *tx) lookOrder(row *messageRow) error {
	s, o := t.u.Message, t.w.order
	if row.patient == "" || s.To == samvirke.MessageClosed || !takesOut(s, row.status) {
		return nil
	}
	if o.whole && len(o.of) == 0 && len(t.entered) == 0 {
		return nil // nearly always: nothing waits to be processed
	}
	key := t.patientKey(row.patient)
	if o.knows(row.seq) && !slices.ContainsFunc(o.lists[key], t.stillBefore(row.seq)) && !slices.ContainsFunc(t.entered[key], t.stillBefore(row.seq)) {
		return nil
	}
	if !t.atOnce() {
		t.back = append(t.back, row.seq)
	}
	return fmt.Errorf("message %s is not the first of its patient: %w", s.ID, queue.ErrOrder)
}

// stillBefore says of messages whether they are before one and were not ended by this group.
func (t *tx) stillBefore(seq int64) func(int64) bool {
	return func(other int64) bool { return other < seq && !t.ended[other] }
}

// enters notes that a message is received from now on, leaves that one is no longer.
func (t *tx) enters(c feedChange) {
	t.feed = append(t.feed, c)
	delete(t.ended, c.seq)
	if c.key == 0 {
		return
	}
	if t.entered == nil {
		t.entered = map[laneKey][]int64{}
	}
	t.entered[c.key] = append(t.entered[c.key], c.seq)
}

func (t *tx) leaves(seq int64) {
	t.feed = append(t.feed, feedChange{seq: seq, gone: true})
	if t.ended == nil {
		t.ended = map[int64]bool{}
	}
	t.ended[seq] = true
}

// settleOrder brings the order up to date: what is to be given again goes to the feed.
func (w *writer) settleOrder(changes []feedChange, back []int64) {
	again := w.order.settle(changes)
	if len(back) > 0 {
		again = append(again, w.order.giveBack(back)...)
	}
	w.s.feed.settle(again)
}
