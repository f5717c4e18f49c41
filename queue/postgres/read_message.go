package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

const messageColumns = `m.seq, m.id, m.party, m.format, m.kind, m.version, m.external_id, m.patient, m.generated_at,
	m.received_at, m.status, m.fault, m.fault_text, m.checksum, m.size, m.content_type, m.trace_parent`

// scanMessage reads messageColumns, then what extra points to.
func scanMessage(row pgx.Row, extra ...any) (m samvirke.Message, err error) {
	var generated, received int64
	err = row.Scan(append([]any{&m.Seq, &m.ID, &m.Party, &m.Format, &m.Kind, &m.Version, &m.ExternalID, &m.Patient,
		&generated, &received, &m.Status, &m.Fault, &m.FaultText, &m.Checksum, &m.Size, &m.ContentType,
		&m.TraceParent}, extra...)...)
	m.GeneratedAt, m.ReceivedAt = moment(generated), moment(received)
	return m, err
}

// Message gives one message with its raw bytes; see queue.Reader.
func (r *reader) Message(ctx context.Context, id string) (queue.MessageDetail, error) {
	var raw, envelope kept
	d, err := one(ctx, r, func(row pgx.Row) (d queue.MessageDetail, err error) {
		d.Message, err = scanMessage(row, &raw.plain, &raw.pressed, &envelope.plain, &envelope.pressed, &d.Notes)
		return d, err
	}, `SELECT `+messageColumns+`, `+rawColumns+`, `+envelopeColumns+`, m.notes FROM message m WHERE m.id = $1`, id)
	if err != nil {
		return d, err
	}
	if d.Raw, err = r.body(raw); err != nil {
		return d, fmt.Errorf("message %s: %w", id, err)
	}
	d.Raw = notNil(d.Raw)
	if d.Envelope, err = r.body(envelope); err != nil {
		return d, fmt.Errorf("envelope of message %s: %w", id, err)
	}
	return d, nil
}

// Messages lists messages, newest first; see queue.Reader.
func (r *reader) Messages(ctx context.Context, f queue.MessageFilter) ([]samvirke.Message, error) {
	scan := func(row pgx.Row) (samvirke.Message, error) { return scanMessage(row) }
	if query, args := troubleWalk(f); query != "" {
		newest, err := list(ctx, r, scan, query, args...)
		if err != nil || len(newest) == page(f.Limit) {
			return newest, err
		}
	}
	query, args := messageQuery(f)
	return list(ctx, r, scan, query, args...)
}

// troubleNewest is how many of the newest troubles are looked at before the full-text index is asked.
const troubleNewest = 2000

// troubleWalk looks for words in the newest troubles. The full-text index gives all rows with a word and has no order, so a word
// that many have is found sooner here; one that few have is found there. It is "" when no words are asked for.
func troubleWalk(f queue.MessageFilter) (string, []any) {
	words := queue.Words(f.Text)
	if len(words) == 0 || f.ID+f.ExternalID+f.Patient != "" {
		return "", nil
	}
	var w, of where
	if f.Before > 0 {
		w.add(`seq < ?`, f.Before)
	}
	whereHours(&w, `seq`, f) // the newest of that time
	newest := `(SELECT seq, words FROM trouble WHERE ` + w.String() + ` ORDER BY seq DESC LIMIT ` + w.next(troubleNewest) + `)`
	of.args = w.args
	of.add(`t.words @@ ?::tsquery`, matching(f, words))
	if len(f.Status) > 0 {
		of.add(`m.status = ANY(?)`, texts(f.Status))
	}
	whereMessage(&of, f)
	return `SELECT ` + messageColumns + ` FROM ` + newest + ` t JOIN message m ON m.seq = t.seq WHERE ` + of.String() + ` ORDER BY t.seq DESC LIMIT ` + of.next(page(f.Limit)), of.args
}

