package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// inbox hands out received messages.
type inbox struct {
	mu      sync.Mutex
	ready   []samvirke.Message // claimed for callers who waited
	waiting int                // how many they would take
	stir    chan struct{}      // closed and replaced when something has changed
	round   int64
	empty   int64
	asked   time.Time
	one     chan struct{}
	from    int64 // where the last claim that found nothing ended; of the one who holds one
	hold    hold
}

func newInbox() *inbox {
	return &inbox{stir: make(chan struct{}), one: make(chan struct{}, 1), empty: -1,
		hold: hold{since: map[int64]int64{}}}
}

// wanted is how many messages callers wait for.
func (b *inbox) wanted() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting - len(b.ready)
}

func (b *inbox) hand(list []samvirke.Message) {
	if len(list) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hold.takeUp(list)
	b.ready = append(b.ready, list...)
	close(b.stir)
	b.stir = make(chan struct{})
}

// wake says that there is something in the database.
func (b *inbox) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.round++
	close(b.stir)
	b.stir = make(chan struct{})
}

// Received hands out messages to be processed; see queue.Worker. They are this gateway's until it closes or dies.
func (s *Store) Received(ctx context.Context, limit int) ([]samvirke.Message, error) {
	limit = min(max(limit, 1), maxLeases)
	b := s.inbox
	for timedOut := false; ; {
		if err := s.usable(); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b.mu.Lock()
		if n := min(limit, len(b.ready)); n > 0 {
			got := b.ready[:n:n]
			b.ready = b.ready[n:]
			b.mu.Unlock()
			return got, nil
		}
		wake, ask := b.stir, timedOut || b.empty != b.round
		b.mu.Unlock()
		if ask {
			got, err := s.askInbox(ctx, limit, timedOut)
			if err != nil || len(got) > 0 {
				return got, err
			}
		}
		b.mu.Lock()
		b.waiting += limit
		b.mu.Unlock()
		over, err := s.await(ctx, wake, s.opts.Poll)
		b.mu.Lock()
		b.waiting -= limit
		b.mu.Unlock()
		if err != nil {
			return nil, err
		}
		timedOut = over
	}
}

// forget drops a message that is not to be processed any more, or not by this gateway, unless it was claimed anew after a tick.
func (b *inbox) forget(seq, tick int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hold.letGo(seq, tick)
	b.ready = slices.DeleteFunc(b.ready, func(m samvirke.Message) bool { return m.Seq == seq })
}

// inboxWindow is how many messages that nobody has are looked at for one claim. All may have to wait for earlier ones of
// their patients, which other gateways have in hand: then a claim looks at the next ones, inboxWindows at most, and the next
// claim goes on from there. The first are looked at by each claim.
const (
	inboxWindow  = 2000
	inboxWindows = 4
)

// inboxClaim leaves alone what comes after a message of its patient that somebody has. Two that claim at the same time may
// come away with one each; then the later one is given back when its unit is refused (queue.ErrOrder).
const inboxClaim = `WITH c AS (SELECT seq FROM open_message o WHERE status = 'received' AND owner = '' AND seq > $4
		AND seq <= coalesce((SELECT seq FROM open_message WHERE status = 'received' AND owner = '' AND seq > $4 ORDER BY seq OFFSET $3 - 1 LIMIT 1), 9223372036854775807)
		AND coalesce((SELECT owner FROM open_message WHERE status = 'received' AND key <> 0 AND key = o.key ORDER BY seq LIMIT 1), '') = ''
		ORDER BY seq LIMIT $1 FOR UPDATE OF o SKIP LOCKED),
	u AS (UPDATE open_message o SET owner = $2 FROM c WHERE o.seq = c.seq RETURNING o.seq)
	SELECT ` + messageColumns + `, ` + rawColumns + ` FROM u JOIN message m ON m.seq = u.seq ORDER BY m.seq`

