package postgres

import (
	"time"

	"github.com/samvirke/samvirke/queue"
)

// A gateway that sends as fast as it can always has a few deliveries in hand, and is back for the next ones when their outcome is
// committed: just after the group that made them. Those that nobody waited for in that moment would have to be claimed, a
// round trip that writes each lane anew and reads the bodies that were in memory just now. So some are kept ready
// for whoever sends (Options.Ahead), leased like any other.
const (
	// aheadBytes bounds the bodies that are kept ready for a party; twice as much when older ones come from the database.
	aheadBytes = 1 << 20
	// aheadFor is how long after somebody last came for a party something is kept ready for it.
	aheadFor = time.Second
)

// room is how many deliveries may be made ready, beyond those that are.
func (l *desks) room(d *desk, bytes int) int {
	n := d.waiting - len(d.ready)
	if l.ahead > 0 && !d.behind && d.bytes+bytes < aheadBytes && time.Since(d.used) < aheadFor {
		n += l.ahead
	}
	return n
}

// turn says that the database must be asked although something is ready: what stands there may be older.
func (l *desks) turn(d *desk) bool {
	return l.ahead > 0 && d.took >= l.ahead && (d.empty != d.round || !time.Now().Before(d.next))
}

// surplus is how many more than wanted now are claimed.
func (l *desks) surplus(d *desk) int {
	if l.ahead == 0 || d.bytes >= aheadBytes {
		return 0
	}
	return max(l.ahead-len(d.ready), 0)
}

// wanted says whether somebody takes one more delivery than those claimed already, with bodies of so many bytes, and for how long.
func (l *desks) wanted(party string, claimed, bytes int) (time.Duration, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.party[party]
	if d == nil || l.room(d, bytes) <= claimed {
		return 0, false
	}
	return d.ttl, true
}

// serves says whether this gateway can be expected to take so many due lanes itself.
func (l *desks) serves(party string, lanes int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.party[party]
	return d != nil && l.room(d, 0) >= lanes
}

// hand gives deliveries to those who wait, or will. since is when nobody else could have ended their leases yet, and ended what had
// been heard of such ends then.
func (l *desks) hand(list []granted, since time.Time, ended int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := since
	if l.ended != ended { // perhaps one of these
		seen = time.Time{}
	}
	for _, x := range list {
		d := l.at(x.d.Party)
		d.put(readyOne{queue.Leased{Delivery: x.d, Token: x.token}, since, d.ttl, seen})
		d.stir()
	}
}

func (d *desk) put(x readyOne) {
	d.ready = append(d.ready, x)
	d.bytes += len(x.Body)
}