// messageQuery leads the database to an index that brings few rows, or the newest first. What is not processed stands in
// a table of its own, and so do the words of what went wrong.
func messageQuery(f queue.MessageFilter) (string, []any) {
	var w where
	from, order := `message m`, `m.seq`
	words := queue.Words(f.Text)
	if f.ID != "" {
		whereAnyID(&w, f.ID)
	}
	w.text(`m.external_id = ? AND m.external_id <> ''`, f.ExternalID)
	w.text(`m.patient = ? AND m.patient <> ''`, f.Patient)
	few := f.ID+f.ExternalID+f.Patient != ""
	switch {
	case len(words) > 0 && few:
		w.add(`EXISTS (SELECT 1 FROM trouble t WHERE t.seq = m.seq AND t.words @@ ?::tsquery)`, matching(f, words))
	case len(words) > 0:
		from, order = `trouble t JOIN message m ON m.seq = t.seq`, `t.seq`
		w.add(`t.words @@ ?::tsquery`, matching(f, words))
	}
	switch {
	case len(f.Status) == 0:
	case len(words) > 0 && !few:
		from += whereOpen(&w, f.Status)
	case few || slices.Contains(f.Status, samvirke.MessageProcessed):
		w.add(`m.status = ANY(?)`, texts(f.Status))
	default:
		return openMessageQuery(f)
	}
	whereMessage(&w, f)
	if !few { // otherwise the database may walk all of that time for the few
		whereHours(&w, `m.seq`, f)
	}
	if f.Before > 0 {
		w.add(order+` < ?`, f.Before)
	}
	return `SELECT ` + messageColumns + ` FROM ` + from + ` WHERE ` + w.String() + ` ORDER BY ` + order + ` DESC LIMIT ` + w.next(page(f.Limit)), w.args
}

// whereOpen asks for the status of a trouble in the table of what is not processed, which is small: by the messages each of them would be
// looked up among all. It gives what that is joined with.
func whereOpen(w *where, status []samvirke.MessageStatus) string {
	if slices.Contains(status, samvirke.MessageProcessed) {
		w.add(`NOT EXISTS (SELECT 1 FROM open_message o WHERE o.seq = t.seq AND o.status <> ALL(?))`, texts(status))
		return ""
	}
	w.add(`o.status = ANY(?)`, texts(status))
	return ` JOIN open_message o ON o.seq = t.seq`
}

// whereMessage adds the conditions that every way of searching has.
func whereMessage(w *where, f queue.MessageFilter) {
	w.text(`m.kind = ? AND m.kind <> ''`, f.Kind)
	w.text(`m.party = ?`, f.Party)
	if !f.Since.IsZero() {
		w.add(`m.received_at >= ?`, nanos(f.Since))
	}
	if !f.Until.IsZero() {
		w.add(`m.received_at < ?`, nanos(f.Until))
	}
}

// whereHours makes a time a range of numbers, in which the index is walked.
func whereHours(w *where, seq string, f queue.MessageFilter) {
	if !f.Since.IsZero() {
		w.add(seq+` >= (SELECT min(first) FROM message_hour WHERE hour >= ?)`, nanos(f.Since)/hourNanos)
	}
	if !f.Until.IsZero() {
		w.add(seq+` <= (SELECT max(last) FROM message_hour WHERE hour <= ?)`, nanos(f.Until)/hourNanos)
	}
}

const hourNanos = 3_600_000_000_000

// whereAnyID selects messages by any id.
func whereAnyID(w *where, id string) {
	ids := queue.SameIDs(id)
	w.add(`m.seq IN (SELECT seq FROM message WHERE id = ? UNION ALL SELECT seq FROM message WHERE external_id = ANY(?) AND external_id <> ''
		UNION ALL SELECT message FROM delivery WHERE id = ? UNION ALL SELECT message FROM delivery WHERE external_id = ANY(?) AND external_id <> ''
		UNION ALL SELECT message FROM receipt WHERE receipt_id(content) = ANY(?))`, id, ids, id, ids, ids)
}

