package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/pressly/goose/v3"
	modernc "modernc.org/sqlite"

	"github.com/samvirke/samvirke/queue"
)

// reader answers all reading calls from a pool of its own. Every query has a limit and is read to its
// end at once: an open result pins the write-ahead log, which then grows without bound.
type reader struct {
	db     *sql.DB
	bodies *bodies
	places *segments
	// settled waits until committed changes about the keys, or any without keys, can be read from the tables.
	settled func(ctx context.Context, keys ...string) error
	// settle does the same and says queue.ErrFull when there is no room to write the changes; nil where nothing is written.
	settle func(ctx context.Context, keys ...string) error
	// hot is db for what is asked for each message.
	hot *prepared
	// leased gives the deliveries that are being sent; nil when this process does not send.
	leased func() map[int64]bool
	// totals fills in what only the writing process knows; nil elsewhere.
	totals func(*queue.Stats)
	// saltRead keys the hashes of what was erased, once it was read.
	saltRead atomic.Pointer[[]byte]
}

func openReader(path, vfs string, connections int, b *bodies, places *segments) (*reader, error) {
	address := dsn(path, vfs, "busy_timeout(10000)", "temp_store(MEMORY)", "cache_size(-1000)")
	connector, err := modernc.NewConnector(address)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(readConnector{connector})
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return &reader{db: db, bodies: b, places: places, hot: &prepared{db: db, byText: map[string]*sql.Stmt{}}}, nil
}

// Reader is a store opened for reading only.
type Reader struct{ *reader }

var _ queue.Reader = (*Reader)(nil)

// Close closes the reader.
func (r *Reader) Close() error { return r.close() }

func (r *reader) close() error {
	r.places.close()
	return r.db.Close()
}

// OpenReader opens the store in dir for reading, also while a gateway has it open; it takes no lock and
// changes no row. It cannot see what only the gateway's memory knows: a delivery that is being
// sent right now shows as queued or waiting, and Stats has no commit figures. Of a gateway that was killed it shows
// what stood in the tables, not the last moments, which the next start takes from the journal.
//
// It returns queue.ErrNotFound when there is no store, queue.ErrNewer for a newer one, and ErrRestoring when a restore was interrupted.
func OpenReader(dir string) (*Reader, error) {
	path := filepath.Join(dir, fileName)
	if err := restored(dir); err != nil {
		return nil, err
	}
	if !isFile(path) {
		return nil, fmt.Errorf("store in %s: %w", dir, queue.ErrNotFound)
	}
	r, err := openReader(path, "", 2, &bodies{dir: filepath.Join(dir, "bodies")}, newSegments(filepath.Join(dir, "journal")))
	if err != nil {
		return nil, fmt.Errorf("open store for reading: %w", err)
	}
	if err := r.checkSchema(context.Background()); err != nil {
		r.db.Close()
		return nil, err
	}
	b := &beside{r: r, dir: r.places.dir}
	r.settled = b.settled
	return &Reader{r}, nil
}

// checkSchema compares the schema with the one this version knows.
func (r *reader) checkSchema(ctx context.Context) error {
	var have int64
	if err := r.db.QueryRowContext(ctx, `SELECT max(version_id) FROM schema_version`).Scan(&have); err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	want, err := newestMigration()
	switch {
	case err != nil:
		return err
	case have > want:
		return fmt.Errorf("schema %d, this version knows %d: %w", have, want, queue.ErrNewer)
	case have < want:
		return fmt.Errorf("schema %d is older than %d: start the gateway once, it brings the store up to date", have, want)
	}
	return nil
}

func newestMigration() (newest int64, err error) {
	files, err := migrations.ReadDir("migrations")
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		v, err := goose.NumericComponent(f.Name())
		if err != nil {
			return 0, err
		}
		newest = max(newest, v)
	}
	return newest, nil
}

// where builds a condition from fixed texts; values only ever become parameters.
type where struct {
	parts []string
	args  []any
}

func (w *where) add(text string, args ...any) {
	w.parts = append(w.parts, text)
	w.args = append(w.args, args...)
}

// text adds a condition when value is set.
func (w *where) text(condition, value string) {
	if value != "" {
		w.add(condition, value)
	}
}

func (w *where) String() string {
	if len(w.parts) == 0 {
		return "1"
	}
	return strings.Join(w.parts, " AND ")
}

// page gives the limit to use.
func page(limit int) int {
	switch {
	case limit <= 0:
		return 50
	case limit > queue.MaxPage:
		return queue.MaxPage
	}
	return limit
}

// numbers writes a set as JSON, to be read by json_each.
func numbers(set map[int64]bool) string {
	b := []byte{'['}
	for n := range set {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, n, 10)
	}
	return string(append(b, ']'))
}

// list reads all rows of a query at once.
func list[T any](ctx context.Context, db asker, scan func(*sql.Rows) (T, error), query string, args ...any) (out []T, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, readError(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		x, err := scan(rows)
		if err != nil {
			return nil, readError(ctx, err)
		}
		out = append(out, x)
	}
	return out, readError(ctx, rows.Err())
}

// one reads the first row; queue.ErrNotFound when there is none.
func one[T any](ctx context.Context, db asker, scan func(*sql.Rows) (T, error), query string, args ...any) (x T, err error) {
	all, err := list(ctx, db, scan, query, args...)
	if err != nil {
		return x, err
	}
	if len(all) == 0 {
		return x, queue.ErrNotFound
	}
	return all[0], nil
}

func readError(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, sql.ErrConnDone) || err.Error() == "sql: database is closed":
		return queue.ErrClosed
	}
	return fmt.Errorf("read store: %w", err)
}

// again reads once more what was damaged: between a row and its body the body may have moved, because it has aged.
func again[T any](f func() (T, error)) (T, error) {
	x, err := f()
	if errors.Is(err, queue.ErrDamaged) {
		return f()
	}
	return x, err
}

// wait waits as settled does.
func (r *reader) wait(ctx context.Context, keys ...string) error {
	if r.settled == nil {
		return nil
	}
	return r.settled(ctx, keys...)
}

// kept is where a body lies: in the journal, in a file of its own, or, from earlier versions, in the row.
type kept struct {
	place  []byte
	file   string
	inline []byte
	// pressed says that inline has aged.
	pressed bool
}

// none says that there is no body any more.
func (k *kept) none() bool { return len(k.place) == 0 && k.file == "" && k.inline == nil }

// body gives a body.
func (r *reader) body(k *kept) ([]byte, error) {
	if p, ok := placeOf(k.place); ok {
		return r.places.read(p)
	}
	if k.file == "" {
		if k.pressed {
			return r.places.expandRow(k.inline)
		}
		return notNil(k.inline), nil
	}
	return r.bodies.read(k.file)
}
