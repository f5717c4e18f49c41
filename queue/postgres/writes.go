package postgres

import (
	"cmp"
	"maps"
	"slices"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// writes is what a group writes, each row once, as the last unit leaves it.
type writes struct {
	messages   []messageMade
	madeBySeq  map[int64]int // place in messages
	changes    []*messageChange
	changeOf   map[int64]*messageChange
	statuses   map[int64]*messageRow // messages that were there before and whose status changes
	records    []recordRow
	plans      []planRow
	dues       []dueWrite
	deliveries []deliveryMade
	stepped    map[int64]*deliveryRow
	attempts   []attemptRow
	receipts   []receiptRow
	counters   map[string]int64
	settings   map[string]string
	events     []eventRow
	audits     []auditRow
	tallies    map[tallyKey]int64
}

type (
	messageMade struct {
		samvirke.Message
		reused          bool
		envelope, notes []byte
		out             *queue.Outcome // of the unit that accepts it
	}
	messageChange struct {
		row              *messageRow
		fault, faultText string
		envelope, notes  []byte // nil leaves them
	}
	recordRow struct {
		seq int64
		queue.Record
	}
	planRow struct {
		seq int64
		queue.PlanVersion
	}
	dueWrite struct {
		queue.DueStep
		now int64
	}
	deliveryMade struct {
		samvirke.Delivery
		row *deliveryRow
	}
	attemptRow struct {
		delivery, number, at, took      int64
		answer, class, fault, faultText string
	}
	receiptRow struct {
		seq                  int64
		ref                  refs
		party, note, content string
	}
	eventRow struct {
		seq, message, stray int64
		patient, content    string
	}
)

func newWrites() writes {
	return writes{madeBySeq: map[int64]int{}, changeOf: map[int64]*messageChange{}, statuses: map[int64]*messageRow{},
		stepped: map[int64]*deliveryRow{}, counters: map[string]int64{}, settings: map[string]string{}, tallies: map[tallyKey]int64{}}
}

func (w *writes) addMessage(m samvirke.Message, reused bool, out *queue.Outcome) int {
	w.messages = append(w.messages, messageMade{Message: m, reused: reused, out: out})
	w.madeBySeq[m.Seq] = len(w.messages)
	return len(w.messages)
}

// messageBySeq gives a message that this group makes, without its bytes.
func (w *writes) messageBySeq(seq int64) *samvirke.Message {
	n := w.madeBySeq[seq]
	if n == 0 {
		return nil
	}
	m := w.messages[n-1].Message
	m.Raw = nil
	return &m
}

func (w *writes) changeMessage(row *messageRow, s *queue.MessageStep) {
	if n := w.madeBySeq[row.seq]; n != 0 {
		m := &w.messages[n-1]
		m.Status, m.Format, m.Kind, m.Version, m.ExternalID, m.Patient = row.status, row.format, row.kind, row.version, row.externalID, row.patient
		m.GeneratedAt, m.Fault, m.FaultText = moment(row.generatedAt), s.Fault, s.FaultText
		keep(&m.envelope, s.Envelope)
		keep(&m.notes, s.Notes)
		return
	}
	c := w.changeOf[row.seq]
	if c == nil {
		c = &messageChange{}
		w.changeOf[row.seq] = c
		w.changes = append(w.changes, c)
	}
	c.row, c.fault, c.faultText = row, s.Fault, s.FaultText
	keep(&c.envelope, s.Envelope)
	keep(&c.notes, s.Notes)
}

func keep(to *[]byte, from []byte) {
	if from != nil {
		*to = from
	}
}

func (w *writes) addDelivery(d samvirke.Delivery, row *deliveryRow) {
	w.deliveries = append(w.deliveries, deliveryMade{d, row})
}

func (w *writes) step(row *deliveryRow) { w.stepped[row.seq] = row }

// What is tallied.
const (
	tallyAccepted = "accepted"
	tallyMessage  = "message"
	tallyDelivery = "delivery"
	tallyAwaited  = "awaited"
)

type tallyKey struct{ kind, party, state string }

func (w *writes) tally(kind, party, state string, n int64) {
	w.tallies[tallyKey{kind, party, state}] += n
}

// sortedKeys orders rows, so that two transactions that write the same ones never wait for each other crosswise.
func sortedKeys(m map[tallyKey]int64) []tallyKey {
	return slices.SortedFunc(maps.Keys(m), func(a, b tallyKey) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.party, b.party), cmp.Compare(a.state, b.state))
	})
}

// sortedSteps are the stepped deliveries in order of their numbers.
func (w *writes) sortedSteps() []*deliveryRow {
	return slices.SortedFunc(maps.Values(w.stepped), func(a, b *deliveryRow) int { return cmp.Compare(a.seq, b.seq) })
}
