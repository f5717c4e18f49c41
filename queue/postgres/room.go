package postgres

import (
	"context"

	"github.com/samvirke/samvirke/queue"
)

// reusableSelect gives the bytes of the tables' files that the next rows go into: what retention takes away leaves room, and files
// give it back to the disk only at their end. Each table counts by itself, and the table beside it in which the database keeps
// what is large (TOAST). It errs towards too little:
//
//   - A row takes its place until a VACUUM, so rows that have died count like the others. The database's own count of both goes back
//     to nothing when it crashes; then there is what it wrote down at the last VACUUM, with what came since. A table that never saw one counts as full.
//   - What is large is cut into pieces of which four fit into a page (TOAST_TUPLES_PER_PAGE), so a page with fewer has room for another one:
//     it takes no more pages than a quarter of its pieces.
//   - Rows of a table count with their mean width by the last ANALYZE, with what the database writes around them, and each page as if
//     it had room for one row fewer than it has. What has changed since then counts like what is large: what is longer stands there.
//     A table that never saw one counts as full.
//   - Indexes count as full: their pages are used again only when nothing is left on them.
//
// Where nothing is counted (track_counts) nobody can say.
const reusableSelect = `SELECT coalesce(sum(greatest(0, pg_relation_size(part.oid) - ceil(part.n / part.a_page + part.new / 4) * page.bytes)), 0)::bigint
	FROM (SELECT current_setting('block_size')::float8 AS bytes) page, LATERAL (
		SELECT x.oid, CASE WHEN x.relkind = 't' THEN 0 ELSE r.n - r.new END AS n, CASE WHEN x.relkind = 't' THEN r.n ELSE r.new END AS new,
			CASE WHEN x.relkind = 't' THEN 4 WHEN w.bytes > 0 THEN greatest(1, (page.bytes - 24) * f.fill / 100 / w.bytes - 1) END AS a_page
		FROM pg_class x JOIN pg_stat_all_tables s ON s.relid = x.oid
		CROSS JOIN LATERAL (SELECT greatest(s.n_live_tup + s.n_dead_tup, x.reltuples + s.n_ins_since_vacuum) AS n) t
		CROSS JOIN LATERAL (SELECT t.n, least(t.n, s.n_mod_since_analyze) AS new) r
		CROSS JOIN LATERAL (SELECT coalesce((SELECT option_value::float8 FROM pg_options_to_table(x.reloptions) WHERE option_name = 'fillfactor'), 100) AS fill) f
		LEFT JOIN (SELECT tablename, 48 + sum(avg_width * (1 - null_frac)) AS bytes FROM pg_stats WHERE schemaname = current_schema() GROUP BY tablename) w
			ON w.tablename = x.relname AND x.relkind = 'r'
		WHERE x.reltuples >= 0 AND current_setting('track_counts')::boolean AND (x.relkind = 'r' AND x.relnamespace = current_schema()::regnamespace
			OR x.oid IN (SELECT reltoastrelid FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace))) part`

// measureSize notes the size of the tables, how much of it is room for the next rows, and whether the books balance.
func (s *Store) measureSize(ctx context.Context) error {
	for _, of := range []struct {
		text string
		to   interface{ Store(int64) }
	}{{sizeSelect, &s.size}, {reusableSelect, &s.reusable}, {unaccountedSelect, &s.unaccounted}, {damagedSelect, &s.damaged}} {
		n, err := single[int64](ctx, s.reader, of.text)
		if err != nil {
			return err
		}
		of.to.Store(n)
	}
	return nil
}

// OverBudget says whether new messages are refused; see queue.Bounded. What the next rows go into without a larger file is free: otherwise
// a store that was full once would stay so, however much retention takes away.
func (s *Store) OverBudget(reserve bool) bool {
	return queue.Over(s.size.Load()-s.reusable.Load(), s.opts.DiskBudget, reserve)
}
