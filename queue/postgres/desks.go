package postgres

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// desks hand out deliveries, one desk for each party.
type desks struct {
	mu    sync.Mutex
	party map[string]*desk
	ahead int // Options.Ahead
	// ended counts how often leases were ended by somebody else than their holders, as far as this gateway has heard.
	ended int64
	// doubts counts how often nobody could say which.
	doubts int64
}

// desk is where callers of Lease of one party wait.
type desk struct {
	// ready are deliveries claimed for callers who waited, with the time by which they should be taken.
	ready   []readyOne
	waiting int           // how many the callers who wait would take
	ttl     time.Duration // the shortest lease that one of them asked for
	wake    chan struct{} // closed and replaced when something has changed
	// round counts changes of lanes. At empty there was nothing to claim, and there is nothing before next but by a change.
	round, empty int64
	next, asked  time.Time
	// used is when somebody last came, bytes are the bodies in ready, and took counts what was taken from there since the
	// database was last asked; for Options.Ahead.
	used        time.Time
	bytes, took int
	// old are leases to give back: they have lain ready for too long.
	old []held
	// behind says that due lanes were left in the database when it was last asked.
	behind bool
	// one lets one caller at a time ask the database.
	one chan struct{}
}

type readyOne struct {
	queue.Leased
	since time.Time
	ttl   time.Duration
	seen  time.Time // when the database last said that the lease holds
}

func newDesks(ahead int) *desks { return &desks{party: map[string]*desk{}, ahead: ahead} }

// at gives the desk of a party. The lock is the caller's.
func (l *desks) at(party string) *desk {
	d := l.party[party]
	if d == nil {
		d = &desk{wake: make(chan struct{}), one: make(chan struct{}, 1), empty: -1}
		l.party[party] = d
	}
	return d
}

// stir wakes those who wait.
func (d *desk) stir() {
	close(d.wake)
	d.wake = make(chan struct{})
}

// wake says that lanes of a party have changed.
func (l *desks) wake(party string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.at(party)
	d.round++
	d.stir()
}

// wakeAll says that the lanes of any party may have changed.
func (l *desks) wakeAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.party {
		d.round++
		d.stir()
	}
}

// lieAtMost is how long what is leased may lie ready. A lease outlives the time limit of its send by half a minute (see
// internal/gateway), and what it has lain is taken from that.
const lieAtMost = 15 * time.Second

// tooOld says that too little of the lease is left to send with it.
func (x *readyOne) tooOld() bool { return time.Since(x.since) >= min(x.ttl/2, lieAtMost) }

// take gives what is ready, up to what the database must be asked about first. What has lain for too long is put aside to be given back.
func (d *desk) take(limit int) (out []queue.Leased) {
	n := 0
	for n < len(d.ready) && len(out) < limit {
		x := &d.ready[n]
		if x.tooOld() {
			d.old = append(d.old, x.held())
		} else {
			if x.doubtful() {
				break
			}
			out = append(out, x.Leased)
		}
		d.bytes -= len(x.Body)
		*x = readyOne{}
		n++
	}
	d.ready = d.ready[n:]
	d.took += len(out)
	return out
}

// Lease hands out due deliveries; see queue.Worker.
func (s *Store) Lease(ctx context.Context, party string, limit int, ttl time.Duration) ([]queue.Leased, error) {
	limit = min(max(limit, 1), maxLeases)
	if ttl <= 0 {
		ttl = DefaultLease
	}
	l := s.desks
	for timedOut := false; ; {
		if err := s.usable(); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		l.mu.Lock()
		d := l.at(party)
		if d.used = time.Now(); d.waiting == 0 {
			d.ttl = ttl
		}
		if !l.turn(d) && len(d.old) == 0 {
			if got := d.take(limit); len(got) > 0 {
				l.mu.Unlock()
				return got, nil
			}
		}
		wake, ask := d.wake, timedOut || d.doubtful() || len(d.old) > 0 || d.empty != d.round || !time.Now().Before(d.next)
		l.mu.Unlock()
		if ask {
			got, err := s.askLanes(ctx, d, party, limit, ttl, timedOut)
			if err != nil || len(got) > 0 {
				return got, err
			}
		}
		l.mu.Lock()
		until := min(time.Until(d.next), s.opts.Poll)
		d.waiting += limit
		if d.ttl == 0 || ttl < d.ttl || d.waiting == limit {
			d.ttl = ttl
		}
		l.mu.Unlock()
		over, err := s.await(ctx, wake, until)
		l.mu.Lock()
		d.waiting -= limit
		l.mu.Unlock()
		if err != nil {
			return nil, err
		}
		timedOut = over
	}
}

