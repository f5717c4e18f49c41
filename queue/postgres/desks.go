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
	// one lets one caller at a time ask the database.
	one chan struct{}
}

type readyOne struct {
	queue.Leased
	since time.Time
	ttl   time.Duration
}

func newDesks() *desks { return &desks{party: map[string]*desk{}} }

// at gives the desk of a party. The lock is the caller's.
func (l *desks) at(party string) *desk {
	d := l.party[party]
	if d == nil {
		d = &desk{wake: make(chan struct{}), one: make(chan struct{}, 1), empty: -1}
		l.party[party] = d
	}
	return d
}

// wanted says whether a caller waits for one more delivery than those claimed already, and for how long it takes it.
func (l *desks) wanted(party string, claimed int) (time.Duration, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.party[party]
	if d == nil || d.waiting-len(d.ready) <= claimed {
		return 0, false
	}
	return d.ttl, true
}

// hand gives deliveries to those who wait.
func (l *desks) hand(list []granted) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, x := range list {
		d := l.at(x.d.Party)
		d.ready = append(d.ready, readyOne{queue.Leased{Delivery: x.d, Token: x.token}, time.Now(), d.ttl})
		d.stir()
	}
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

// take gives what is ready. What has lain for half of its lease is left to run out.
func (d *desk) take(limit int) (out []queue.Leased) {
	n := 0
	for n < len(d.ready) && len(out) < limit {
		if x := &d.ready[n]; time.Since(x.since) < x.ttl/2 {
			out = append(out, x.Leased)
		}
		n++
	}
	d.ready = d.ready[n:]
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
		if got := d.take(limit); len(got) > 0 {
			l.mu.Unlock()
			return got, nil
		}
		wake, ask := d.wake, timedOut || d.empty != d.round || !time.Now().Before(d.next)
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
	s.desks.mu.Lock()
	round := d.round
	got := d.take(limit)
	// The caller before may just have looked.
	known := d.empty == round && time.Now().Before(d.next) && (!force || time.Since(d.asked) < s.opts.Poll/2)
	if !known {
		d.asked = time.Now()
	}
	s.desks.mu.Unlock()
	if known || len(got) > 0 {
		return got, nil
	}
	// Without the caller's end: what is claimed is given, losing the answer would hold up the lanes.
	asking, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), roundTrip, ErrUnavailable)
	defer cancel()
	got, next, err := s.claimLanes(asking, party, limit, ttl)
	if e := s.usable(); e != nil { // what was claimed meanwhile is given back
		return nil, e
	}
	if err != nil {
		s.opts.Logger.Warn("deliveries cannot be claimed, they are asked for again", "party", party, "err", cause(err))
		next = s.opts.Poll
	}
	s.desks.mu.Lock()
	defer s.desks.mu.Unlock()
	if len(got) == 0 {
		d.empty, d.next = round, time.Now().Add(next)
	}
	return got, nil
}

// laneClaim leases lanes of a party that are due. A lane whose lease ran out while its first delivery became another one
// that is not due yet only gets its place back (leased 0).
const (
	laneClaim = `WITH c AS (SELECT key, head, head_due, due FROM lane WHERE party = $1 AND due <= now_ns() ORDER BY due, head LIMIT $2
			FOR UPDATE SKIP LOCKED),
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

// claimLanes gives what it could lease, or how long it takes until something is due.
func (s *Store) claimLanes(ctx context.Context, party string, limit int, ttl time.Duration) (got []queue.Leased, next time.Duration, err error) {
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
	}, party, limit, token, s.owner, int64(ttl))
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
	// What is due and was not given is in the hands of another gateway or of the writer: it is asked for again shortly.
	return got, max(next, 2*time.Millisecond), nil
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

const laneRelease = `UPDATE lane SET leased = 0, token = 0, owner = '', due = head_due WHERE owner = $1 AND token = ANY($2)`

// release lets go of leases that nobody took.
func (s *Store) release(tokens []int64) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := s.claims.Exec(ctx, laneRelease, s.owner, tokens); err != nil {
		s.opts.Logger.Warn("leases could not be given back, they run out", "err", cause(err))
	}
}

// forgotten takes what has lain ready for a while and that nobody waits for: its party was paused, perhaps.
func (l *desks) forgotten(older time.Duration) (tokens []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.party {
		if d.waiting > 0 || len(d.ready) == 0 || time.Since(d.ready[0].since) < older {
			continue
		}
		for i := range d.ready {
			tokens = append(tokens, d.ready[i].Token)
		}
		d.ready = nil
		d.round++
	}
	return tokens
}
