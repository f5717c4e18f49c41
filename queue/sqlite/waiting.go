package sqlite

import (
	"database/sql/driver"
	"slices"
	"sync"
	"time"

	"github.com/samvirke/samvirke"
)

// waiting are the changes that are synced in the journal and not in the tables yet. A row that is made and changed within
// this time is written once, as it is at the end, and a page that many rows fall on is written once for all of them:
// that is what a unit of work saves against one transaction for each group.
//
// The rows and all lookups in them belong to the writer's goroutine; touched is for readers.
type waiting struct {
	st *statements
	// messages and deliveries tell where in the gathered rows a new row begins, by its number.
	messages, deliveries map[int64]int
	// setMessages and setDeliveries are changes of rows that stand in the tables.
	setMessages   map[int64]setRow
	setDeliveries map[int64][]driver.Value
	tallies       map[tallyKey]int64
	counters      map[string]int64
	dues          []dueChange
	auditSeq      int64
	auditHash     string
	// lastMessage and lastDelivery are the greatest ids.
	lastMessage, lastDelivery string
	// names are by what a repeated message would be found.
	names map[string]bool
	// troubles and hours are what searches need besides the rows.
	troubles troubles
	hours    hours

	frames int
	rows   int
	since  time.Time
	end    spot

	touched touched
}

type setRow struct {
	c    change
	vals []driver.Value
}

type dueChange struct {
	c    change
	vals []driver.Value
}

func newWaiting(st *statements) *waiting {
	w := &waiting{st: st}
	w.reset()
	return w
}

func (w *waiting) reset() {
	w.messages, w.deliveries = emptied(w.messages), emptied(w.deliveries)
	w.setMessages, w.setDeliveries = emptied(w.setMessages), emptied(w.setDeliveries)
	w.tallies, w.counters, w.names = emptied(w.tallies), emptied(w.counters), emptied(w.names)
	w.troubles.reset()
	w.hours = emptied(w.hours)
	clear(w.dues)
	w.dues, w.auditSeq, w.auditHash = w.dues[:0], 0, ""
	w.frames, w.rows = 0, 0
	for _, b := range w.st.rows {
		if b != nil {
			b.drop()
		}
	}
}

// emptied keeps a map that has a usual size.
func emptied[M ~map[K]V, K comparable, V any](m M) M {
	if m == nil || len(m) > 20_000 {
		return M{}
	}
	clear(m)
	return m
}

// Columns of gathered rows that later changes write.
const (
	colMessageStatus = 10
	colDeliveryState = 13
	colDeliveryDue   = 17
)

// put takes up one change.
func (w *waiting) put(c change, vals []driver.Value) {
	w.rows++
	w.troubles.put(c, vals)
	switch c {
	case addMessage:
		w.hours.put(vals[9].(int64), vals[0].(int64))
		w.messages[vals[0].(int64)] = len(w.st.rows[c].vals)
	case addDelivery:
		w.deliveries[vals[0].(int64)] = len(w.st.rows[c].vals)
	case setMessage, setMessageAll:
		w.setMessage(c, vals)
		return
	case setDelivery:
		w.setDelivery(vals)
		return
	case setDue, dropDue, fireDue:
		w.dues = append(w.dues, dueChange{c, slices.Clone(vals)})
		return
	case setCounter:
		w.counters[vals[0].(string)] = vals[1].(int64)
		return
	case addTally:
		w.tallies[tallyKey{vals[0].(string), vals[1].(string), vals[2].(string)}] += vals[3].(int64)
		return
	case addAudit:
		w.auditSeq, w.auditHash = vals[0].(int64), vals[10].(string)
	}
	w.st.rows[c].add(vals...)
}

func (w *waiting) setMessage(c change, vals []driver.Value) {
	seq := vals[len(vals)-1].(int64)
	if at, fresh := w.messages[seq]; fresh {
		row := w.st.rows[addMessage].vals[at:]
		copy(row[colMessageStatus:], vals[:3])
		if c == setMessageAll {
			copy(row[3:9], vals[3:9]) // format, kind, version, external_id, patient, generated_at
		}
		return
	}
	earlier, there := w.setMessages[seq]
	if there && c == setMessage {
		copy(earlier.vals, vals[:3])
		return
	}
	w.setMessages[seq] = setRow{c, slices.Clone(vals)}
}

func (w *waiting) setDelivery(vals []driver.Value) {
	seq := vals[9].(int64)
	if at, fresh := w.deliveries[seq]; fresh {
		row := w.st.rows[addDelivery].vals[at:]
		copy(row[colDeliveryState:colDeliveryState+3], vals[:3]) // state, hold, attempts
		copy(row[colDeliveryDue:colDeliveryDue+6], vals[3:9])    // due_at ... fault_text
		return
	}
	if earlier, there := w.setDeliveries[seq]; there {
		copy(earlier, vals)
		return
	}
	w.setDeliveries[seq] = slices.Clone(vals)
}

// touched names what the waiting changes are about, so that a reader knows whether it must wait for them.
type touched struct {
	mu   sync.Mutex
	keys map[string]struct{}
	// rows are deliveries by number; the others list numbers of new ones.
	rows                  map[int64]*shadow
	byMessage, byExternal map[string][]int64
	// messages are new ones that nothing was done with since.
	messages map[string]*newMessage
	any      bool
	// epoch counts how often the waiting changes went into the tables.
	epoch uint64
}

// newMessage is a message as it was accepted, without its body.
type newMessage struct {
	m    samvirke.Message
	kept kept
}

func (t *touched) add(keys []string, deliveries []*shadow, messages []*newMessage, changed []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.any = true
	if t.keys == nil {
		t.reset()
	}
	for _, k := range keys {
		t.keys[k] = struct{}{}
	}
	t.addShadows(deliveries)
	for _, m := range messages {
		t.messages[m.m.ID] = m
	}
	for _, id := range changed {
		delete(t.messages, id)
	}
}

func (t *touched) message(id string) *newMessage {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.messages[id]
}

func (t *touched) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.any = false
	t.epoch++
	t.reset()
}

func (t *touched) reset() {
	t.keys, t.rows = emptied(t.keys), emptied(t.rows)
	t.byMessage, t.byExternal, t.messages = emptied(t.byMessage), emptied(t.byExternal), emptied(t.messages)
}

// has says whether one of the keys is touched; without keys, whether anything is.
func (t *touched) has(keys ...string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.any || len(keys) == 0 {
		return t.any
	}
	for _, k := range keys {
		if _, yes := t.keys[k]; yes {
			return true
		}
	}
	return false
}

// hasDelivery says whether one of these deliveries is touched.
func (t *touched) hasDelivery(set map[int64]bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for seq := range set {
		if t.rows[seq] != nil {
			return true
		}
	}
	return false
}
