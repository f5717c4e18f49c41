package postgres

import (
	"context"
	"maps"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke"
)

// hold knows which received messages this gateway has in hand. The database knows it too, and knows better when the answer to
// a claim was lost: such a message is nobody's, is never given again, and all that is about its patient waits behind it. So
// the two are compared with each sign of life. The lock is that of the inbox.
type hold struct {
	tick  int64
	since map[int64]int64 // by number of the message: the tick at which it came
}

// holdLook gives what the database says this gateway has, among the first received messages, and whether that is all of
// them. A message that nobody knows of comes to be among the first: what is before it ends or is free.
const holdLook = `WITH w AS (SELECT seq, owner FROM open_message WHERE status = 'received' ORDER BY seq LIMIT $2)
	SELECT coalesce(array_agg(seq) FILTER (WHERE owner = $1), '{}'), coalesce(max(seq), 0), count(*) < $2 FROM w`

const holdWindow = 2 * inboxWindow

// takeUp notes messages that are in hand from now on.
func (h *hold) takeUp(list []samvirke.Message) {
	h.tick++
	for i := range list {
		h.since[list[i].Seq] = h.tick
	}
}

// letGo forgets a message, but not when it came anew after a tick.
func (h *hold) letGo(seq, tick int64) {
	if h.since[seq] <= tick {
		delete(h.since, seq)
	}
}

// now gives the tick.
func (b *inbox) now() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.hold.tick
}

// compare gives those that only the database knows of, and forgets those that it knows nothing of: another gateway has
// taken over while this one was silent. tick is from before the database was asked; it tells about messages up to a number.
func (b *inbox) compare(own []int64, tick, upTo int64) (lost []int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	there := make(map[int64]bool, len(own))
	for _, seq := range own {
		there[seq] = true
		if b.hold.since[seq] == 0 {
			lost = append(lost, seq)
		}
	}
	maps.DeleteFunc(b.hold.since, func(seq, since int64) bool { return since <= tick && seq <= upTo && !there[seq] })
	return lost
}

// queueLook asks what compare needs.
func (s *Store) queueLook(b *pgx.Batch, own *[]int64, upTo *int64) {
	b.Queue(holdLook, s.owner, holdWindow).QueryRow(func(row pgx.Row) error {
		var all bool
		err := row.Scan(own, upTo, &all)
		if all {
			*upTo = math.MaxInt64
		}
		return err
	})
}

// freeLost frees messages that only the database knows to be this gateway's. Most often they are just on their way here: so
// it looks once more while no claim and no group is.
func (s *Store) freeLost(ctx context.Context, lost []int64) error {
	b := s.inbox
	select {
	case b.one <- struct{}{}:
		defer func() { <-b.one }()
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.stop:
		return nil
	}
	if lost = b.compare(lost, 0, 0); len(lost) == 0 {
		return nil
	}
	freed := int64(0)
	err := s.job(ctx, func(ctx context.Context, t *jobTx) (err error) {
		freed, err = t.exec(ctx, inboxFree, b.compare(lost, 0, 0), s.owner)
		return err
	})
	if err == nil && freed > 0 {
		s.opts.Logger.Warn("messages whose claim got lost on the way are given again", "count", freed)
		b.wake()
	}
	return err
}
