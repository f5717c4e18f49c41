package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// dropLimit bounds how long the schema of a measurement may take to go.
const dropLimit = 2 * time.Minute

// benchDatabase is a schema of its own in a PostgreSQL, for one measurement.
type benchDatabase struct{ url, schema string }

// newBenchDatabase chooses a name for the schema; the gateway makes it. A database that cannot be reached is told now.
func newBenchDatabase(ctx context.Context, url string) (*benchDatabase, error) {
	conn, err := dialBench(ctx, url)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was changed
	return &benchDatabase{url: url, schema: "samvirke_bench_" + strings.ReplaceAll(uuid.NewString(), "-", "")[:12]}, nil
}

func dialBench(ctx context.Context, url string) (*pgx.Conn, error) {
	conf, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fail(exitUsage, "--database: the address cannot be read, want postgres://user@host:port/database") // err would quote a password
	}
	if conf.ConnectTimeout == 0 {
		conf.ConnectTimeout = 30 * time.Second
	}
	conn, err := pgx.ConnectConfig(ctx, conf)
	if err != nil {
		return nil, fail(exitTryLater, "--database: %s:%s does not answer", conf.Host, strconv.Itoa(int(conf.Port)))
	}
	return conn, nil
}

// checkURL refuses what the configuration of a gateway would refuse.
func (c *benchCmd) checkURL() error {
	if c.Database == "" || c.Fill > 0 {
		return nil
	}
	rest, found := strings.CutPrefix(c.Database, "postgres://")
	if !found {
		rest, found = strings.CutPrefix(c.Database, "postgresql://")
	}
	if !found {
		return fail(exitUsage, "--database: want postgres://user@host:port/database")
	}
	if user, _, found := strings.Cut(rest, "@"); found && strings.Contains(user, ":") {
		return fail(exitUsage, "--database: put the password into PGPASSWORD, not into the address")
	}
	return nil
}

// close drops the schema; no gateway uses it any more.
func (d *benchDatabase) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), dropLimit)
	defer cancel()
	conn, err := dialBench(ctx, d.url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // it was committed
	_, err = conn.Exec(ctx, "DROP SCHEMA IF EXISTS "+pgx.Identifier{d.schema}.Sanitize()+" CASCADE")
	return err
}
