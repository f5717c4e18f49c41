package postgres

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/samvirke/samvirke/queue"
)

// Where a request stands: the caller may withdraw it only while it waits.
const (
	requestWaits int32 = iota
	requestTaken
	requestWithdrawn
)

// request is one unit on its way through the writer.
type request struct {
	unit *queue.Unit
	// job is run alone in a transaction of its own instead of unit; for erasing and dropping. It may run again.
	job   func(ctx context.Context, tx *jobTx) error
	bytes int
	state atomic.Int32
	done  chan struct{}

	out queue.Outcome
	// err is why the unit was left out of its group, then what the caller is told.
	err error
}

// Commit runs one unit as one transaction; see queue.Writer.
func (s *Store) Commit(ctx context.Context, u *queue.Unit) (queue.Outcome, error) {
	if err := ctx.Err(); err != nil {
		return queue.Outcome{}, err
	}
	if err := s.usable(); err != nil {
		return queue.Outcome{}, err
	}
	u, err := queue.Checked(u)
	if err != nil {
		return queue.Outcome{}, err
	}
	if u.Accept != nil && s.OverBudget(u.Reserve) {
		return queue.Outcome{}, queue.ErrFull
	}
	return s.submit(ctx, &request{unit: u, bytes: queue.Weight(u), done: make(chan struct{})})
}

// submit queues a request and awaits its outcome.
func (s *Store) submit(ctx context.Context, r *request) (queue.Outcome, error) {
	select {
	case s.in <- r:
	case <-ctx.Done():
		return queue.Outcome{}, ctx.Err()
	case <-s.stop:
		return queue.Outcome{}, s.usable()
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if r.state.CompareAndSwap(requestWaits, requestWithdrawn) {
			return queue.Outcome{}, ctx.Err()
		}
		<-r.done // it was taken up: the outcome is awaited
	case <-s.writerDone:
		// The writer ended; it may have answered just before.
		select {
		case <-r.done:
		default:
			return queue.Outcome{}, s.usable()
		}
	}
	return r.out, r.err
}

// writer owns the writing connection; all its fields belong to the goroutine of loop.
type writer struct {
	s     *Store
	conn  *pgx.Conn // nil while there is none
	mark  int64     // number of the last group
	group []*request
	pause time.Duration
	// unsynced says that the server answered a commit without waiting for its standby.
	unsynced bool
	// last is the group whose commit is under way, nil for a job.
	last *group
}

// loop takes whatever waits: under load groups grow, at rest a unit goes at once. After the end of the store those
// that wait are answered by submit.
func (w *writer) loop() {
	defer close(w.s.writerDone)
	for {
		select {
		case r := <-w.s.in:
			w.collect(r)
			w.runAll(w.group)
			clear(w.group)
		case <-w.s.stop:
			return
		}
	}
}

// collect fills the group with first and everything that waits behind it.
func (w *writer) collect(first *request) {
	w.group = w.group[:0]
	bytes := 0
	add := func(r *request) {
		if r.state.CompareAndSwap(requestWaits, requestTaken) {
			w.group = append(w.group, r)
			bytes += r.bytes
		}
	}
	add(first)
	for len(w.group) < maxGroup && bytes < maxGroupBytes {
		select {
		case r := <-w.s.in:
			add(r)
		default:
			return
		}
	}
}

// runAll runs requests and answers them. Jobs run alone; units together, and each alone when the database refuses the group.
func (w *writer) runAll(list []*request) {
	for len(list) > 0 {
		if list[0].job != nil {
			w.answer(list[:1], w.patiently(func(ctx context.Context) error { return w.runJob(ctx, list[0]) }))
			list = list[1:]
			continue
		}
		n := 0
		for n < len(list) && list[n].job == nil {
			n++
		}
		err := w.patiently(func(ctx context.Context) error { return w.runGroup(ctx, list[:n]) })
		if err != nil && kindOf(err) == kindUnit && (n > 1 || foreignText(err)) {
			w.runEach(list[:n])
		} else {
			w.answer(list[:n], err)
		}
		list = list[n:]
	}
}

func (w *writer) runEach(list []*request) {
	for i := range list {
		r := list[i : i+1]
		err := w.patiently(func(ctx context.Context) error { return w.runGroup(ctx, r) })
		if foreignText(err) {
			// Text that the database cannot hold: the unit is taken with that replaced.
			cleanUnit(r[0].unit)
			err = w.patiently(func(ctx context.Context) error { return w.runGroup(ctx, r) })
		}
		w.answer(r, err)
	}
}

// foreignText says that a text is none for the database.
func foreignText(err error) bool {
	code := sqlState(err)
	return code == codeEncoding || code == codeUnicode
}

// answer ends requests with the error of their group. Without one a unit that was left out keeps its own. With one it does not:
// what it was judged by is rolled back, and so is what goes with queue.ErrOrder, that its message is given back.
func (w *writer) answer(list []*request, err error) {
	if err != nil {
		err = plain(err)
	}
	for _, r := range list {
		if err != nil {
			r.err = err
		}
		if r.err != nil {
			r.out = queue.Outcome{}
		}
		close(r.done)
	}
}

// errUnknown marks a group of which nobody knows whether it was committed.
var errUnknown = errors.New("outcome of a commit is not known")

