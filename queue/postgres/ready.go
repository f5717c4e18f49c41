package postgres

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// What lies ready is leased, but a lease is no lock: whoever erases a person, gives a delivery up, sends it again or reads a late
// receipt ends it. The body must not go out after that, and nothing after its successor. So leases that a group ends are dropped where
// they lie ready, in this gateway at once and in others by a notice; and because a notice can be late or lost, the database is asked
// whether a lease still holds before what has lain for a while is handed out.

// readyFor is how long after the database last said so a lease is taken to hold.
const readyFor = time.Second

// held is a lease of this gateway: the number of the delivery, and the token.
type held struct{ seq, token int64 }

func (x *readyOne) held() held { return held{x.Seq, x.Token} }

// doubtful says that the database must be asked whether the lease holds.
func (x *readyOne) doubtful() bool { return time.Since(x.seen) >= readyFor }

// doubtful says that of what is ready next.
func (d *desk) doubtful() bool { return len(d.ready) > 0 && d.ready[0].doubtful() }

// remove takes out of what is ready.
func (d *desk) remove(which func(x *readyOne) bool) {
	d.ready = slices.DeleteFunc(d.ready, func(x readyOne) bool {
		gone := which(&x)
		if gone {
			d.bytes -= len(x.Body)
		}
		return gone
	})
}

// endings gives ended.
func (l *desks) endings() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

// drop forgets leases that somebody else than their holder has ended.
func (l *desks) drop(list []held) {
	if len(list) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended++
	for _, d := range l.party {
		d.remove(func(x *readyOne) bool { return slices.Contains(list, x.held()) })
	}
}

// doubt says that any lease may have been ended.
func (l *desks) doubt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended++
	l.doubts++
	for _, d := range l.party {
		for i := range d.ready {
			d.ready[i].seen = time.Time{}
		}
	}
}

// leaseNotice tells other gateways which leases a group has ended without their tokens: who says it, then numbers of deliveries with
// tokens, or * when there are too many. "" when there are no others, or no such leases.
func (g *group) leaseNotice() string {
	s := g.w.s
	if s.alone.Load() || len(g.ended) == 0 {
		return ""
	}
	text := []byte(s.owner)
	for _, h := range g.ended {
		text = strconv.AppendInt(append(text, ' '), h.seq, 36)
		text = strconv.AppendInt(append(text, ':'), h.token, 36)
		if len(text) > maxNotice {
			return s.owner + " *"
		}
	}
	return string(text)
}

// laneHeld gives those of the leases named that hold.
const laneHeld = `SELECT l.leased, l.token FROM unnest($2::bigint[], $3::bigint[]) AS i(leased, token) JOIN lane l
	ON l.leased = i.leased AND l.leased <> 0 AND l.token = i.token AND l.owner = $1`

// lookReady asks about all that is ready when it must be asked about the first, and drops what this gateway has no more. The
// caller holds d.one.
func (s *Store) lookReady(ctx context.Context, d *desk) error {
	s.desks.mu.Lock()
	var list []held
	if d.doubtful() {
		for i := range d.ready {
			list = append(list, d.ready[i].held())
		}
	}
	doubts := s.desks.doubts
	s.desks.mu.Unlock()
	if len(list) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), roundTrip, ErrUnavailable)
	defer cancel()
	asked := time.Now()
	rows, err := s.claims.Query(ctx, laneHeld, s.owner, seqsOf(list), tokensOf(list))
	if err != nil {
		return err
	}
	holds := map[held]bool{}
	for rows.Next() {
		var h held
		if err := rows.Scan(&h.seq, &h.token); err != nil {
			rows.Close()
			return err
		}
		holds[h] = true
	}
	if err := rows.Err(); err != nil {
		return err
	}
	s.desks.mu.Lock()
	defer s.desks.mu.Unlock()
	d.remove(func(x *readyOne) bool { return slices.Contains(list, x.held()) && !holds[x.held()] })
	for i := range d.ready {
		// Leases that were ended while it was asked are dropped already, unless nobody could say which.
		if x := &d.ready[i]; holds[x.held()] && s.desks.doubts == doubts {
			x.seen = asked
		}
	}
	return nil
}

func seqsOf(list []held) []int64 { return col(list, func(h *held) int64 { return h.seq }) }

func tokensOf(list []held) []int64 { return col(list, func(h *held) int64 { return h.token }) }

// laneRelease names the deliveries too: what was claimed at once has one token.
const laneRelease = `UPDATE lane l SET leased = 0, token = 0, owner = '', due = head_due FROM unnest($2::bigint[], $3::bigint[]) AS i(leased, token)
	WHERE l.leased = i.leased AND l.leased <> 0 AND l.token = i.token AND l.owner = $1`

// releaseTime is how long it may take to let go of leases.
const releaseTime = 5 * time.Second

// release lets go of leases that nobody took. When that fails they run out.
func (s *Store) release(ctx context.Context, list []held) error {
	b := &pgx.Batch{}
	b.Queue(`BEGIN`)
	b.Queue(`SELECT one FROM head FOR UPDATE`) // so that no group waits for us while we wait for it
	b.Queue(laneRelease, s.owner, seqsOf(list), tokensOf(list))
	b.Queue(`COMMIT`)
	err := s.claims.SendBatch(ctx, b).Close()
	if err != nil {
		s.opts.Logger.Warn("leases could not be given back, they run out", "err", cause(err))
	}
	return err
}

// freeReady gives back what has lain ready for a while and that nobody waits for: its party was paused, perhaps. When that fails it
// is handed out still.
func (s *Store) freeReady(ctx context.Context, older time.Duration) {
	idle := s.desks.forgotten(older)
	old := s.desks.aside()
	if len(idle) == 0 && len(old) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, releaseTime)
	defer cancel()
	err := s.release(ctx, append(old, col(idle, (*readyOne).held)...))
	s.desks.again(idle, err != nil)
	if len(old) > 0 {
		s.desks.wakeAll()
	}
}

// giveOld lets go of what has lain ready for too long, so that it is leased anew. The caller holds d.one.
func (s *Store) giveOld(ctx context.Context, d *desk) {
	s.desks.mu.Lock()
	old := d.old
	d.old = nil
	s.desks.mu.Unlock()
	if len(old) == 0 {
		return
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), roundTrip, ErrUnavailable)
	defer cancel()
	_ = s.release(ctx, old) // otherwise they run out
	s.desks.mu.Lock()
	defer s.desks.mu.Unlock()
	d.round++
	d.stir()
}

// aside takes what any desk has put aside to be given back.
func (l *desks) aside() (list []held) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.party {
		list, d.old = append(list, d.old...), nil
	}
	return list
}

// forgotten takes what has lain ready for a while and that nobody waits for.
func (l *desks) forgotten(older time.Duration) (list []readyOne) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.party {
		if d.waiting > 0 || len(d.ready) == 0 || time.Since(d.ready[0].since) < older {
			continue
		}
		list = append(list, d.ready...)
		d.ready, d.bytes = nil, 0
	}
	return list
}

// again has the database asked for what was given back. What was not is ready again; it may have been given back all the same, so
// the database is asked about that too.
func (l *desks) again(list []readyOne, ready bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	back := map[*desk][]readyOne{}
	for _, x := range list {
		d := l.at(x.Party)
		x.seen = time.Time{}
		back[d] = append(back[d], x)
	}
	for d, list := range back {
		if ready {
			for i := range list {
				d.bytes += len(list[i].Body)
			}
			d.ready = append(list, d.ready...)
		}
		d.round++
		d.stir()
	}
}
