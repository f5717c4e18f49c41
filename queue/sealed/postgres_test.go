package sealed_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke/internal/drawn"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/postgres"
	"github.com/samvirke/samvirke/queue/postgres/postgrestest"
	"github.com/samvirke/samvirke/queue/queuetest"
	"github.com/samvirke/samvirke/queue/sealed"
)

// TestSuiteOverPostgres: what seals one engine seals the other.
func TestSuiteOverPostgres(t *testing.T) {
	if postgrestest.Bin() == "" {
		t.Skip(postgrestest.Missing)
	}
	// Each case of the model test opens several stores with tables of their own: a few do.
	defer drawn.Cases(2)()
	db, err := postgrestest.New()
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var mu sync.Mutex
	schemas := map[string]string{}
	schema := func(dir string) string {
		mu.Lock()
		defer mu.Unlock()
		if schemas[dir] == "" {
			schemas[dir] = fmt.Sprint("s", len(schemas))
		}
		return schemas[dir]
	}
	queuetest.Run(t, queuetest.Engine{
		Open: func(t testing.TB, dir string) queue.Store {
			inner, err := postgres.Open(t.Context(), postgres.Options{URL: db.URL(), Schema: schema(dir), Logger: quiet()})
			if err != nil {
				t.Fatal(err)
			}
			s, err := sealed.Open(t.Context(), inner, master("a"))
			if err != nil {
				inner.Close()
				t.Fatal(err)
			}
			return s
		},
		Tamper: func(t testing.TB, dir string, seq int64) {
			db.Exec(t, `UPDATE `+schema(dir)+`.audit SET reason = 'another' WHERE seq = $1`, seq)
		},
		Features: queuetest.Features{KeyOfPerson: true},
		// Sealed, a text stands nowhere before or after; the setting that names the erasure stands in the clear by its name only.
		Find: func(t testing.TB, dir, text string) []string { return findRows(t, db.URL(), schema(dir), text) },
	})
}

// findRows finds a text in the rows of a schema as the server would write them out.
func findRows(t testing.TB, url, schema, text string) (found []string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx) //nolint:errcheck // reading only
	rows, err := conn.Query(ctx, `SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns
		WHERE table_schema = $1 AND data_type IN ('text', 'bytea')`, schema)
	if err != nil {
		t.Fatal(err)
	}
	type column struct{ Table, Name, Type string }
	columns, err := pgx.CollectRows(rows, pgx.RowToStructByPos[column])
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range columns {
		value := pgx.Identifier{c.Name}.Sanitize()
		if c.Type == "bytea" {
			value = "encode(" + value + ", 'escape')"
		}
		var n int
		err := conn.QueryRow(ctx, fmt.Sprintf(`SELECT count(*) FROM %s WHERE %s LIKE $1`, pgx.Identifier{schema, c.Table}.Sanitize(), value), "%"+text+"%").Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			found = append(found, fmt.Sprint(n, " rows of ", c.Table, ".", c.Name))
		}
	}
	return found
}
