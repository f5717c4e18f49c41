package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// scanMessage reads messageColumns, then what extra points to.
func scanMessage(rows *sql.Rows, extra ...any) (m samvirke.Message, err error) {
	var generated, received int64
	err = rows.Scan(append([]any{&m.Seq, &m.ID, &m.Party, &m.Format, &m.Kind, &m.Version, &m.ExternalID, &m.Patient,
		&generated, &received, &m.Status, &m.Fault, &m.FaultText, &m.Checksum, &m.Size, &m.ContentType,
		&m.TraceParent}, extra...)...)
	m.GeneratedAt, m.ReceivedAt = moment(generated), moment(received)
	return m, err
}

// Message gives one message with its raw bytes; see queue.Reader.
func (r *reader) Message(ctx context.Context, id string) (queue.MessageDetail, error) {
	if err := r.wait(ctx, id); err != nil {
		return queue.MessageDetail{}, err
	}
	return again(func() (queue.MessageDetail, error) { return r.messageDetail(ctx, id) })
}

func (r *reader) messageDetail(ctx context.Context, id string) (queue.MessageDetail, error) {
	var k kept
	var pressed bool
	d, err := one(ctx, r.db, func(rows *sql.Rows) (d queue.MessageDetail, err error) {
		d.Message, err = scanMessage(rows, &k.place, &k.file, &k.inline, &d.Envelope, &pressed, &d.Notes)
		return d, err
	}, `SELECT m.seq, m.id, m.party, m.format, m.kind, m.version, m.external_id, m.patient, m.generated_at,
		m.received_at, m.status, m.fault, m.fault_text, m.checksum, m.size, m.content_type, m.trace_parent,
		m.place, coalesce(b.file, ''), b.body, r.envelope, coalesce(r.pressed, 0), r.notes
		FROM message m LEFT JOIN message_body b ON b.seq = m.seq LEFT JOIN message_result r ON r.seq = m.seq
		WHERE m.id = ?`, id)
	if err == nil && pressed {
		d.Envelope, err = r.places.expandRow(d.Envelope)
	}
	if err != nil {
		return queue.MessageDetail{}, err
	}
	d.Raw, err = r.body(&k)
	return d, err
}

// Messages lists messages, newest first; see queue.Reader.
func (r *reader) Messages(ctx context.Context, f queue.MessageFilter) ([]samvirke.Message, error) {
	if err := r.wait(ctx); err != nil {
		return nil, err
	}
	if words := queue.Words(f.Text); len(words) > 0 {
		return r.withText(ctx, f, words)
	}
	query, args := messageQuery(f, question{})
	return r.messages(ctx, query, args)
}

// messages reads what a question gives.
func (r *reader) messages(ctx context.Context, query string, args []any) ([]samvirke.Message, error) {
	return list(ctx, r.db, func(rows *sql.Rows) (samvirke.Message, error) { return scanMessage(rows) }, query, args...)
}

// messageQuery chooses the index itself: SQLite keeps no counts here and takes an index with few
// different values (party, kind) as readily as one that leads to a handful of rows. What is asked by words alone goes to textQuery.
func messageQuery(f queue.MessageFilter, q question) (string, []any) {
	var w where
	index := whereFew(&w, f)
	use := func(name string) {
		if index == "" {
			index = " INDEXED BY " + name
		}
	}
	if q.match != "" {
		w.add(`+seq IN (SELECT rowid FROM trouble_text WHERE trouble_text MATCH ?)`, q.match)
	}
	if index == "" && len(f.Status) > 0 && !slices.Contains(f.Status, samvirke.MessageProcessed) {
		return statusQuery(f)
	}
	if len(f.Status) > 0 {
		w.add(`+status IN (`+marks(len(f.Status))+`)`, texts(f.Status)...)
	}
	if f.Kind != "" && f.Party != "" {
		use("message_party_kind")
	}
	if f.Kind != "" {
		use("message_kind")
	}
	if f.Party != "" {
		use("message_party")
	}
	whereMessage(&w, "", f)
	return `SELECT ` + messageColumns + ` FROM message` + index + ` WHERE ` + w.String() + ` ORDER BY seq DESC LIMIT ?`,
		append(w.args, page(f.Limit))
}

// whereFew selects by what leads to a handful of messages, and gives the index that does; none without such a thing.
func whereFew(w *where, f queue.MessageFilter) (index string) {
	if f.Patient != "" {
		w.add(`patient = ? AND patient <> ''`, f.Patient)
		index = " INDEXED BY message_patient"
	}
	if f.ExternalID != "" {
		w.add(`external_id = +? AND external_id <> ''`, f.ExternalID)
		index = " INDEXED BY message_external"
	}
	if f.ID != "" {
		whereAnyID(w, f.ID)
		index = " NOT INDEXED"
	}
	return index
}

// whereMessage adds the conditions that every way of searching has but by text; m is what the columns begin with.
func whereMessage(w *where, m string, f queue.MessageFilter) {
	whereColumns(w, m, f)
	if f.Before > 0 {
		w.add(m+`seq < ?`, f.Before)
	}
	// A time is a range of numbers, in which the index is walked.
	if !f.Since.IsZero() {
		w.add(m+`seq >= (`+firstSince+`)`, nanos(f.Since)/hourNanos)
	}
	if !f.Until.IsZero() {
		w.add(m+`seq <= (`+lastUntil+`)`, nanos(f.Until)/hourNanos)
	}
}

