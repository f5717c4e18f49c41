package postgres

import (
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// What is about one patient is processed in order, see queue.MessageStep. The lock on head makes that exact over all
// gateways: what a group reads of the received messages nobody else changes before its commit. Only their owners change
// beside it.

// orderSelect finds the first received messages of patients: those named, and those of the messages that are stepped. One
// more is asked for than a group can end.
const orderSelect = `SELECT p.patient, o.seq, o.owner FROM (SELECT patient FROM unnest($1::text[]) AS i(patient)
		UNION SELECT patient FROM message WHERE id = ANY($2) AND status = 'received' AND patient <> '') p
	CROSS JOIN LATERAL (SELECT seq, owner FROM open_message WHERE status = 'received' AND key <> 0 AND key = hashtextextended(p.patient, 0)
		ORDER BY seq LIMIT $3) o`

// openMessageFree gives back messages that were claimed and whose turn it is not. It says whose they are: one that a gateway
// of an older version accepted does not, and would be claimed, refused and given back without end.
const openMessageFree = `UPDATE open_message o SET owner = '', key = hashtextextended(i.patient, 0)
	FROM (SELECT * FROM unnest($1::bigint[], $2::text[]) AS x(seq, patient) ORDER BY seq) i WHERE o.seq = i.seq AND o.owner = $3 AND o.status = 'received'`

// line is what a group knows of the order of messages.
type line struct {
	// waiting are the received messages by patient, the first of them, in order; as the units so far leave them.
	waiting map[string][]inLine
	ended   []string // patients of whom one ended
	back    []int64  // messages to give back
	whose   []string // their patients
}

// inLine is one received message with who has it, "" for nobody.
type inLine struct {
	seq   int64
	owner string
}

// takesOut says that a step takes a message out of received, so that it holds up nobody any more.
func takesOut(s *queue.MessageStep, from samvirke.MessageStatus) bool {
	return from == samvirke.MessageReceived && s.To != "" && s.To != from
}

func (g *group) readOrder(b *pgx.Batch, a *asked) {
	if len(a.ordered) == 0 && len(a.inOrder) == 0 {
		return
	}
	rows(b, orderSelect, func(row pgx.Row) error {
		var patient string
		var x inLine
		err := row.Scan(&patient, &x.seq, &x.owner)
		g.line.waiting[patient] = append(g.line.waiting[patient], x)
		return err
	}, unique(a.ordered), unique(a.inOrder), len(a.inOrder)+len(a.ordered)+1)
}

// lookOrder refuses a step that processes a message which is not the first of its patient. To close one is no processing.
func (g *group) lookOrder(row *messageRow, s *queue.MessageStep) error {
	if row.patient == "" || s.To == samvirke.MessageClosed || !takesOut(s, row.status) {
		return nil
	}
	if g.line.before(row.patient, row.seq) == nil {
		return nil
	}
	if g.messages[s.ID] != nil {
		g.line.back, g.line.whose = append(g.line.back, row.seq), append(g.line.whose, row.patient)
	}
	return fmt.Errorf("message %s is not the first of its patient: %w", s.ID, queue.ErrOrder)
}

// enter puts a received message where it belongs.
func (l *line) enter(patient string, seq int64) {
	if patient == "" {
		return
	}
	list := l.waiting[patient]
	at, there := slices.BinarySearchFunc(list, seq, func(x inLine, seq int64) int { return int(min(max(x.seq-seq, -1), 1)) })
	if !there {
		l.waiting[patient] = slices.Insert(list, at, inLine{seq: seq})
	}
}

// leave takes one out that is no longer received.
func (l *line) leave(patient string, seq int64) {
	if patient == "" {
		return
	}
	l.waiting[patient] = slices.DeleteFunc(l.waiting[patient], func(x inLine) bool { return x.seq == seq })
	l.ended = append(l.ended, patient)
}

// before gives the first message of a patient when it is before another one; nil when that is the first.
func (l *line) before(patient string, seq int64) *inLine {
	if list := l.waiting[patient]; len(list) > 0 && list[0].seq < seq {
		return &list[0]
	}
	return nil
}

// taken notes who gets the first message of a patient.
func (l *line) taken(patient, owner string) {
	if list := l.waiting[patient]; len(list) > 0 {
		list[0].owner = owner
	}
}

// freed says whether the end of a message lets somebody claim the next one of its patient.
func (g *group) freed() bool {
	return slices.ContainsFunc(g.line.ended, func(patient string) bool {
		list := g.line.waiting[patient]
		return len(list) > 0 && (list[0].owner == "" || slices.Contains(g.line.back, list[0].seq))
	})
}
