package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/samvirke/samvirke/queue"
)

//go:embed migrations/*.sql
var migrations embed.FS

// minServer is the first version that the statements are written for.
const minServer = 140000

// migrate brings the tables up to date. Gateways that start at the same time wait for each other; those that run go on.
func migrate(ctx context.Context, o Options) error {
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	return migrateFrom(ctx, o, folder)
}

func migrateFrom(ctx context.Context, o Options, folder fs.FS) (err error) {
	c, err := o.config(nil)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return fmt.Errorf("connect: %w", hidden(err))
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // everything was committed
	var server int
	if err := conn.QueryRow(ctx, `SELECT current_setting('server_version_num')::int`).Scan(&server); err != nil {
		return fmt.Errorf("ask for the version: %w", err)
	}
	if server < minServer {
		return fmt.Errorf("PostgreSQL %d is too old, at least %d is needed", server/10000, minServer/10000)
	}
	want, floors, err := known(folder)
	if err != nil {
		return err
	}
	// Most often there is nothing to do: then nobody is waited for. A gateway of the version before comes up again while this one makes
	// an index, and that may have to wait for hours until old transactions of others have ended.
	if done, err := upToDate(ctx, conn, want, floors); done || err != nil {
		return err
	}
	if err := lockMigrations(ctx, conn, o); err != nil {
		return fmt.Errorf("wait for another migration: %w", err)
	}
	if done, err := upToDate(ctx, conn, want, floors); done || err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS `+pgx.Identifier{o.Schema}.Sanitize()); err != nil {
		return fmt.Errorf("make schema: %w", err)
	}
	queue.Reach(queue.PointPgMigrate)
	if err := apply(ctx, conn, o, folder); err != nil {
		return fmt.Errorf("migrate schema to %d: %w", want, err)
	}
	queue.Reach(queue.PointPgMigrated)
	_, err = conn.Exec(ctx, `CREATE TABLE IF NOT EXISTS schema_floor (one smallint PRIMARY KEY CHECK (one = 1), version bigint NOT NULL)`)
	if err == nil {
		_, err = conn.Exec(ctx, `INSERT INTO schema_floor VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET version = greatest(schema_floor.version, excluded.version)`, floors)
	}
	return err
}

// upToDate says whether the schema has everything that this version wants; queue.ErrNewer when this version must not touch it. A floor
// that is too low is none: a gateway died between the two steps.
func upToDate(ctx context.Context, conn *pgx.Conn, want, floors int64) (bool, error) {
	have, floor, err := schemaVersion(ctx, conn)
	switch {
	case err != nil:
		return false, err
	case floor > want:
		return false, fmt.Errorf("schema %d needs a version that knows %d, this one knows %d: %w", have, floor, want, queue.ErrNewer)
	}
	return have >= want && floor >= floors, nil
}

// lockEvery is how often a gateway asks whether another one has ended its migration.
const lockEvery = 100 * time.Millisecond

// lockMigrations takes the lock of the session: goose uses connections of its own. It asks again and again instead of waiting in the
// database: one who waits there has a snapshot, and an index that is made beside running gateways waits for all of those.
func lockMigrations(ctx context.Context, conn *pgx.Conn, o Options) error {
	for {
		var got bool
		err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock(hashtext($1), hashtext(current_database()))`, "samvirke migrate "+o.Schema).Scan(&got)
		if got || err != nil {
			return err
		}
		if err := sleep(ctx, lockEvery); err != nil {
			return err
		}
	}
}

// up runs the migrations that are missing. try is how long a statement waits for a lock, unless a migration says otherwise: see lockTry.
func up(ctx context.Context, o Options, name string, try time.Duration, folder fs.FS) error {
	c, err := o.config(map[string]string{"application_name": name, "lock_timeout": strconv.FormatInt(try.Milliseconds(), 10)})
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*c)
	defer db.Close()
	p, err := goose.NewProvider(goose.DialectPostgres, db, folder, goose.WithDisableGlobalRegistry(true),
		goose.WithTableName("schema_version"), goose.WithSlog(o.Logger))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	_, err = p.Up(ctx)
	return err
}

// schemaVersion gives the version of the tables and the least version that a gateway must know, 0 when there are none.
func schemaVersion(ctx context.Context, conn interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) (have, floor int64, err error) {
	err = conn.QueryRow(ctx, `SELECT max(version_id) FROM schema_version WHERE is_applied`).Scan(&have)
	if code := sqlState(err); code == codeNoTable || code == codeNoSchema {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("read schema version: %w", err)
	}
	err = conn.QueryRow(ctx, `SELECT version FROM schema_floor`).Scan(&floor)
	if code := sqlState(err); code == codeNoTable || errors.Is(err, pgx.ErrNoRows) {
		return have, 0, nil // another gateway died between the two steps
	}
	return have, floor, err
}

var needs = regexp.MustCompile(`(?m)^-- needs: (\d+)$`)

// known gives the newest migration and the highest floor that the migrations of a folder set.
func known(folder fs.FS) (newest, floor int64, err error) {
	files, err := fs.Glob(folder, "*.sql")
	if err != nil {
		return 0, 0, err
	}
	for _, f := range files {
		v, err := goose.NumericComponent(f)
		if err != nil {
			return 0, 0, err
		}
		newest = max(newest, v)
		text, err := fs.ReadFile(folder, f)
		if err != nil {
			return 0, 0, err
		}
		if m := needs.FindSubmatch(text); m != nil {
			n, err := strconv.ParseInt(string(m[1]), 10, 64)
			if err != nil {
				return 0, 0, err
			}
			floor = max(floor, n)
		}
	}
	return newest, floor, nil
}
