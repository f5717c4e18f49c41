package postgres

import (
	"context"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/press"
)

// reader answers all reading calls from a pool of its own. Every query has a limit and is read to its end at once.
type reader struct {
	pool *pgxpool.Pool
	// press is made when the first pressed body is read.
	press func() (*press.Press, error)
	// usable says whether the store is open; nil where nobody else closes it.
	usable func() error
}

func (r *reader) ended() bool { return r.usable != nil && r.usable() == queue.ErrClosed } //nolint:errorlint // as it is given

func openReader(ctx context.Context, o Options, connections int) (*reader, error) {
	p, err := newPool(ctx, o, connections, map[string]string{"random_page_cost": "1.1"})
	if err != nil {
		return nil, err
	}
	return &reader{pool: p, press: sync.OnceValues(press.New)}, nil
}

// Reader is a store opened for reading only.
type Reader struct{ *reader }

var _ queue.Reader = (*Reader)(nil)

// Close closes the reader.
func (r *Reader) Close() error {
	r.pool.Close()
	return nil
}

// OpenReader opens a store for reading, also while gateways have it open; it changes no row and makes no table.
//
// It returns queue.ErrNotFound when there is no store, and queue.ErrNewer for tables that this version must not read.
func OpenReader(ctx context.Context, opts Options) (*Reader, error) {
	if err := opts.defaults(); err != nil {
		return nil, err
	}
	r, err := openReader(ctx, opts, 2)
	if err != nil {
		return nil, err
	}
	if err := r.checkSchema(ctx, opts); err != nil {
		r.pool.Close()
		return nil, err
	}
	return &Reader{r}, nil
}

// checkSchema compares the tables with those this version knows.
func (r *reader) checkSchema(ctx context.Context, o Options) error {
	if err := r.pool.Ping(ctx); err != nil {
		return fmt.Errorf("connect: %w", hidden(err))
	}
	have, floor, err := schemaVersion(ctx, r.pool)
	if err != nil {
		return err
	}
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	want, _, err := known(folder)
	switch {
	case err != nil:
		return err
	case have == 0:
		return fmt.Errorf("store in schema %s: %w", o.Schema, queue.ErrNotFound)
	case floor > want:
		return fmt.Errorf("schema %d needs a version that knows %d, this one knows %d: %w", have, floor, want, queue.ErrNewer)
	case have < want:
		return fmt.Errorf("schema %d is older than %d: start the gateway once, it brings the store up to date", have, want)
	}
	return nil
}

// where builds a condition from fixed texts; values only ever become parameters. "?" in a text stands for the next one.
type where struct {
	parts []string
	args  []any
}

func (w *where) add(text string, args ...any) {
	for _, a := range args {
		w.args = append(w.args, a)
		text = strings.Replace(text, "?", "$"+strconv.Itoa(len(w.args)), 1)
	}
	w.parts = append(w.parts, text)
}

// text adds a condition when value is set.
func (w *where) text(condition, value string) {
	if value != "" {
		w.add(condition, value)
	}
}

// next gives the placeholder of one more value.
func (w *where) next(value any) string {
	w.args = append(w.args, value)
	return "$" + strconv.Itoa(len(w.args))
}

func (w *where) String() string {
	if len(w.parts) == 0 {
		return "true"
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

// list reads all rows of a query at once.
func list[T any](ctx context.Context, r *reader, scan func(pgx.Row) (T, error), query string, args ...any) (out []T, err error) {
	rows, err := r.pool.Query(ctx, query, args...)
	if err == nil {
		for rows.Next() {
			var x T
			if x, err = scan(rows); err != nil {
				break
			}
			out = append(out, x)
		}
		rows.Close()
		if err == nil {
			err = rows.Err()
		}
	}
	if err = r.readError(ctx, err); err == queue.ErrNotFound { //nolint:errorlint // as readError gives it
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// one reads the first row; queue.ErrNotFound when there is none.
func one[T any](ctx context.Context, r *reader, scan func(pgx.Row) (T, error), query string, args ...any) (x T, err error) {
	all, err := list(ctx, r, scan, query, args...)
	if err != nil {
		return x, err
	}
	if len(all) == 0 {
		return x, queue.ErrNotFound
	}
	return all[0], nil
}

// single reads one value, its zero when there is no row.
func single[T any](ctx context.Context, r *reader, query string, args ...any) (x T, err error) {
	all, err := list(ctx, r, func(row pgx.Row) (x T, err error) {
		err = row.Scan(&x)
		return x, err
	}, query, args...)
	if len(all) > 0 {
		x = all[0]
	}
	return x, err
}

// notNil keeps an empty body apart from one that is gone.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
