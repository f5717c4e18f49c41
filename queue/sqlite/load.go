package sqlite

import (
	"cmp"
	"database/sql/driver"
	"slices"
	"time"

	"github.com/samvirke/samvirke"
)

// loadChunk is how many rows are read in one piece at start, between two groups.
const loadChunk = 5000

// loader reads open deliveries and received messages into memory after a start. It runs on the
// writer's goroutine and connection, in pieces, so that new messages are accepted at once however
// many old ones there are, and so that no commit can come between reading a row and putting it
// into memory. Parties for whom little waits come first: one that has been away for a week does not keep the others waiting.
type loader struct {
	received, open *stmt
	// last is the number of the newest message of an earlier life; what came later is in the feed already.
	last    int64
	after   int64
	parties []string
	states  []samvirke.DeliveryState
	stage   int // index into parties x states, after the messages
	started bool
	// back is how far the clock was put back since the store was closed: so much earlier is everything due.
	back time.Duration
}

// newLoader prepares to read for these parties, those with the fewest open deliveries first.
func newLoader(c *conn, last int64, parties []string, totals map[tallyKey]int64) (l *loader, err error) {
	l = &loader{last: last, parties: parties, states: []samvirke.DeliveryState{
		samvirke.DeliveryStopped, samvirke.DeliveryWaiting, samvirke.DeliveryQueued}}
	open := func(party string) (n int64) {
		for _, state := range l.states {
			n += totals[tallyKey{tallyDelivery, party, string(state)}]
		}
		return n
	}
	slices.SortStableFunc(parties, func(a, b string) int { return cmp.Compare(open(a), open(b)) })
	if l.received, err = c.prepare(loadReceived); err != nil {
		return nil, err
	}
	l.open, err = c.prepare(loadOpen)
	return l, err
}

const (
	loadReceived = `SELECT seq, patient FROM message WHERE status = ? AND status <> 'processed' AND seq > ? AND seq <= ?
		ORDER BY seq LIMIT ?`
	loadOpen = `SELECT seq, lane, due_at, created_at, hold FROM delivery
		WHERE state = ? AND party = ? AND state IN ('queued', 'waiting', 'stopped', 'given-up') AND seq > ? ORDER BY seq LIMIT ?`
)

// step reads one piece and says whether there is more.
func (l *loader) step(w *writer) bool {
	more, err := l.piece(w)
	if err != nil {
		w.s.fail(err)
		more = false
	}
	if !more {
		l.close()
	}
	return more
}

// close lets go of the statements; an open one would keep the connection from closing.
func (l *loader) close() {
	if l == nil {
		return
	}
	for _, s := range []*stmt{l.received, l.open} {
		if s != nil {
			_ = s.close()
		}
	}
	l.received, l.open = nil, nil
}

func (l *loader) piece(w *writer) (more bool, err error) {
	if !l.started {
		n, err := l.messages(w)
		if err != nil || n == loadChunk {
			return err == nil, err
		}
		l.started, l.after = true, 0
		close(w.s.feed.loaded)
		return true, nil
	}
	if l.stage == len(l.parties)*len(l.states) {
		close(w.s.lanes.loaded)
		return false, nil
	}
	n, err := l.deliveries(w, l.parties[l.stage/len(l.states)], l.states[l.stage%len(l.states)])
	if err != nil {
		return false, err
	}
	if n < loadChunk {
		l.stage++
		l.after = 0
		if l.stage%len(l.states) == 0 {
			close(w.s.lanes.loading[l.parties[l.stage/len(l.states)-1]])
		}
	}
	return true, nil
}

func (l *loader) messages(w *writer) (n int, err error) {
	var found []feedChange
	err = l.received.each(func(row []driver.Value) error {
		l.after = row[0].(int64)
		c := feedChange{seq: l.after, again: true}
		if patient := row[1].(string); patient != "" {
			c.key = w.order.key(patient)
		}
		found = append(found, c)
		return nil
	}, string(samvirke.MessageReceived), l.after, l.last, int64(loadChunk))
	if err != nil {
		return 0, err
	}
	w.s.feed.settle(found)
	w.settleOrder(found, nil)
	w.s.feed.settle(w.order.learnt(l.after, len(found) < loadChunk))
	return len(found), nil
}

func (l *loader) deliveries(w *writer, party string, state samvirke.DeliveryState) (n int, err error) {
	var found []laneChange
	now := w.s.opts.Now().UnixNano()
	err = l.open.each(func(row []driver.Value) error {
		n++
		l.after = row[0].(int64)
		c := laneChange{seq: l.after, party: party, lane: w.s.lanes.key(row[1].(string)), open: true,
			waiting: state == samvirke.DeliveryWaiting,
			due:     dueOf(row[2].(int64), row[3].(int64)) - int64(l.back), at: row[3].(int64)}
		if state == samvirke.DeliveryStopped {
			if row[4].(int64) == 0 {
				return nil
			}
			c.due = never
		}
		if ahead := c.at - int64(l.back) - now; ahead > int64(leastSlip) && c.due != never {
			c.due -= ahead // made while the clock was ahead, in an earlier life
		}
		found = append(found, c)
		return nil
	}, string(state), party, l.after, int64(loadChunk))
	w.s.lanes.settle(found, nil)
	return n, err
}
