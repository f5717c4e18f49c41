package sqlite

import (
	"context"
	"database/sql"
	"os"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// count puts one total where it belongs.
func count(st *queue.Stats, k tallyKey, n int64) {
	if n == 0 {
		return
	}
	switch k.kind {
	case tallyAccepted:
		st.Accepted = n
	case tallyMessage:
		st.Messages[samvirke.MessageStatus(k.state)] = n
	case tallyAwaited:
		st.ReceiptsAwaited[k.party] = n
	case tallyDelivery:
		if st.Deliveries[k.party] == nil {
			st.Deliveries[k.party] = map[samvirke.DeliveryState]int64{}
		}
		st.Deliveries[k.party][samvirke.DeliveryState(k.state)] = n
	}
}

// storedStats reads the totals as another process sees them.
func (r *reader) storedStats(ctx context.Context, st *queue.Stats) error {
	_, err := list(ctx, r.db, func(rows *sql.Rows) (struct{}, error) {
		var k tallyKey
		var n int64
		err := rows.Scan(&k.kind, &k.party, &k.state, &n)
		count(st, k, n)
		return struct{}{}, err
	}, `SELECT kind, party, state, n FROM tally`)
	if err != nil {
		return err
	}
	var file struct{ Main string }
	if err := r.db.QueryRowContext(ctx, `SELECT file FROM pragma_database_list WHERE name = 'main'`).Scan(&file.Main); err != nil {
		return readError(ctx, err)
	}
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(file.Main + suffix); err == nil {
			st.Bytes += info.Size()
		}
	}
	return nil
}

// liveStats gives the totals of the last synced group, with what is being sent right now.
func (s *Store) liveStats(st *queue.Stats) {
	for k, n := range s.totals.copy() {
		count(st, k, n)
	}
	for party, n := range s.lanes.sending() {
		d := st.Deliveries[party]
		for state, k := range n {
			// Leases and totals are not read at one instant: never show a negative number.
			k = min(k, d[state])
			d[state] -= k
			if d[state] == 0 {
				delete(d, state)
			}
			if k > 0 {
				d[samvirke.DeliverySending] += k
			}
		}
	}
	s.meters.stats(st)
	st.Bytes = s.size.Load()
}

// oldest asks for the oldest waiting delivery of each party: two seeks each.
func (r *reader) oldest(ctx context.Context, st *queue.Stats) error {
	for party, states := range st.Deliveries {
		if states[samvirke.DeliveryQueued]+states[samvirke.DeliverySending]+states[samvirke.DeliveryWaiting] == 0 {
			continue
		}
		at, err := single[int64](ctx, r.db, oldestSelect, party, party)
		if err != nil {
			return err
		}
		if at != 0 {
			st.OldestWaiting[party] = moment(at)
		}
	}
	return nil
}

// oldestSelect names its index: by that of the party alone, which is in the order of the numbers too, it would go through all
// that a party was ever sent.
const oldestSelect = `SELECT created_at FROM delivery WHERE seq = (SELECT min(seq) FROM (
	SELECT * FROM (SELECT seq FROM delivery INDEXED BY delivery_open WHERE state = 'queued' AND party = ?
		AND state IN ('queued', 'waiting', 'stopped', 'given-up') ORDER BY seq LIMIT 1)
	UNION ALL
	SELECT * FROM (SELECT seq FROM delivery INDEXED BY delivery_open WHERE state = 'waiting' AND party = ?
		AND state IN ('queued', 'waiting', 'stopped', 'given-up') ORDER BY seq LIMIT 1)))`
