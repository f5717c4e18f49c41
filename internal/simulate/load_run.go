package simulate

import (
	"encoding/hex"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// maxSinks is how many receivers one load run can have.
const maxSinks = 32

// run follows the messages of one load run. Sinks call arrived and answered, senders began and
// accepted. It is split into shards so that they do not wait for each other.
type run struct {
	sinks  int
	all    uint32       // a bit for each of its sinks
	faults *Disturbance // nil: the same message must never come twice
	start  time.Time
	shards [64]shard

	sent, acceptedN, refused, retries      atomic.Int64
	deliveries, complete                   atomic.Int64
	duplicated, changed, outOfOrder, alien atomic.Int64
	again                                  atomic.Int64
	receipts                               atomic.Int64
	took                                   histogram
	seed                                   maphash.Seed // of the checksums
	firstAt, lastAt                        atomic.Int64 // ns since start of the first and the newest confirmation
	done                                   chan struct{}
	// goal is how many accepted messages must be complete, receiptGoal how many receipts the sender
	// must have; goal is -1 while sending.
	goal, receiptGoal atomic.Int64
}

// shard holds its messages in one slice without pointers: there may be millions, and the collector shall
// not walk them while a gateway on the same processors is measured.
type shard struct {
	mu     sync.Mutex
	byID   map[[16]byte]int32 // index in tracks
	tracks []track
	// seen is when each message came to each sink, by Disturbance; empty without one.
	seen  []uint32
	order map[orderKey]int32
}

type orderKey struct {
	patient int32
	sink    int8
}

// track is one message under way.
type track struct {
	began    int64 // ns since start
	ended    int64 // the same, of its last receipt
	patient  int32
	seq      int32
	sum      uint64 // of the bytes, enough to see a change
	accepted bool
	got      uint32 // sinks it arrived at
	answered uint32 // sinks that answered
	finished bool
}

func newRun(sinks int) *run {
	r := &run{sinks: sinks, all: 1<<sinks - 1, start: time.Now(), done: make(chan struct{}, 1), seed: maphash.MakeSeed()}
	r.goal.Store(-1)
	for i := range r.shards {
		r.shards[i].byID = map[[16]byte]int32{}
		r.shards[i].order = map[orderKey]int32{}
	}
	return r
}

// key gives the bytes of a UUID in either case of letters; for what is none zeros, which no message has.
func key[T string | []byte](id T) (k [16]byte) {
	if len(id) != 36 {
		return k
	}
	var digits [32]byte
	copy(digits[:], id[:8])
	copy(digits[8:], id[9:13])
	copy(digits[12:], id[14:18])
	copy(digits[16:], id[19:23])
	copy(digits[20:], id[24:])
	if _, err := hex.Decode(k[:], digits[:]); err != nil {
		return [16]byte{}
	}
	return k
}

// find gives the message with this id and the shard it is in, which is locked then; nil when there is none.
func (r *run) find(k [16]byte) (*shard, *track) {
	s := &r.shards[k[0]%64]
	s.mu.Lock()
	i, ok := s.byID[k]
	if !ok {
		s.mu.Unlock()
		return nil, nil
	}
	return s, &s.tracks[i]
}

// began notes a message before its first request; at is when it should have been sent.
func (r *run) began(id string, at time.Time, patient, seq int32, body []byte) {
	k := key(id)
	t := track{began: at.Sub(r.start).Nanoseconds(), patient: patient, seq: seq, sum: maphash.Bytes(r.seed, body)}
	s := &r.shards[k[0]%64]
	s.mu.Lock()
	s.byID[k] = int32(len(s.tracks))
	s.tracks = append(s.tracks, t)
	if r.faults != nil {
		s.seen = append(s.seen, make([]uint32, r.sinks)...)
	}
	s.mu.Unlock()
	r.sent.Add(1)
}

// accepted notes that the gateway promised to keep it.
func (r *run) accepted(id string) {
	k := key(id)
	s, t := r.find(k)
	t.accepted = true
	finished := r.close(t)
	s.mu.Unlock()
	r.acceptedN.Add(1)
	if finished {
		r.finished()
	}
}

// arrived judges what a sink was sent.
func (r *run) arrived(sink int, id, body []byte) {
	k := key(id)
	sum := maphash.Bytes(r.seed, body)
	s, t := r.find(k)
	if t == nil {
		r.alien.Add(1)
		return
	}
	bit := uint32(1) << sink
	again := t.got&bit != 0
	explained := r.explained(s, s.byID[k], sink, t.answered&bit != 0)
	t.got |= bit
	changed := t.sum != sum
	patient, seq := t.patient, t.seq
	s.mu.Unlock()
	if changed {
		r.changed.Add(1)
	}
	if again {
		if explained {
			r.again.Add(1)
		} else {
			r.duplicated.Add(1)
		}
		return
	}
	r.deliveries.Add(1)
	// The order of one patient is kept in the shard of the patient, not of the message.
	p := &r.shards[uint32(patient)%64]
	p.mu.Lock()
	defer p.mu.Unlock()
	o := orderKey{patient, int8(sink)}
	if seq < p.order[o] {
		r.outOfOrder.Add(1)
		return
	}
	p.order[o] = seq
}

// explained notes when a message came to a sink, and tells whether it may come again: something happened since it came
// before, or it was not answered then. The shard is locked; index is that of the message in it.
func (r *run) explained(s *shard, index int32, sink int, answered bool) bool {
	if r.faults == nil {
		return false
	}
	now := r.faults.count()
	at := &s.seen[int(index)*r.sinks+sink]
	before := *at
	*at = now
	return !answered || before != now
}

// answered notes that a sink's receipt is on the wire.
func (r *run) answered(sink int, id []byte) {
	k := key(id)
	s, t := r.find(k)
	if t == nil {
		return
	}
	t.answered |= 1 << sink
	finished := r.close(t)
	s.mu.Unlock()
	if finished {
		r.finished()
	}
}

// close ends a message that is accepted and answered by all; its shard is locked.
func (r *run) close(t *track) bool {
	if t.finished || !t.accepted || t.answered != r.all {
		return false
	}
	t.finished = true
	now := time.Since(r.start).Nanoseconds()
	t.ended = now
	r.firstAt.CompareAndSwap(0, now)
	r.took.add(time.Duration(now - t.began))
	if old := r.lastAt.Load(); now > old {
		r.lastAt.CompareAndSwap(old, now)
	}
	return true
}

func (r *run) finished() {
	r.complete.Add(1)
	r.check()
}

// receipt counts an application receipt that the gateway gave the sender.
func (r *run) receipt() {
	r.receipts.Add(1)
	r.check()
}

// finish sets what must still come, after the last message; true when it is here already. With
// receipts, the sender must also get one receipt per message and receiver.
func (r *run) finish(receipts bool) bool {
	n := r.acceptedN.Load()
	if receipts {
		r.receiptGoal.Store(n * int64(r.sinks))
	}
	r.goal.Store(n)
	return r.reached()
}

func (r *run) reached() bool {
	goal := r.goal.Load()
	return goal >= 0 && r.complete.Load() >= goal && r.receipts.Load() >= r.receiptGoal.Load()
}

func (r *run) check() {
	if !r.reached() {
		return
	}
	select {
	case r.done <- struct{}{}:
	default:
	}
}
