package sqlite

import (
	"database/sql/driver"
	"slices"
	"time"
)

// waiting are changes that are synced in the journal and not in the tables yet. A row that is made and changed within
// this time is written once, as it is at the end, and a page that many rows fall on is written once for all of them:
// that is what a unit of work saves against one transaction for each group.
//
// While one generation of them is written into the tables the next one is gathered. The writer's goroutine gathers; once a
// generation leaves for the tables nobody changes it any more, until it is there and its room is used again.
type waiting struct {
	// gen is the number of the generation.
	gen uint64
	// rows are the new rows of each table.
	rows [changeCount]gathered
	// messages and deliveries tell where in the gathered rows a new row begins, by its number.
	messages, deliveries map[int64]int
	// setMessages and setDeliveries are changes of rows that stand in the tables.
	setMessages   map[int64]setRow
	setDeliveries map[int64][]driver.Value
	tallies       map[tallyKey]int64
	counters      map[string]int64
	dues          []dueChange
	dueNames      map[dueName]bool // which they are about
	// about are the messages that units of the generation are about. What is read from the journal again is not held against anybody: it goes into
	// the tables before anything else happens.
	about     map[int64]struct{}
	auditSeq  int64
	auditHash string
	// lastMessage and lastDelivery are the greatest ids.
	lastMessage, lastDelivery string
	// names are by what a repeated message would be found.
	names map[string]bool
	// troubles and hours are what searches need besides the rows.
	troubles troubles
	hours    hours

	frames int
	count  int
	since  time.Time
	end    spot
	// readers wait until the generation is in the tables.
	readers []*request
}

type setRow struct {
	c    change
	vals []driver.Value
}

type dueChange struct {
	c    change
	vals []driver.Value
}

func newWaiting() *waiting {
	w := &waiting{}
	w.reset()
	return w
}

// reset lets go of everything and keeps the room.
func (w *waiting) reset() {
	w.gen = 0
	w.messages, w.deliveries = emptied(w.messages), emptied(w.deliveries)
	w.setMessages, w.setDeliveries = emptied(w.setMessages), emptied(w.setDeliveries)
	w.tallies, w.counters, w.names = emptied(w.tallies), emptied(w.counters), emptied(w.names)
	w.troubles.reset()
	w.hours = emptied(w.hours)
	clear(w.dues)
	w.dueNames = emptied(w.dueNames)
	w.about = emptied(w.about)
	w.dues, w.auditSeq, w.auditHash = w.dues[:0], 0, ""
	w.lastMessage, w.lastDelivery = "", ""
	w.frames, w.count, w.end = 0, 0, spot{}
	w.readers = nil
	for c := range w.rows {
		w.rows[c] = w.rows[c].emptied()
	}
}

// answer answers those who waited for the generation.
func (w *waiting) answer(err error) {
	for _, r := range w.readers {
		r.answer(err)
	}
	w.readers = nil
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
	w.count++
	w.troubles.put(c, vals)
	switch c {
	case addMessage:
		w.hours.put(vals[9].(int64), vals[0].(int64))
		w.messages[vals[0].(int64)] = len(w.rows[c])
	case addDelivery:
		w.deliveries[vals[0].(int64)] = len(w.rows[c])
	case setMessage, setMessageAll:
		w.setMessage(c, vals)
		return
	case setDelivery:
		w.setDelivery(vals)
		return
	case setDue, dropDue, fireDue:
		d := dueChange{c, slices.Clone(vals)}
		w.dues = append(w.dues, d)
		w.dueNames[d.name()] = true
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
	w.rows[c] = append(w.rows[c], vals...)
}

func (w *waiting) setMessage(c change, vals []driver.Value) {
	seq := vals[len(vals)-1].(int64)
	if at, fresh := w.messages[seq]; fresh {
		row := w.rows[addMessage][at:]
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
		row := w.rows[addDelivery][at:]
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
