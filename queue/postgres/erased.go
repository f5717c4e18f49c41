package postgres

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// Most messages refer to an earlier one, and whether that was erased is asked of each of them. As long as nothing was ever
// erased no round trip is spent on it: each group reads in head whether something was, under the lock, and for a short while after
// that the answer is known. Whoever erases for the first time says so in head, and begins only when that while is over
// for every gateway; so the answer is never late. (A gateway of an earlier version that runs beside this one does not wait; it can
// only be late where the first erasure of the database falls into a rolling upgrade.)
const (
	// nothingErased is how long a gateway relies on what it read in head, from before it asked.
	nothingErased = 200 * time.Millisecond
	// erasureWait is how long an erasure waits after it has seen in head that something is or will be erased.
	erasureWait = nothingErased + 100*time.Millisecond
)

// erasures is what this gateway knows of erasures. Times are counted from began, by a clock that is never put back.
type erasures struct {
	began time.Time
	none  atomic.Int64 // until then nothing was erased
	some  atomic.Int64 // when it was first seen that something is or will be erased, 0: not yet
}

// see notes what head said; asked is when it was asked.
func (e *erasures) see(asked time.Time, some bool) {
	if some {
		e.some.CompareAndSwap(0, int64(max(time.Since(e.began), 1)))
		return
	}
	e.none.Store(int64(asked.Sub(e.began) + nothingErased))
}

// known says that something is or will be erased, as far as this gateway has heard.
func (e *erasures) known() bool { return e.some.Load() != 0 }

// nothing says for certain that nothing was erased so far.
func (e *erasures) nothing() bool { return !e.known() && int64(time.Since(e.began)) < e.none.Load() }

// announceErasure says in head that something will be erased and waits until every gateway knows or asks.
func (s *Store) announceErasure(ctx context.Context) error {
	if !s.erasures.known() {
		err := s.job(ctx, func(ctx context.Context, t *jobTx) error {
			_, err := t.exec(ctx, erasureSet)
			return err
		})
		if err != nil {
			return err
		}
		s.erasures.see(time.Now(), true)
	}
	wait := time.NewTimer(time.Duration(s.erasures.some.Load()) + erasureWait - time.Since(s.erasures.began))
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.stop:
		return s.usable()
	}
}

const (
	erasureSet = `UPDATE head SET erased = true WHERE NOT erased`
	// erasedGroup finds which of the hashes that a group asks about are those of something erased. Of what retention dropped since nothing is known.
	erasedGroup = `SELECT e.hash, e.ref FROM unnest($1::bytea[]) AS i(hash) JOIN erased e ON e.hash = i.hash
		WHERE EXISTS (SELECT 1 FROM message m WHERE m.seq = e.ref)`
)

// readErased asks about all messages that a group accepts, when something was erased: the answers are in gone.
func (g *group) readErased(b *pgx.Batch, a *asked) {
	s := g.w.s
	if len(a.sameID) == 0 || !s.erasures.known() {
		return
	}
	var hashes [][]byte
	for i := range a.sameID {
		hashes = append(hashes, erasedHash(s.salt, erasedContent, a.sameParty[i], a.sameID[i], a.sameSum[i]))
	}
	for i := range a.firstID {
		hashes = append(hashes, erasedHash(s.salt, erasedID, a.firstParty[i], a.firstID[i]))
	}
	g.gone = map[string]int64{}
	rows(b, erasedGroup, func(row pgx.Row) error {
		var hash []byte
		var ref int64
		err := row.Scan(&hash, &ref)
		g.gone[string(hash)] = ref
		return err
	}, hashes)
}
