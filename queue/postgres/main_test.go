package postgres

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke/internal/drawn"
	"github.com/samvirke/samvirke/queue/postgres/postgrestest"
)

// pointURL names the database that a child of the fault suite works on; unset in the parent.
const pointURL = "SAMVIRKE_TEST_POINT_URL"

// shared is the server of all tests that need none of their own; nil without PostgreSQL.
var shared *postgrestest.Server

func TestMain(m *testing.M) {
	// The model test opens several stores for each of its cases, each with tables of its own: a few do.
	drawn.Cases(5)
	code := 1
	func() {
		if postgrestest.Bin() != "" && os.Getenv(pointURL) == "" {
			s, err := postgrestest.New()
			if err != nil {
				fmt.Fprintln(os.Stderr, "start PostgreSQL:", err)
				return
			}
			defer s.Close()
			shared = s
		}
		code = m.Run()
	}()
	os.Exit(code)
}

func server(tb testing.TB) *postgrestest.Server {
	tb.Helper()
	if shared == nil {
		tb.Skip(postgrestest.Missing)
	}
	return shared
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// logTo shows the log of a store when the test fails.
func logTo(tb testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(tb.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

var (
	schemas   atomic.Int64
	schemaOf  sync.Map // by folder
	openLimit = patience
)

// schema gives the name of a schema of its own, the same for the same folder.
func schema(tb testing.TB, dir string) string {
	if name, known := schemaOf.Load(dir); known {
		return name.(string)
	}
	name := fmt.Sprintf("s%d_%d", os.Getpid(), schemas.Add(1))
	schemaOf.Store(dir, name)
	return name
}

// open opens a store on the shared server and closes it at the end of the test.
func open(tb testing.TB, o Options) *Store {
	tb.Helper()
	if o.URL == "" {
		o.URL = server(tb).URL()
	}
	if o.Schema == "" {
		o.Schema = schema(tb, tb.TempDir())
	}
	if o.Logger == nil {
		o.Logger = quiet()
	}
	ctx, cancel := context.WithTimeout(context.Background(), openLimit)
	defer cancel()
	s, err := Open(ctx, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// direct connects past the store.
func direct(tb testing.TB, url, schema string) *pgx.Conn {
	tb.Helper()
	c, err := pgx.ParseConfig(url)
	if err != nil {
		tb.Fatal(err)
	}
	c.RuntimeParams["search_path"] = schema
	conn, err := pgx.ConnectConfig(context.Background(), c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}