// inboxEnd gives the last message of a window that is full.
const inboxEnd = `SELECT seq FROM open_message WHERE status = 'received' AND owner = '' AND seq > $1 ORDER BY seq OFFSET $2 - 1 LIMIT 1`

// inboxFree gives messages back.
const inboxFree = `UPDATE open_message SET owner = '' WHERE seq = ANY($1) AND owner = $2 AND status = 'received'`

// askInbox claims messages in the database; one caller at a time.
func (s *Store) askInbox(ctx context.Context, limit int, force bool) ([]samvirke.Message, error) {
	b := s.inbox
	select {
	case b.one <- struct{}{}:
		defer func() { <-b.one }()
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.stop:
		return nil, s.usable()
	}
	if err := s.usable(); err != nil { // Close waits for those who ask, and then gives back: nothing is claimed behind its back
		return nil, err
	}
	b.mu.Lock()
	round := b.round
	n := min(limit, len(b.ready))
	ready := b.ready[:n:n]
	b.ready = b.ready[n:]
	known := b.empty == round && (!force || time.Since(b.asked) < s.opts.Poll/2) // the caller before may just have looked
	if !known {
		b.asked = time.Now()
	}
	b.mu.Unlock()
	if known || n > 0 {
		return ready, nil
	}
	asking, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), roundTrip, ErrUnavailable)
	defer cancel()
	lost := &queue.LostError{}
	got, err := s.claimInbox(asking, limit, lost)
	if e := s.usable(); e != nil { // what was claimed meanwhile is given back
		return nil, e
	}
	if err != nil {
		s.opts.Logger.Warn("received messages cannot be claimed, they are asked for again", "err", cause(err))
		return nil, nil
	}
	if len(got)+len(lost.Messages) == 0 {
		b.mu.Lock()
		b.empty = round
		b.mu.Unlock()
		return nil, nil
	}
	b.mu.Lock()
	b.hold.takeUp(got)
	b.hold.takeUp(lost.Messages)
	b.mu.Unlock()
	queue.Reach(queue.PointPgClaimed)
	if len(lost.Messages) > 0 {
		return got, lost
	}
	return got, nil
}

// claimInbox claims in the first window, and when all there have to wait in some of those behind it. Messages whose bytes
// cannot be read go to lost.
func (s *Store) claimInbox(ctx context.Context, limit int, lost *queue.LostError) (got []samvirke.Message, err error) {
	b := s.inbox
	for n, from := 0, int64(0); ; n++ {
		batch := &pgx.Batch{}
		rows(batch, inboxClaim, func(row pgx.Row) error {
			var k kept
			m, err := scanMessage(row, &k.plain, &k.pressed)
			if err != nil {
				return err
			}
			raw, damaged := s.body(k)
			if damaged != nil {
				lost.Messages, lost.Err = append(lost.Messages, m), cmp.Or(lost.Err, damaged)
				return nil
			}
			m.Raw = notNil(raw)
			got = append(got, m)
			return nil
		}, limit, s.owner, inboxWindow, from)
		if err := s.claims.SendBatch(ctx, batch).Close(); err != nil {
			return nil, err
		}
		if len(got)+len(lost.Messages) > 0 || n == inboxWindows {
			return got, nil
		}
		var end int64
		switch err := s.claims.QueryRow(ctx, inboxEnd, from, inboxWindow).Scan(&end); {
		case errors.Is(err, pgx.ErrNoRows):
			b.from = 0
			return nil, nil
		case err != nil:
			return nil, err
		}
		if n == 0 {
			end = max(end, b.from)
		}
		from, b.from = end, end
	}
}