// matching writes words as a question of the full-text index: each the beginning of a word, all of them there. Party and kind are
// among the words of each message, so they make the question narrower.
func matching(f queue.MessageFilter, words []string) string {
	var quoted []string
	for _, w := range words {
		quoted = append(quoted, `'`+w+`':*`)
	}
	for _, w := range queue.Words(f.Party, f.Kind) {
		quoted = append(quoted, `'`+w+`':*`)
	}
	return strings.Join(quoted, ` & `)
}

// openMessageQuery reads the newest of each status, which the index gives in order, and puts them together. Each is looked up by
// itself (OFFSET 0): side by side with all messages of a party, the database would walk those until enough of them are among the few.
func openMessageQuery(f queue.MessageFilter) (string, []any) {
	w := &where{}
	var parts []string
	for _, s := range f.Status {
		w.parts = nil
		w.add(`s.status = ?`, string(s))
		whereMessage(w, f)
		whereHours(w, `s.seq`, f)
		if f.Before > 0 {
			w.add(`s.seq < ?`, f.Before)
		}
		parts = append(parts, `(SELECT s.seq FROM open_message s
			CROSS JOIN LATERAL (SELECT party, kind, received_at FROM message WHERE seq = s.seq OFFSET 0) m WHERE `+w.String()+` ORDER BY s.seq DESC LIMIT `+w.next(page(f.Limit))+`)`)
	}
	return `SELECT ` + messageColumns + ` FROM (` + strings.Join(parts, ` UNION ALL `) + `) x JOIN message m ON m.seq = x.seq ORDER BY m.seq DESC LIMIT ` + w.next(page(f.Limit)), w.args
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}

const deliveryColumns = `d.seq, d.id, coalesce(m.id, ''), d.party, d.purpose, d.lane, d.patient, d.external_id,
	d.kind, d.format, d.version, d.content_type, d.rule, d.state, d.attempts, d.created_at, d.due_at, d.sent_at,
	d.done_at, d.expect_by, d.fault, d.fault_text, d.checksum, d.size, d.trace_parent`

// scanDelivery reads deliveryColumns, then what extra points to.
func scanDelivery(row pgx.Row, extra ...any) (d samvirke.Delivery, err error) {
	var created, due, sent, done, expect int64
	err = row.Scan(append([]any{&d.Seq, &d.ID, &d.MessageID, &d.Party, &d.Purpose, &d.Lane, &d.Patient,
		&d.ExternalID, &d.Kind, &d.Format, &d.Version, &d.ContentType, &d.Rule, &d.State, &d.Attempts,
		&created, &due, &sent, &done, &expect, &d.Fault, &d.FaultText, &d.Checksum, &d.Size, &d.TraceParent}, extra...)...)
	d.CreatedAt, d.DueAt, d.SentAt = moment(created), moment(due), moment(sent)
	d.DoneAt, d.ExpectBy = moment(done), moment(expect)
	return d, err
}

// inHand says of a delivery d whether it is leased now.
const inHand = `EXISTS (SELECT 1 FROM lane l WHERE l.leased = d.seq AND l.leased <> 0 AND l.due > now_ns())`

// scanShown reads deliveryColumns and inHand, then what extra points to.
func scanShown(row pgx.Row, extra ...any) (samvirke.Delivery, error) {
	var held bool
	d, err := scanDelivery(row, append([]any{&held}, extra...)...)
	if held && (d.State == samvirke.DeliveryQueued || d.State == samvirke.DeliveryWaiting) {
		d.State = samvirke.DeliverySending
	}
	return d, err
}

// Delivery gives one delivery with its body; see queue.Reader.
func (r *reader) Delivery(ctx context.Context, id string) (samvirke.Delivery, error) {
	return r.deliveryWhere(ctx, `d.id = $1`, id)
}