// The numbers that the messages of a time have: nothing since or until an hour gives NULL.
const (
	firstSince = `SELECT min(first) FROM message_hour WHERE hour >= ?`
	lastUntil  = `SELECT max(last) FROM message_hour WHERE hour <= ?`
)

// whereColumns adds the conditions on columns other than the number and the status.
func whereColumns(w *where, m string, f queue.MessageFilter) {
	if f.Kind != "" {
		w.add(m+`kind = ? AND `+m+`kind <> ''`, f.Kind)
	}
	w.text(m+`party = ?`, f.Party)
	if !f.Since.IsZero() {
		w.add(m+`received_at >= ?`, nanos(f.Since))
	}
	if !f.Until.IsZero() {
		w.add(m+`received_at < ?`, nanos(f.Until))
	}
}

// whereAnyID selects messages by any id.
func whereAnyID(w *where, id string) {
	ids := texts(queue.SameIDs(id))
	m := marks(len(ids))
	w.add(`seq IN (SELECT seq FROM message WHERE id = ?
		UNION ALL SELECT seq FROM message INDEXED BY message_external WHERE external_id IN (`+m+`) AND external_id <> ''
		UNION ALL SELECT message FROM delivery WHERE id = ?
		UNION ALL SELECT message FROM delivery INDEXED BY delivery_external WHERE external_id IN (`+m+`) AND external_id <> ''
		UNION ALL SELECT message FROM receipt INDEXED BY receipt_external WHERE content ->> '$.external_id' IN (`+m+`))`,
		slices.Concat([]any{id}, ids, []any{id}, ids, ids)...)
}

// statusQuery reads the newest of each status, which the index gives in order, and puts them together.
func statusQuery(f queue.MessageFilter) (string, []any) {
	index := "message_status"
	if f.Party != "" {
		index = "message_status_party"
	}
	var parts []string
	var args []any
	for _, s := range f.Status {
		var w where
		w.add(`status = ? AND status <> 'processed'`, string(s))
		whereMessage(&w, "", f)
		parts = append(parts, `SELECT * FROM (SELECT seq FROM message INDEXED BY `+index+` WHERE `+w.String()+` ORDER BY seq DESC LIMIT ?)`)
		args = append(args, append(w.args, page(f.Limit))...)
	}
	return `SELECT ` + messageColumns + ` FROM message WHERE seq IN (` + strings.Join(parts, ` UNION ALL `) + `) ORDER BY seq DESC LIMIT ?`,
		append(args, page(f.Limit))
}

// marks gives n question marks; texts the values for them.
func marks(n int) string {
	s := placeholders(1, n)
	return s[1 : len(s)-1]
}

func texts[T ~string](list []T) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}

// fillReceived reads what the feed did not hold. Those that are lost for good are named in a queue.LostError.
func (s *Store) fillReceived(ctx context.Context, got []samvirke.Message) ([]samvirke.Message, error) {
	var lost *queue.LostError
	out := got[:0]
	for i := range got {
		if got[i].ID != "" {
			out = append(out, got[i])
			continue
		}
		m, err := s.receivedBySeq(context.WithoutCancel(ctx), got[i].Seq)
		switch {
		case err == nil:
			out = append(out, m)
		case errors.Is(err, queue.ErrDamaged) && m.ID != "":
			if m.Raw = nil; lost == nil {
				lost = &queue.LostError{Err: err}
			}
			lost.Messages = append(lost.Messages, m)
		case len(out) > 0 || lost != nil:
			s.feed.giveBack(got[i:])
			return receivedOf(out, lost)
		default: // the reason may pass, as that of a full disk does
			s.feed.giveBack(got[i:])
			return nil, fmt.Errorf("read received message %d: %w", got[i].Seq, err)
		}
	}
	return receivedOf(out, lost)
}

// receivedOf keeps a nil error nil.
func receivedOf(out []samvirke.Message, lost *queue.LostError) ([]samvirke.Message, error) {
	if lost == nil {
		return out, nil
	}
	return out, lost
}

// receivedBySeq reads a message that the feed names. One that is not in the tables yet, or that was put back to received by a
// change that waits, is waited for.
func (s *Store) receivedBySeq(ctx context.Context, seq int64) (samvirke.Message, error) {
	m, err := s.messageBySeq(ctx, seq)
	if errors.Is(err, queue.ErrNotFound) || err == nil && (m.Status != samvirke.MessageReceived || s.writer.touched.by(m.ID) > 0) {
		if err := s.settled(ctx); err != nil {
			return m, err
		}
		return s.messageBySeq(ctx, seq)
	}
	return m, err
}

func (r *reader) messageBySeq(ctx context.Context, seq int64) (samvirke.Message, error) {
	return again(func() (samvirke.Message, error) { return r.messageBySeqOnce(ctx, seq) })
}

func (r *reader) messageBySeqOnce(ctx context.Context, seq int64) (samvirke.Message, error) {
	var k kept
	m, err := one(ctx, r.hot, func(rows *sql.Rows) (m samvirke.Message, err error) {
		return scanMessage(rows, &k.place, &k.file, &k.inline)
	}, `SELECT m.seq, m.id, m.party, m.format, m.kind, m.version, m.external_id, m.patient, m.generated_at,
		m.received_at, m.status, m.fault, m.fault_text, m.checksum, m.size, m.content_type, m.trace_parent,
		m.place, coalesce(b.file, ''), b.body FROM message m LEFT JOIN message_body b ON b.seq = m.seq WHERE m.seq = ?`, seq)
	if err != nil {
		return m, err
	}
	m.Raw, err = r.body(&k)
	return m, err
}
