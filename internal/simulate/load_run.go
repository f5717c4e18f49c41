package simulate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
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
	start  time.Time
	shards [64]shard

	sent, acceptedN, refused, retries      atomic.Int64
	deliveries, complete                   atomic.Int64
	duplicated, changed, outOfOrder, alien atomic.Int64
	receipts                               atomic.Int64
	lastAt                                 atomic.Int64 // ns since start of the newest confirmation
	done                                   chan struct{}
	// goal is how many accepted messages must be complete, receiptGoal how many receipts the sender
	// must have; goal is -1 while sending.
	goal, receiptGoal atomic.Int64
}

type shard struct {
	mu    sync.Mutex
	byID  map[[16]byte]*track
	order map[orderKey]int32
	took  []float32 // ms
}

type orderKey struct {
	patient int32
	sink    int8
}

// track is one message under way.
type track struct {
	began    int64 // ns since start
	patient  int32
	seq      int32
	sum      [8]byte // of the bytes, enough to see a change
	accepted bool
	got      uint32 // sinks it arrived at
	answered uint32 // sinks that answered
	finished bool
}

func newRun(sinks int) *run {
	r := &run{sinks: sinks, start: time.Now(), done: make(chan struct{}, 1)}
	r.goal.Store(-1)
	for i := range r.shards {
		r.shards[i].byID = map[[16]byte]*track{}
		r.shards[i].order = map[orderKey]int32{}
	}
	return r
}

func key(id string) (k [16]byte, ok bool) {
	if len(id) != 36 {
		return k, false
	}
	var hexed [32]byte
	copy(hexed[:], id[:8])
	copy(hexed[8:], id[9:13])
	copy(hexed[12:], id[14:18])
	copy(hexed[16:], id[19:23])
	copy(hexed[20:], id[24:])
	_, err := hex.Decode(k[:], bytes.ToLower(hexed[:]))
	return k, err == nil
}

// began notes a message before its first request; at is when it should have been sent.
func (r *run) began(id string, at time.Time, patient, seq int32, body []byte) {
	k, _ := key(id)
	sum := sha256.Sum256(body)
	t := &track{began: at.Sub(r.start).Nanoseconds(), patient: patient, seq: seq}
	copy(t.sum[:], sum[:])
	s := &r.shards[k[0]%64]
	s.mu.Lock()
	s.byID[k] = t
	s.mu.Unlock()
	r.sent.Add(1)
}

// accepted notes that the gateway promised to keep it.
func (r *run) accepted(id string) {
	k, _ := key(id)
	s := &r.shards[k[0]%64]
	s.mu.Lock()
	t := s.byID[k]
	t.accepted = true
	finished := r.close(s, t)
	s.mu.Unlock()
	r.acceptedN.Add(1)
	if finished {
		r.finished()
	}
}

// arrived judges what a sink was sent.
func (r *run) arrived(sink int, id string, sum [sha256.Size]byte) {
	k, ok := key(id)
	s := &r.shards[k[0]%64]
	s.mu.Lock()
	t := s.byID[k]
	if !ok || t == nil {
		s.mu.Unlock()
		r.alien.Add(1)
		return
	}
	bit := uint32(1) << sink
	again := t.got&bit != 0
	t.got |= bit
	changed := !bytes.Equal(t.sum[:], sum[:8])
	patient, seq := t.patient, t.seq
	s.mu.Unlock()
	if changed {
		r.changed.Add(1)
	}
	if again {
		r.duplicated.Add(1)
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

// answered notes that a sink's receipt is on the wire.
func (r *run) answered(sink int, id string) {
	k, _ := key(id)
	s := &r.shards[k[0]%64]
	s.mu.Lock()
	t := s.byID[k]
	if t == nil {
		s.mu.Unlock()
		return
	}
	t.answered |= 1 << sink
	finished := r.close(s, t)
	s.mu.Unlock()
	if finished {
		r.finished()
	}
}

// close ends a message that is accepted and answered by all; the shard is locked.
func (r *run) close(s *shard, t *track) bool {
	if t.finished || !t.accepted || t.answered != 1<<r.sinks-1 {
		return false
	}
	t.finished = true
	now := time.Since(r.start).Nanoseconds()
	s.took = append(s.took, float32(now-t.began)/1e6)
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

// times gives all end-to-end times in ms, sorted.
func (r *run) times() []float32 {
	var all []float32
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		all = append(all, s.took...)
		s.mu.Unlock()
	}
	slices.Sort(all)
	return all
}

// quantile of sorted values, 0 for none.
func quantile(sorted []float32, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[min(len(sorted)-1, int(q*float64(len(sorted))))])
}
