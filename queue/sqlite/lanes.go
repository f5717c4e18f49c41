package sqlite

import (
	"hash/maphash"
	"math"
	"sync"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// laneKey stands for the name of a lane: 8 bytes instead of a string of sixty, because there may be a
// million lanes. Two names that fall on one key would only be sent one after the other.
type laneKey uint64

// never is the due time of a delivery that blocks its lane until somebody resends it or gives it up.
const never = math.MaxInt64

// laneChange is what one committed step or new delivery means to its lane.
type laneChange struct {
	seq   int64
	party string
	lane  laneKey
	// open: the delivery stands in its lane from now on, due at due; otherwise it has left it.
	open    bool
	waiting bool // stored as waiting, otherwise as queued
	due     int64
	at      int64 // when the unit was made, by the clock of then; 0 when it does not matter
	// release ends the lease of the delivery.
	release bool
	// fresh is a delivery just made, nil for one that was changed.
	fresh *samvirke.Delivery
}

// lanes knows what may be sent when, and who is sending it. It is a picture of the delivery table
// in memory, changed only after a group is synced and by leases, which are not stored at all.
type lanes struct {
	mu      sync.Mutex
	seed    maphash.Seed
	parties map[string]*partyLanes
	leases  map[int64]*lease
	token   int64
	fresh   fresh
	// slipped is the clock when it was put back since the store was opened, otherwise nil.
	slipped func() time.Time
	// loading has a channel for each party of an earlier life, closed when its deliveries have been read in; until then
	// nothing of it is leased, because the head of a lane might not be known yet. The map does not change after Open.
	loading map[string]chan struct{}
	// loaded is closed when those of all have been.
	loaded chan struct{}
}

// partyLanes are the lanes of one party. ready holds those whose head waits only for its time.
type partyLanes struct {
	name  string
	lanes map[laneKey]laneID
	all   slab[lane]
	more  slab[[]laneItem]
	ready laneHeap
	// wake is closed and replaced when ready has changed while somebody waits.
	wake    chan struct{}
	waiting int
	most    int // lanes since the map of them was made
}

// manyLanes is how many make a map worth being made anew when all are gone.
const manyLanes = 10_000

// lease is one delivery in the hands of a sender.
type lease struct {
	token int64
	state samvirke.DeliveryState // as stored: queued or waiting
	party *partyLanes
	lane  laneID
	timer *time.Timer
	// pins counts units in the writer that rely on the lease; lapsed says that its time ran out meanwhile.
	pins   int
	lapsed bool
}

func newLanes(token int64) *lanes {
	return &lanes{seed: maphash.MakeSeed(), parties: map[string]*partyLanes{}, leases: map[int64]*lease{},
		token: token, fresh: newFresh(), loaded: make(chan struct{})}
}

// await says that the deliveries of these parties will be read in.
func (l *lanes) await(parties []string) {
	l.loading = make(map[string]chan struct{}, len(parties))
	for _, p := range parties {
		l.loading[p] = make(chan struct{})
	}
}

func (l *lanes) key(name string) laneKey { return laneKey(maphash.String(l.seed, name)) }

func (l *lanes) party(name string) *partyLanes {
	p := l.parties[name]
	if p == nil {
		p = &partyLanes{name: name, lanes: map[laneKey]laneID{}, wake: make(chan struct{})}
		l.parties[name] = p
	}
	return p
}

// settle applies the changes of a synced group and lets go of the leases it had pinned.
func (l *lanes) settle(changes []laneChange, pinned []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.slipped != nil {
		late(changes, l.slipped())
	}
	for _, c := range changes {
		l.apply(c)
	}
	for _, seq := range pinned {
		if x := l.leases[seq]; x != nil {
			x.pins--
			if x.lapsed && x.pins == 0 {
				l.end(seq, x)
			}
		}
	}
}

func (l *lanes) apply(c laneChange) {
	p := l.party(c.party)
	if c.fresh != nil {
		l.fresh.add(c.fresh)
	} else {
		l.fresh.take(c.seq)
	}
	if c.release {
		if x := l.leases[c.seq]; x != nil {
			l.end(c.seq, x)
		}
	}
	id := p.lanes[c.lane]
	switch {
	case c.open && id == 0:
		id = p.enter(c.lane)
		p.put(p.all.get(id), itemOf(c.seq, c.due, c.waiting))
	case c.open:
		p.put(p.all.get(id), itemOf(c.seq, c.due, c.waiting))
	case id == 0:
		return
	default:
		p.remove(p.all.get(id), c.seq)
	}
	p.place(id)
}

// enter makes an empty lane.
func (p *partyLanes) enter(key laneKey) laneID {
	id := p.all.add()
	*p.all.get(id) = lane{key: key, at: -1}
	p.lanes[key] = id
	p.most = max(p.most, len(p.lanes))
	return id
}

// leave forgets an empty lane.
func (p *partyLanes) leave(id laneID, n *lane) {
	delete(p.lanes, n.key)
	p.all.drop(id)
	if len(p.lanes) == 0 && p.most > manyLanes {
		p.lanes, p.most = map[laneKey]laneID{}, 0 // a map keeps the room that it once needed
	}
}

// end ends a lease and puts its lane back.
func (l *lanes) end(seq int64, x *lease) {
	x.timer.Stop()
	delete(l.leases, seq)
	x.party.all.get(x.lane).leased = false
	x.party.place(x.lane)
}

// place puts the lane where it belongs: among the ready ones, aside, or away when it is empty.
func (p *partyLanes) place(id laneID) {
	n := p.all.get(id)
	can := !n.leased && !n.head.none() && n.head.due != never
	switch {
	case can && n.at < 0:
		p.push(id, n)
	case can:
		p.fix(int(n.at))
	case n.at >= 0:
		p.unready(int(n.at))
	}
	if n.head.none() && !n.leased {
		p.leave(id, n)
	}
	if can && p.waiting > 0 {
		close(p.wake)
		p.wake = make(chan struct{})
		p.waiting = 0
	}
}

// pin keeps the lease of a delivery from running out while a unit that relies on it is in the writer.
// It gives the token, 0 when nobody has the delivery.
func (l *lanes) pin(seq int64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	x := l.leases[seq]
	if x == nil {
		return 0
	}
	x.pins++
	return x.token
}

// expire is the end of a lease's time.
func (l *lanes) expire(seq, token int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	x := l.leases[seq]
	switch {
	case x == nil || x.token != token:
	case x.pins > 0:
		x.lapsed = true
	default:
		l.end(seq, x)
	}
}

// take leases up to max due deliveries of a party. When there are none it gives a channel that is
// closed when that may have changed, and when the next one is due (never: nobody knows).
func (l *lanes) take(party string, limit int, ttl time.Duration, now int64) (got []queue.Leased, wake <-chan struct{}, next int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.party(party)
	for len(got) < limit && p.nextDue() <= now {
		id := p.unready(0)
		n := p.all.get(id)
		n.leased = true
		l.token++
		seq, token, state := n.head.seq(), l.token, samvirke.DeliveryQueued
		if n.head.waiting() {
			state = samvirke.DeliveryWaiting
		}
		l.leases[seq] = &lease{token: token, state: state, party: p, lane: id,
			timer: time.AfterFunc(ttl, func() { l.expire(seq, token) })}
		x := queue.Leased{Token: token}
		if d := l.fresh.take(seq); d != nil {
			x.Delivery = *d
		}
		x.Seq = seq
		got = append(got, x)
	}
	if len(got) > 0 {
		return got, nil, 0
	}
	p.waiting++
	return nil, p.wake, p.nextDue()
}

// nextDue is when the first of the ready lanes is due, never when there is none.
func (p *partyLanes) nextDue() int64 {
	if len(p.ready) == 0 {
		return never
	}
	return p.all.get(p.ready[0]).head.due
}

// leased gives the numbers of the deliveries that are being sent.
func (l *lanes) leased() map[int64]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[int64]bool, len(l.leases))
	for seq := range l.leases {
		out[seq] = true
	}
	return out
}

// sending counts what is being sent, by party and stored state.
func (l *lanes) sending() map[string]map[samvirke.DeliveryState]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[string]map[samvirke.DeliveryState]int64{}
	for _, x := range l.leases {
		n := out[x.party.name]
		if n == nil {
			n = map[samvirke.DeliveryState]int64{}
			out[x.party.name] = n
		}
		n[x.state]++
	}
	return out
}

// stop ends all leases, so that no timer outlives the store.
func (l *lanes) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for seq, x := range l.leases {
		l.end(seq, x)
	}
}
