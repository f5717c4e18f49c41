package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Waiting for a lock on a table holds up everybody who asks for that table later, also those whom the one that has the lock would let
// by. So a migration asks for a short time only, lets the others by, and asks again.
const (
	// lockTry is for how long others may have to wait behind one try.
	lockTry = 200 * time.Millisecond
	// lockPause is how long they are let by after the first try that failed, twice as long after each further one, up to lockPauseMax.
	lockPause    = 500 * time.Millisecond
	lockPauseMax = 5 * time.Second
	// longWork is after how long a try has done more than ask for a lock, an index most often: then the patience begins anew.
	longWork = time.Minute
	// DefaultLockPatience is for how long a migration tries to get the locks that it needs.
	DefaultLockPatience = 30 * time.Minute
	// lookEvery is how often is looked at who holds up a migration: well within a try.
	lookEvery = 50 * time.Millisecond
	// tellEvery is how often is told who does.
	tellEvery = time.Minute
	// tellAfter is how long a migration stands still before that is told, where it holds up nobody itself.
	tellAfter = 5 * time.Second
)

// ErrLocked says that a migration did not get a lock within Options.LockPatience: another session holds a table. Nothing is lost; the
// next start goes on where this one stood.
var ErrLocked = errors.New("another session holds a table that is to be changed")

// apply brings the schema up to date. conn is the session that holds the lock of the migrations: it looks at who holds up the others.
func apply(ctx context.Context, conn *pgx.Conn, o Options, folder fs.FS) error {
	l := &lockLook{o: o, conn: conn, name: "samvirke migrate " + newOwner()}
	began, try := time.Now(), lockTry
	for pause := lockPause; ; pause = min(2*pause, lockPauseMax) {
		tried := time.Now()
		err := l.beside(ctx, func(ctx context.Context) error { return up(ctx, o, l.name, try, folder) })
		if code := sqlState(err); code != codeLockWait && !strings.HasPrefix(code, classRollback) {
			return err
		}
		if time.Since(tried) > longWork {
			began = time.Now()
		}
		if time.Since(began) > o.LockPatience {
			return fmt.Errorf("%w for %s: %s", ErrLocked, o.LockPatience, l.who())
		}
		l.tell("a migration waits for a lock on a table, others are let by between its tries", time.Since(began))
		if try = lockTry; l.background {
			// The database sends its own cleaning away for somebody who waits that long.
			if try, err = l.sendAway(ctx); err != nil {
				return err
			}
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// sleep waits, or fails when ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// lockLook looks at who holds up the sessions of a migration. Its fields but conn belong to the one goroutine that looks, and to others
// while that does not run.
type lockLook struct {
	o    Options
	conn *pgx.Conn
	name string // application_name of those sessions

	last       []holder
	since      time.Time // since when somebody holds them up, zero: nobody does
	told       time.Time
	background bool // the database itself was among the last ones: a vacuum, most often
}

// holder is a session that has what a migration waits for. Its statement is not looked at: that may name a person.
type holder struct {
	pid              int64
	name, user       string
	background, open bool
	seconds          float64
}

func (h holder) String() string {
	switch {
	case h.pid == 0:
		return "a prepared transaction (pg_prepared_xacts)"
	case h.background:
		return fmt.Sprintf("process %d of the database itself", h.pid)
	case h.open:
		return fmt.Sprintf("process %d (%q of user %q, its transaction runs for %.0f s)", h.pid, h.name, h.user, h.seconds)
	}
	return fmt.Sprintf("process %d (%q of user %q)", h.pid, h.name, h.user)
}

// holdersSelect gives who has what the sessions of a name wait for. Everybody may see these columns, but the start of a transaction; a
// session without a user is none of a client.
const holdersSelect = `SELECT coalesce(b.pid, 0), coalesce(b.application_name, ''), coalesce(b.usename, ''), b.pid IS NOT NULL AND b.usesysid IS NULL,
	b.xact_start IS NOT NULL, coalesce(extract(epoch FROM clock_timestamp() - b.xact_start), 0)::float8
	FROM (SELECT DISTINCT unnest(pg_blocking_pids(pid)) AS pid FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock') p
	LEFT JOIN pg_stat_activity b ON b.pid = p.pid ORDER BY b.xact_start NULLS LAST, p.pid`

// beside runs f and looks meanwhile. When the session that looks is lost, the lock of the migrations is too, and f is ended.
func (l *lockLook) beside(ctx context.Context, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			t := time.NewTimer(lookEvery)
			select {
			case <-t.C:
			case <-done:
				t.Stop()
				return
			}
			if err := l.look(context.WithoutCancel(ctx)); err != nil {
				cancel(fmt.Errorf("the session that holds the lock of the migrations: %w", err))
				return
			}
		}
	})
	err := f(ctx)
	close(done)
	wg.Wait()
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}

func (l *lockLook) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, roundTrip, ErrUnavailable)
	defer cancel()
	rows, err := l.conn.Query(ctx, holdersSelect, l.name)
	if err != nil {
		return err
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (h holder, err error) {
		err = row.Scan(&h.pid, &h.name, &h.user, &h.background, &h.open, &h.seconds)
		return h, err
	})
	if err != nil {
		return err
	}
	if len(list) == 0 {
		l.since = time.Time{}
		return nil
	}
	if l.since.IsZero() {
		l.since = time.Now()
	}
	l.last, l.background = list, slices.ContainsFunc(list, func(h holder) bool { return h.background })
	if waited := time.Since(l.since); waited > tellAfter {
		l.tell("a migration waits for transactions that began before it; it holds up nobody", waited)
	}
	return nil
}

// who tells of those that were seen last.
func (l *lockLook) who() string {
	var b strings.Builder
	for i, h := range l.last {
		if i == 5 {
			fmt.Fprintf(&b, " and %d more", len(l.last)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(h.String())
	}
	if b.Len() == 0 {
		return "nobody was seen"
	}
	return b.String()
}

// tell says that a migration waits, and for whom, but not each time.
func (l *lockLook) tell(text string, waited time.Duration) {
	if time.Since(l.told) < tellEvery {
		return
	}
	if len(l.last) > 0 { // otherwise the next look may know more
		l.told = time.Now()
	}
	l.o.Logger.Warn(text, "held_by", l.who(), "waited", waited.Round(time.Millisecond).String())
}

// sendAway is how long a try lasts that makes the database end its own work on a table.
func (l *lockLook) sendAway(ctx context.Context) (try time.Duration, err error) {
	var ms int64
	err = l.conn.QueryRow(ctx, `SELECT setting::bigint FROM pg_settings WHERE name = 'deadlock_timeout'`).Scan(&ms)
	return time.Duration(ms)*time.Millisecond + lockTry, err
}
