package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	modernc "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/samvirke/samvirke/queue"
)

// dsn builds the address of the database. Everything in it is ours: no value comes from outside
// except the path, which is escaped.
func dsn(path, vfs string, pragmas ...string) string {
	q := url.Values{"_pragma": pragmas}
	if vfs != "" {
		q.Set("vfs", vfs)
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
}

// conn is the writer's own connection, used without database/sql: its locks and
// conversions cost as much as a small statement.
type conn struct {
	c driver.Conn
}

func dial(dsn string) (*conn, error) {
	connector, err := modernc.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	c, err := connector.Connect(context.Background())
	if err != nil {
		return nil, err
	}
	return &conn{c: c}, nil
}

func (c *conn) close() error { return c.c.Close() }

// stmt is a prepared statement of the writer. It is used by one goroutine.
//
// Statements run with context.Background(): a context that can end makes the driver start
// a goroutine for each of them.
type stmt struct {
	s    driver.Stmt
	e    driver.StmtExecContext
	q    driver.StmtQueryContext
	args []driver.NamedValue
	dest []driver.Value
}

// exec runs a statement once.
func (c *conn) exec(sql string) error {
	s, err := c.prepare(sql)
	if err != nil {
		return err
	}
	defer s.close()
	_, err = s.run()
	return err
}

func (c *conn) prepare(sql string) (*stmt, error) {
	s, err := c.c.Prepare(sql)
	if err != nil {
		return nil, fmt.Errorf("prepare %.60s: %w", sql, err)
	}
	return &stmt{s: s, e: s.(driver.StmtExecContext), q: s.(driver.StmtQueryContext)}, nil
}

func (s *stmt) bind(vals []driver.Value) []driver.NamedValue {
	for len(s.args) < len(vals) {
		s.args = append(s.args, driver.NamedValue{Ordinal: len(s.args) + 1})
	}
	for i, v := range vals {
		s.args[i].Value = v
	}
	return s.args[:len(vals)]
}

// run executes and gives the number of rows changed.
func (s *stmt) run(vals ...driver.Value) (int64, error) {
	r, err := s.e.ExecContext(context.Background(), s.bind(vals))
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// row gives the first row, valid until the next call; nil when there is none.
func (s *stmt) row(vals ...driver.Value) ([]driver.Value, error) {
	var out []driver.Value
	err := s.each(func(row []driver.Value) error {
		out = row
		return io.EOF
	}, vals...)
	return out, err
}

// each calls f for each row; io.EOF from f ends it early. The row is valid only during f.
func (s *stmt) each(f func(row []driver.Value) error, vals ...driver.Value) (err error) {
	rows, err := s.q.QueryContext(context.Background(), s.bind(vals))
	if err != nil {
		return err
	}
	defer func() {
		if e := rows.Close(); err == nil {
			err = e
		}
	}()
	if s.dest == nil {
		s.dest = make([]driver.Value, len(rows.Columns()))
	}
	for {
		switch err := rows.Next(s.dest); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := f(s.dest); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (s *stmt) close() error { return s.s.Close() }

// placeholders gives "(?,?,?),(?,?,?)" for rows of cols columns.
func placeholders(rows, cols int) string {
	one := "(" + strings.TrimSuffix(strings.Repeat("?,", cols), ",") + ")"
	return strings.TrimSuffix(strings.Repeat(one+",", rows), ",")
}

// sqliteCode gives the primary result code of err, 0 when it is no SQLite error.
func sqliteCode(err error) int {
	if e, ok := errors.AsType[*modernc.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

// isFatal says whether err means that the file can no longer be trusted. Broken rules and a full
// disk are not: they leave the database as it was.
func isFatal(err error) bool {
	switch sqliteCode(err) {
	case lib.SQLITE_IOERR, lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB, lib.SQLITE_READONLY,
		lib.SQLITE_CANTOPEN, lib.SQLITE_PROTOCOL, lib.SQLITE_MISUSE:
		return true
	}
	return false
}

// plain turns an error of the driver into one of the contract.
func plain(err error) error {
	switch sqliteCode(err) {
	case lib.SQLITE_FULL:
		return fmt.Errorf("%w: %w", queue.ErrFull, err)
	case lib.SQLITE_CONSTRAINT:
		return fmt.Errorf("%w: %w", queue.ErrExists, err)
	}
	return err
}
