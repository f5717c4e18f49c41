package postgres

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/queuetest"
)

// scanRows finds a text in any column of any table of a schema.
func scanRows(tb testing.TB, url, schema, text string) (found []string) {
	tb.Helper()
	conn := direct(tb, url, schema)
	columns, err := conn.Query(tb.Context(), `SELECT table_name, column_name, data_type FROM information_schema.columns
		WHERE table_schema = $1 AND data_type IN ('text', 'bytea')`, schema)
	if err != nil {
		tb.Fatal(err)
	}
	type column struct{ Table, Name, Type string }
	list, err := pgx.CollectRows(columns, pgx.RowToStructByPos[column])
	if err != nil {
		tb.Fatal(err)
	}
	for _, c := range list {
		value := pgx.Identifier{c.Name}.Sanitize()
		if c.Type == "bytea" {
			value = `encode(` + value + `, 'escape')`
		}
		var n int
		err := conn.QueryRow(tb.Context(), fmt.Sprintf(`SELECT count(*) FROM %s WHERE %s LIKE $1`, pgx.Identifier{c.Table}.Sanitize(), value),
			"%"+text+"%").Scan(&n)
		if err != nil {
			tb.Fatal(err)
		}
		if n > 0 {
			found = append(found, fmt.Sprintf("%d rows of %s.%s", n, c.Table, c.Name))
		}
	}
	return found
}

func engine(t *testing.T) queuetest.Engine {
	s := server(t)
	return queuetest.Engine{
		Open: func(t testing.TB, dir string) queue.Store {
			o := Options{URL: s.URL(), Schema: schema(t, dir), Logger: logTo(t)}
			st, err := Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			return st
		},
		Tamper: func(t testing.TB, dir string, seq int64) {
			tag, err := direct(t, s.URL(), schema(t, dir)).Exec(t.Context(), `UPDATE audit SET reason = 'another' WHERE seq = $1`, seq)
			if err != nil || tag.RowsAffected() != 1 {
				t.Fatalf("changed %d entries, %v", tag.RowsAffected(), err)
			}
		},
		Find: func(t testing.TB, dir, text string) []string { return scanRows(t, s.URL(), schema(t, dir), text) },
		Age: func(ctx context.Context, s queue.Store) error {
			for n := int64(1); n > 0; {
				var err error
				if n, err = s.(*Store).Age(ctx, time.Now().Add(time.Hour)); err != nil {
					return err
				}
			}
			if _, err := s.(*Store).Check(ctx); err != nil {
				return err
			}
			i, err := s.(*Store).Integrity(ctx)
			if err == nil && len(i.Damaged) > 0 {
				err = fmt.Errorf("damaged: %v", i.Damaged)
			}
			return err
		},
	}
}

func TestSuite(t *testing.T) { queuetest.Run(t, engine(t)) }
