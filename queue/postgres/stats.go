package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// Stats gives the totals; see queue.Reader.
func (r *reader) Stats(ctx context.Context) (queue.Stats, error) {
	st := queue.Stats{Messages: map[samvirke.MessageStatus]int64{}, Deliveries: map[string]map[samvirke.DeliveryState]int64{},
		OldestWaiting: map[string]time.Time{}, ReceiptsAwaited: map[string]int64{}}
	type row struct {
		tallyKey
		n int64
	}
	// In one statement, so that nothing is counted twice.
	rows, err := list(ctx, r, func(x pgx.Row) (t row, err error) {
		err = x.Scan(&t.kind, &t.party, &t.state, &t.n)
		return t, err
	}, statsSelect)
	if err != nil {
		return st, err
	}
	for _, t := range rows {
		count(&st, t.tallyKey, t.n)
	}
	for party, states := range st.Deliveries {
		if states[samvirke.DeliveryQueued]+states[samvirke.DeliverySending]+states[samvirke.DeliveryWaiting] == 0 {
			continue
		}
		at, err := single[int64](ctx, r, oldestSelect, party)
		if err != nil {
			return st, err
		}
		if at != 0 {
			st.OldestWaiting[party] = moment(at)
		}
	}
	if st.Bytes, err = single[int64](ctx, r, sizeSelect); err == nil {
		st.Reusable, err = single[int64](ctx, r, reusableSelect)
	}
	return st, err
}

const (
	// What is in hand is few rows however much waits.
	statsSelect = `SELECT kind, party, state, n FROM tally UNION ALL
		SELECT 'sending', d.party, d.state, count(*) FROM lane l JOIN delivery d ON d.seq = l.leased
		WHERE l.leased <> 0 AND l.due > now_ns() AND d.state IN ('queued', 'waiting') GROUP BY d.party, d.state`
	oldestSelect = `SELECT created_at FROM delivery WHERE seq = (SELECT min(seq) FROM (
		(SELECT seq FROM open_delivery WHERE state = 'queued' AND party = $1 ORDER BY seq LIMIT 1) UNION ALL
		(SELECT seq FROM open_delivery WHERE state = 'waiting' AND party = $1 ORDER BY seq LIMIT 1)) o)`
	sizeSelect = `SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c
		WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')`
)

// count puts one total where it belongs.
func count(st *queue.Stats, k tallyKey, n int64) {
	if n == 0 {
		return
	}
	if (k.kind == tallyDelivery || k.kind == "sending") && st.Deliveries[k.party] == nil {
		st.Deliveries[k.party] = map[samvirke.DeliveryState]int64{}
	}
	switch d := st.Deliveries[k.party]; k.kind {
	case tallyAccepted:
		st.Accepted = n
	case tallyMessage:
		st.Messages[samvirke.MessageStatus(k.state)] = n
	case tallyAwaited:
		st.ReceiptsAwaited[k.party] = n
	case tallyDelivery:
		add(d, samvirke.DeliveryState(k.state), n)
	case "sending":
		add(d, samvirke.DeliveryState(k.state), -n)
		add(d, samvirke.DeliverySending, n)
	}
}

func add(d map[samvirke.DeliveryState]int64, state samvirke.DeliveryState, n int64) {
	if d[state] += n; d[state] == 0 {
		delete(d, state)
	}
}

// Stats gives the totals, with the figures of this gateway's commits; see queue.Reader.
func (s *Store) Stats(ctx context.Context) (queue.Stats, error) {
	st, err := s.reader.Stats(ctx)
	s.meters.stats(&st)
	return st, err
}

const unaccountedSelect = `SELECT coalesce(sum(CASE kind WHEN 'accepted' THEN n WHEN 'message' THEN -n ELSE 0 END), 0)::bigint FROM tally`