// FindDelivery gives the newest delivery to party with this external id; see queue.Reader.
func (r *reader) FindDelivery(ctx context.Context, party, externalID string) (samvirke.Delivery, error) {
	d, err := r.deliveryWhere(ctx, `d.seq = (SELECT max(x.seq) FROM unnest($1::text[]) AS i(id) CROSS JOIN LATERAL
		(SELECT seq FROM delivery WHERE external_id = i.id AND party = $2 AND external_id <> '' ORDER BY seq DESC LIMIT 1) x)`,
		queue.SameIDs(externalID), party)
	if err != queue.ErrNotFound { //nolint:errorlint // as one gives it
		return d, err
	}
	for _, id := range queue.SameIDs(externalID) {
		ref, found, err := r.erasedRef(ctx, erasedDelivery, party, id)
		if err != nil {
			return d, err
		}
		if !found {
			continue
		}
		// The row that one way to write the id led to may be dropped by now, and that of another one not.
		if d, err = r.deliveryWhere(ctx, `d.seq = $1`, ref); err != queue.ErrNotFound { //nolint:errorlint // as one gives it
			return d, err
		}
	}
	return d, queue.ErrNotFound
}

func (r *reader) deliveryWhere(ctx context.Context, condition string, args ...any) (samvirke.Delivery, error) {
	var k kept
	d, err := one(ctx, r, func(row pgx.Row) (samvirke.Delivery, error) {
		return scanShown(row, &k.plain, &k.pressed)
	}, `SELECT `+deliveryColumns+`, `+inHand+`, `+bodyColumns+`
		FROM delivery d LEFT JOIN message m ON m.seq = d.message WHERE `+condition, args...)
	if err != nil {
		return d, err
	}
	if d.Body, err = r.body(k); err != nil {
		return d, fmt.Errorf("delivery %s: %w", d.ID, err)
	}
	d.Body = notNil(d.Body)
	return d, nil
}

// Deliveries lists deliveries, newest first; see queue.Reader.
func (r *reader) Deliveries(ctx context.Context, f queue.DeliveryFilter) ([]samvirke.Delivery, error) {
	query, args := deliveryQuery(f)
	return list(ctx, r, func(row pgx.Row) (samvirke.Delivery, error) { return scanShown(row) }, query, args...)
}

// openStates are those that stand in open_delivery, besides sent ones whose receipt is awaited.
var openStates = []samvirke.DeliveryState{samvirke.DeliveryQueued, samvirke.DeliverySending, samvirke.DeliveryWaiting,
	samvirke.DeliveryStopped, samvirke.DeliveryGivenUp}

func deliveryQuery(f queue.DeliveryFilter) (string, []any) {
	var w where
	from, order := `delivery d`, `d.seq`
	if f.MessageID != "" {
		w.add(`d.message = (SELECT seq FROM message WHERE id = ?)`, f.MessageID)
	}
	w.text(`d.patient = ? AND d.patient <> ''`, f.Patient)
	if !f.OverdueAt.IsZero() {
		// All of them by their index, and each looked up by itself (OFFSET 0): the database would walk all deliveries from the newest on, where
		// nothing is overdue.
		from, order = `(SELECT seq FROM open_delivery WHERE state = 'sent' AND expect_by < `+w.next(nanos(f.OverdueAt))+` OFFSET 0) o
			CROSS JOIN LATERAL (SELECT * FROM delivery WHERE seq = o.seq OFFSET 0) d`, `o.seq`
	}
	if len(f.State) > 0 {
		open := !slices.ContainsFunc(f.State, func(s samvirke.DeliveryState) bool { return !slices.Contains(openStates, s) })
		switch {
		case slices.Equal(f.State, []samvirke.DeliveryState{samvirke.DeliverySending}) && f.OverdueAt.IsZero():
			from = `lane h JOIN delivery d ON d.seq = h.leased`
			w.add(`h.leased <> 0 AND h.due > now_ns() AND d.state IN ('queued', 'waiting')`)
		case open && f.MessageID+f.Patient == "" && f.OverdueAt.IsZero():
			from, order = openPairs(&w, f), `o.seq`
		default:
			whereState(&w, `d`, f.State)
		}
	}
	w.text(`d.party = ?`, f.Party)
	w.text(`d.purpose = ?`, string(f.Purpose))
	if f.Before > 0 {
		w.add(order+` < ?`, f.Before)
	}
	return `SELECT ` + deliveryColumns + `, ` + inHand + ` FROM ` + from + ` LEFT JOIN message m ON m.seq = d.message
		WHERE ` + w.String() + ` ORDER BY ` + order + ` DESC LIMIT ` + w.next(page(f.Limit)), w.args
}