// freeForgotten gives back messages that were claimed for callers who went away. When that fails they are handed out still.
func (s *Store) freeForgotten(ctx context.Context) error {
	b := s.inbox
	b.mu.Lock()
	var idle []samvirke.Message
	if b.waiting == 0 {
		idle, b.ready = b.ready, nil
	}
	tick := b.hold.tick
	b.mu.Unlock()
	if len(idle) == 0 {
		return nil
	}
	_, err := s.claims.Exec(ctx, inboxFree, col(idle, func(m *samvirke.Message) int64 { return m.Seq }), s.owner)
	b.mu.Lock()
	if err != nil {
		b.ready = append(idle, b.ready...)
	} else {
		for i := range idle {
			b.hold.letGo(idle[i].Seq, tick)
		}
	}
	b.mu.Unlock()
	b.wake()
	return err
}

// signs tells the database at intervals that this gateway is alive, and takes over from those that are not.
func (s *Store) signs() {
	tick := time.NewTicker(s.opts.Alive / 3)
	defer tick.Stop()
	failed := false
	for n := 1; ; n++ {
		select {
		case <-tick.C:
		case <-s.stop:
			return
		}
		ctx, cancel := context.WithTimeoutCause(context.Background(), s.opts.Alive/3, ErrUnavailable)
		err := s.sign(ctx)
		if err == nil {
			err = s.freeForgotten(ctx)
		}
		if err == nil {
			s.freeReady(ctx, s.opts.Alive/3)
		}
		if err == nil && n%3 == 0 {
			err = s.measureSize(ctx)
		}
		cancel()
		if err != nil && !failed && s.usable() == nil {
			s.opts.Logger.Warn("the database cannot be told that this gateway is alive", "err", cause(err))
		}
		failed = err != nil
	}
}

// Statements of a sign of life. What a dead gateway was processing is free again; that of this one too, when it was
// silent for so long that another one has declared it dead.
const (
	signSet  = `INSERT INTO gateway (owner, until, knows) VALUES ($1, now_ns() + $2::bigint, $3) ON CONFLICT (owner) DO UPDATE SET until = excluded.until`
	signGet  = `SELECT count(*) FROM gateway WHERE owner <> $1 AND until > now_ns()`
	deadFree = `WITH dead AS (DELETE FROM gateway WHERE until <= now_ns() RETURNING owner)
		UPDATE open_message SET owner = '' WHERE seq IN (SELECT x.seq FROM dead CROSS JOIN LATERAL
		(SELECT seq FROM open_message WHERE owner = dead.owner AND status = 'received' OFFSET 0) x)`
	markDrop = `DELETE FROM mark WHERE at < now_ns() - $1::bigint`
)

// nobodyElse notes whether there are other gateways. heard is what was heard of them before the database was asked: when one
// has spoken since, the answer is too old.
func (s *Store) nobodyElse(alone bool, heard int64) {
	s.alone.Store(alone && s.heard.Load() == heard)
	if s.heard.Load() != heard { // while that was stored
		s.alone.Store(false)
	}
}

func (s *Store) sign(ctx context.Context) error {
	var others int
	heard := s.heard.Load()
	b := &pgx.Batch{}
	b.Queue(signSet, s.owner, int64(s.opts.Alive), agedSchema)
	b.Queue(signGet, s.owner).QueryRow(func(row pgx.Row) error { return row.Scan(&others) })
	var freed int64
	b.Queue(deadFree).Exec(func(tag pgconn.CommandTag) error {
		freed = tag.RowsAffected()
		return nil
	})
	b.Queue(markDrop, int64(markDays*24*time.Hour))
	var own []int64
	var upTo int64
	tick := s.inbox.now()
	s.queueLook(b, &own, &upTo)
	if err := s.claims.SendBatch(ctx, b).Close(); err != nil {
		return err
	}
	s.nobodyElse(others == 0, heard)
	s.gateways.Store(int64(others) + 1)
	if freed > 0 {
		s.opts.Logger.Info("messages of a gateway that is gone are taken over", "count", freed)
		s.inbox.wake()
	}
	if lost := s.inbox.compare(own, tick, upTo); len(lost) > 0 {
		return s.freeLost(ctx, lost)
	}
	return nil
}