// askLanes claims deliveries in the database; one caller of a party at a time. Nothing and no error: there is nothing,
// or the database cannot be reached and is asked again later.
func (s *Store) askLanes(ctx context.Context, d *desk, party string, limit int, ttl time.Duration, force bool) ([]queue.Leased, error) {
	select {
	case d.one <- struct{}{}:
		defer func() { <-d.one }()
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.stop:
		return nil, s.usable()
	}
	if err := s.usable(); err != nil { // Close waits for those who ask, and then gives back: nothing is claimed behind its back
		return nil, err
	}
	s.giveOld(ctx, d)
	if err := s.lookReady(ctx, d); err != nil {
		s.desks.mu.Lock()
		defer s.desks.mu.Unlock()
		s.opts.Logger.Warn("leases cannot be looked up, what is ready waits", "party", party, "err", cause(err))
		d.empty, d.next = d.round, time.Now().Add(s.opts.Poll)
		return nil, nil
	}
	s.desks.mu.Lock()
	round, ended := d.round, s.desks.ended
	var got []queue.Leased
	most := limit + s.desks.surplus(d)
	if s.desks.turn(d) {
		most = limit + s.desks.ahead // as many as were taken from what is newer, and so nothing newer is made ready meanwhile
	} else {
		got = d.take(limit)
	}
	// The caller before may just have looked.
	known := d.empty == round && time.Now().Before(d.next) && (!force || time.Since(d.asked) < s.opts.Poll/2)
	if !known && len(got) == 0 {
		d.asked, d.took = time.Now(), 0
	}
	s.desks.mu.Unlock()
	if known || len(got) > 0 {
		return got, nil
	}
	// Without the caller's end: what is claimed is given, losing the answer would hold up the lanes.
	asking, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), roundTrip, ErrUnavailable)
	defer cancel()
	claimed := time.Now()
	got, next, err := s.claimLanes(asking, party, limit, most, ttl)
	if e := s.usable(); e != nil { // what was claimed meanwhile is given back
		return nil, e
	}
	if err != nil {
		s.opts.Logger.Warn("deliveries cannot be claimed, they are asked for again", "party", party, "err", cause(err))
		next = s.opts.Poll
	}
	s.desks.mu.Lock()
	defer s.desks.mu.Unlock()
	// Fewer than asked for need not be all: bodies may be too large to take more, and others may look at some.
	if d.behind = next <= 0; !d.behind || len(got) == 0 {
		// What is due and was not given is in the hands of another gateway or of the writer: it is asked for again shortly.
		d.empty, d.next = round, time.Now().Add(max(next, 2*time.Millisecond))
	}
	seen := claimed
	if s.desks.ended != ended { // perhaps one of these
		seen = time.Time{}
	}
	for _, x := range got[min(limit, len(got)):] {
		d.put(readyOne{x, claimed, ttl, seen})
	}
	if got = got[:min(limit, len(got))]; len(got) == 0 {
		got = d.take(limit)
	}
	return got, nil
}

// laneClaim leases lanes of a party that are due. A lane whose lease ran out while its first delivery became another one
// that is not due yet only gets its place back (leased 0).
const (
	//
	// Of those that nobody takes at once ($6) only so many are leased as have bodies of so many bytes ($7).
	laneClaim = `WITH l AS (SELECT key, head, head_due, due FROM lane WHERE party = $1 AND due <= now_ns() ORDER BY due, head LIMIT $2
			FOR UPDATE SKIP LOCKED),
		c AS (SELECT * FROM (SELECT l.*, row_number() OVER w AS n, sum(d.size) OVER w AS bytes FROM l JOIN delivery d ON d.seq = l.head
			WINDOW w AS (ORDER BY l.due, l.head ROWS UNBOUNDED PRECEDING)) x WHERE n <= $6::bigint OR bytes <= $7::bigint),
		u AS (UPDATE lane l SET
			leased = CASE WHEN c.head_due <= now_ns() THEN c.head ELSE 0 END,
			token = CASE WHEN c.head_due <= now_ns() THEN $3::bigint ELSE 0 END,
			owner = CASE WHEN c.head_due <= now_ns() THEN $4::text ELSE '' END,
			due = CASE WHEN c.head_due <= now_ns() THEN now_ns() + $5::bigint ELSE c.head_due END
			FROM c WHERE l.key = c.key AND l.party = $1 RETURNING l.leased, c.due AS was, c.head)
		SELECT ` + deliveryColumns + `, ` + bodyColumns + ` FROM u JOIN delivery d ON d.seq = u.leased
		LEFT JOIN message m ON m.seq = d.message
		ORDER BY u.was, u.head`
	laneNext = `SELECT due - now_ns() FROM lane WHERE party = $1 ORDER BY due LIMIT 1`
)

// claimLanes gives what it could lease, and how long it takes until something else is due: 0 when something is.
func (s *Store) claimLanes(ctx context.Context, party string, limit, most int, ttl time.Duration) (got []queue.Leased, next time.Duration, err error) {
	token := newToken()
	next = time.Hour
	b := &pgx.Batch{}
	rows(b, laneClaim, func(row pgx.Row) error {
		var k kept
		d, err := scanDelivery(row, &k.plain, &k.pressed)
		if err != nil {
			return err
		}
		d.State = samvirke.DeliverySending
		x := queue.Leased{Delivery: d, Token: token}
		if x.Body, x.Err = s.body(k); x.Body == nil && x.Err == nil {
			x.Err = errBodyGone
		}
		got = append(got, x)
		return nil
	}, party, most, token, s.owner, int64(ttl), limit, aheadBytes)
	rows(b, laneNext, func(row pgx.Row) error {
		var n int64
		err := row.Scan(&n)
		next = max(time.Duration(n), 0)
		return err
	}, party)
	if err = s.claims.SendBatch(ctx, b).Close(); err != nil {
		return nil, 0, err
	}
	if len(got) > 0 {
		queue.Reach(queue.PointPgLeased)
	}
	return got, next, nil
}

// errBodyGone stands for a body that was dropped or erased: a fault when it is to be sent, and none where somebody reads.
var errBodyGone = errors.Join(errors.New("the body was dropped when its time was over"), queue.ErrDamaged)

// newToken makes a token that fits no other lease, also none that a crash of the database forgot.
func newToken() int64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return int64(binary.BigEndian.Uint64(b[:])>>1) | 1
}

// await waits for wake, for the time given, or for an end.
func (s *Store) await(ctx context.Context, wake <-chan struct{}, d time.Duration) (timedOut bool, err error) {
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	select {
	case <-wake:
	case <-timer.C:
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	case <-s.stop:
		return false, s.usable()
	}
	return false, nil
}