// openPairs gives the newest open deliveries of each state and party, which the index has in order; the totals tell which pairs
// there are. What is being sent is among the queued and the waiting, and is found by its lanes: it would be looked for among all that wait.
func openPairs(w *where, f queue.DeliveryFilter) string {
	stored := slices.DeleteFunc(slices.Clone(f.State), func(s samvirke.DeliveryState) bool { return s == samvirke.DeliverySending })
	pairs := `t.kind = 'delivery' AND t.n > 0 AND t.state = ANY(` + w.next(texts(stored)) + `)`
	if f.Party != "" {
		pairs += ` AND t.party = ` + w.next(f.Party)
	}
	of := where{args: w.args}
	of.add(`p.state = t.state AND p.party = t.party`)
	whereState(&of, `p`, stored)
	if f.Before > 0 {
		of.add(`p.seq < ?`, f.Before)
	}
	if f.Purpose != "" {
		of.add(`(SELECT purpose FROM delivery WHERE seq = p.seq) = ?`, string(f.Purpose))
	}
	limit := of.next(page(f.Limit))
	w.args = of.args
	sending := ``
	if len(stored) < len(f.State) {
		sending = ` UNION ALL SELECT h.leased FROM lane h JOIN delivery x ON x.seq = h.leased
			WHERE h.leased <> 0 AND h.due > now_ns() AND x.state IN ('queued', 'waiting')`
	}
	return `(SELECT p.seq FROM (SELECT DISTINCT t.party, t.state FROM tally t WHERE ` + pairs + `) t CROSS JOIN LATERAL
		(SELECT p.seq FROM open_delivery p WHERE ` + of.String() + ` ORDER BY p.seq DESC LIMIT ` + limit + `) p` + sending + `) o JOIN delivery d ON d.seq = o.seq`
}

// whereState selects by the state as everybody sees it, of a table with state and seq: sending is not stored.
func whereState(w *where, table string, states []samvirke.DeliveryState) {
	stored := slices.DeleteFunc(slices.Clone(states), func(s samvirke.DeliveryState) bool { return s == samvirke.DeliverySending })
	waits := slices.Contains(stored, samvirke.DeliveryQueued) || slices.Contains(stored, samvirke.DeliveryWaiting)
	column, held := table+`.state`, strings.ReplaceAll(inHand, `d.seq`, table+`.seq`)
	switch sending := len(stored) < len(states); {
	case sending && waits:
		w.add(`(`+column+` = ANY(?) OR `+column+` IN ('queued', 'waiting') AND `+held+`)`, texts(stored))
	case sending:
		w.add(`(`+column+` = ANY(?) OR `+held+`)`, texts(stored))
	case waits:
		w.add(column+` = ANY(?) AND (`+column+` NOT IN ('queued', 'waiting') OR NOT `+held+`)`, texts(stored))
	default:
		w.add(column+` = ANY(?)`, texts(stored))
	}
}

// Attempts lists the tries at one delivery in order; see queue.Reader.
func (r *reader) Attempts(ctx context.Context, deliveryID string) ([]samvirke.Attempt, error) {
	return list(ctx, r, func(row pgx.Row) (a samvirke.Attempt, err error) {
		var at, took int64
		err = row.Scan(&a.Number, &at, &took, &a.Answer, &a.Class, &a.Fault, &a.FaultText)
		a.DeliveryID, a.At, a.Took = deliveryID, moment(at), time.Duration(took)
		return a, err
	}, `SELECT number, at, took, answer, class, fault, fault_text FROM attempt
		WHERE delivery = (SELECT seq FROM delivery WHERE id = $1) ORDER BY number`, deliveryID)
}
