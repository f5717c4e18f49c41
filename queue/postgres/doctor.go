package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Finding is one thing about the database that an admin should know.
type Finding struct {
	Check string
	OK    bool
	Text  string
}

// Findings looks at settings of the server that decide whether an acknowledged message can be lost, and at what makes a
// queue slow: the oldest transaction that holds back the cleaning of tables.
func (r *Reader) Findings(ctx context.Context) []Finding {
	var out []Finding
	say := func(check string, ok bool, text string, args ...any) {
		out = append(out, Finding{check, ok, fmt.Sprintf(text, args...)})
	}
	settings := map[string]string{}
	rows, err := list(ctx, r.reader, func(row pgx.Row) (x [2]string, err error) {
		err = row.Scan(&x[0], &x[1])
		return x, err
	}, `SELECT name, setting FROM pg_settings WHERE name IN ('server_version', 'fsync', 'full_page_writes', 'wal_compression', 'synchronous_standby_names')`)
	if err != nil {
		return []Finding{{"database", false, err.Error()}}
	}
	for _, x := range rows {
		settings[x[0]] = x[1]
	}
	say("database", true, "PostgreSQL %s", settings["server_version"])
	for _, name := range []string{"fsync", "full_page_writes"} {
		if settings[name] != "on" {
			say(name, false, "is %s: a power cut can damage the database", settings[name])
		}
	}
	if settings["wal_compression"] == "off" {
		say("wal_compression", true, "is off; lz4 makes the log smaller")
	}
	if settings["synchronous_standby_names"] == "" {
		say("standby", true, "no synchronous standby: what is acknowledged is on one disk")
	} else {
		n, err := single[int64](ctx, r.reader, `SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')`)
		say("standby", err == nil && n > 0, "%d synchronous standbys follow", n)
	}
	oldest, err := single[int64](ctx, r.reader, `SELECT coalesce(max(extract(epoch FROM now() - xact_start)), 0)::bigint FROM pg_stat_activity
		WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()`)
	say("oldest reader", err == nil && oldest < 900, "%s: tables cannot be cleaned of what was deleted since", time.Duration(oldest)*time.Second)
	n, err := single[int64](ctx, r.reader, `SELECT count(*) FROM gateway WHERE until > now_ns()`)
	say("gateways", err == nil, "%d are alive", n)
	return out
}