// patiently runs f until it is settled: through lost connections, for as long as Options.Patience. f is run again only
// when nothing of it was committed.
func (w *writer) patiently(f func(ctx context.Context) error) error {
	began := time.Now()
	w.pause = 0
	for {
		if w.s.broken() {
			return queue.ErrFailed
		}
		err := w.once(f)
		if err == nil {
			return nil
		}
		unknown := errors.Is(err, errUnknown)
		switch k := kindOf(err); {
		case unknown:
			done, e := w.resolve(began)
			if e != nil {
				return e
			}
			if done {
				if w.last != nil {
					w.last.settleLate()
				}
				return nil
			}
		case errors.Is(err, queue.ErrFailed):
			return err
		case k == kindFatal:
			w.s.fail(fmt.Errorf("write to the store: %w", err))
			return queue.ErrFailed
		case k == kindUnit || k == kindFull:
			return err
		case time.Since(began) > w.s.opts.Patience || w.s.usable() != nil:
			w.s.opts.Logger.Error("the database cannot be written", "err", cause(err))
			return ErrUnavailable
		}
		w.rest()
	}
}

// once runs f on a connection; one that may be of no use any more is dropped.
func (w *writer) once(f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), 2*roundTrip, ErrUnavailable)
	defer cancel()
	if err := w.connect(ctx); err != nil {
		return err
	}
	err := f(ctx)
	if err != nil && (w.conn.IsClosed() || errors.Is(err, errUnknown) || kindOf(err) != kindUnit) {
		w.hangUp()
	}
	return err
}

// connect sees to it that there is a connection.
func (w *writer) connect(ctx context.Context) error {
	if w.conn != nil {
		return nil
	}
	c, err := w.s.opts.config(hot(map[string]string{"synchronous_commit": "on", "lock_timeout": "20s", "statement_timeout": "0"}))
	if err != nil {
		return err
	}
	// An admin may end the wait for a standby: then the server answers "committed" with a warning.
	c.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.Routine == "SyncRepWaitForLSN" {
			w.unsynced = true
		}
	}
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return err
	}
	w.conn, w.unsynced = conn, false
	return nil
}

// hangUp drops the connection; the server rolls back what was not committed.
func (w *writer) hangUp() {
	if w.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = w.conn.Close(ctx)
	w.conn = nil
}

// rest waits between two tries, longer each time up to a second.
func (w *writer) rest() {
	w.pause = min(max(2*w.pause, 10*time.Millisecond), time.Second)
	t := time.NewTimer(w.pause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-w.s.stop:
	}
}

// begin connects for the first time, leaves the first mark and reads what stays the same.
func (w *writer) begin(ctx context.Context) error {
	if err := w.connect(ctx); err != nil {
		return fmt.Errorf("connect: %w", hidden(err))
	}
	var b [8]byte
	_, _ = rand.Read(b[:])                             // never fails (crypto/rand)
	w.mark = int64(binary.BigEndian.Uint64(b[:]) >> 2) // numbers of two lives are apart
	_, err := w.conn.Exec(ctx, `INSERT INTO mark (owner, grp, at) VALUES ($1, $2, now_ns())`, w.s.owner, w.mark)
	if err == nil {
		err = w.conn.QueryRow(ctx, `SELECT salt FROM erasure`).Scan(&w.s.salt)
	}
	if err != nil {
		w.hangUp()
		return fmt.Errorf("open store: %w", err)
	}
	return nil
}

// resolve finds out whether the last group was committed. It asks for as long as Options.Patience since began; then the
// store fails, because nobody may guess.
func (w *writer) resolve(began time.Time) (committed bool, err error) {
	for {
		committed, err = w.asked()
		if err == nil {
			return committed, nil
		}
		if time.Since(began) > w.s.opts.Patience || errors.Is(err, errNoMark) {
			w.s.fail(fmt.Errorf("a commit was under way when the connection was lost, and nobody can tell its outcome: %s", cause(err)))
			return false, queue.ErrFailed
		}
		w.hangUp()
		w.rest()
	}
}

// errUnsynced marks a commit that no standby has confirmed.
var errUnsynced = errors.New("the wait for the standby was ended before it confirmed the commit")

var errNoMark = errors.New("the mark of this gateway is gone")

func (w *writer) asked() (committed bool, err error) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), roundTrip, ErrUnavailable)
	defer cancel()
	if err := w.connect(ctx); err != nil {
		return false, err
	}
	// The lock: a session that still works on the group holds it until it has committed or is gone.
	b := &pgx.Batch{}
	b.Queue(`BEGIN`)
	b.Queue(`SELECT one FROM head FOR UPDATE`)
	var grp int64
	found := false
	b.Queue(`SELECT grp FROM mark WHERE owner = $1`, w.s.owner).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			found = true
			if err := rows.Scan(&grp); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	b.Queue(`ROLLBACK`)
	if err := w.conn.SendBatch(ctx, b).Close(); err != nil {
		return false, err
	}
	if !found {
		return false, errNoMark
	}
	if grp != w.mark {
		return false, nil
	}
	// Committed here, but perhaps not yet where synchronous standbys are: a commit that follows waits for both.
	_, err = w.conn.Exec(ctx, `UPDATE mark SET at = now_ns() WHERE owner = $1`, w.s.owner)
	if err == nil && w.unsynced {
		err = errUnsynced
	}
	return err == nil, err
}
