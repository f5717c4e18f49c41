package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

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
	var k kept
	d, err := one(ctx, r.db, func(rows *sql.Rows) (d queue.MessageDetail, err error) {
		d.Message, err = scanMessage(rows, &k.place, &k.file, &k.inline, &d.Envelope, &d.Notes)
		return d, err
	}, `SELECT m.seq, m.id, m.party, m.format, m.kind, m.version, m.external_id, m.patient, m.generated_at,
		m.received_at, m.status, m.fault, m.fault_text, m.checksum, m.size, m.content_type, m.trace_parent,
		m.place, coalesce(b.file, ''), b.body, r.envelope, r.notes
		FROM message m LEFT JOIN message_body b ON b.seq = m.seq LEFT JOIN message_result r ON r.seq = m.seq
		WHERE m.id = ?`, id)
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
	query, args := messageQuery(f)
	return list(ctx, r.db, func(rows *sql.Rows) (samvirke.Message, error) { return scanMessage(rows) }, query, args...)
}

// recent is how far back a listing by time walks the index of times; one that goes further back than this
// walks the messages themselves, newest first, and finds its page soon.
const recent = 48 * time.Hour

// messageQuery chooses the index itself: SQLite keeps no counts here and takes an index with few
// different values (party, kind) as readily as one that leads to a handful of rows.
func messageQuery(f queue.MessageFilter) (string, []any) {
	var w where
	index := ""
	use := func(name string) {
		if index == "" {
			index = " INDEXED BY " + name
		}
	}
	if f.ExternalID != "" {
		w.add(`external_id = +? AND external_id <> ''`, f.ExternalID)
		use("message_external")
	}
	if f.Patient != "" {
		w.add(`patient = ? AND patient <> ''`, f.Patient)
		use("message_patient")
	}
	if len(f.Status) > 0 {
		w.add(`status IN (`+marks(len(f.Status))+`)`, texts(f.Status)...)
		if !slices.Contains(f.Status, samvirke.MessageProcessed) {
			w.add(`status <> 'processed'`)
			use("message_status")
		}
	}
	if !f.Since.IsZero() {
		w.add(`received_at >= ?`, nanos(f.Since))
		if time.Since(f.Since) < recent {
			use("message_received")
		}
	}
	if !f.Until.IsZero() {
		w.add(`received_at < ?`, nanos(f.Until))
	}
	if f.Kind != "" {
		w.add(`kind = ? AND kind <> ''`, f.Kind)
		use("message_kind")
	}
	if f.Party != "" {
		w.add(`party = ?`, f.Party)
		use("message_party")
	}
	if f.Before > 0 {
		w.add(`seq < ?`, f.Before)
	}
	return `SELECT ` + messageColumns + ` FROM message` + index + ` WHERE ` + w.String() + ` ORDER BY seq DESC LIMIT ?`,
		append(w.args, page(f.Limit))
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

// fillReceived reads what the feed did not hold.
func (s *Store) fillReceived(ctx context.Context, got []samvirke.Message) ([]samvirke.Message, error) {
	for i := range got {
		if got[i].ID != "" {
			continue
		}
		m, err := s.receivedBySeq(context.WithoutCancel(ctx), got[i].Seq)
		if err != nil {
			if i > 0 {
				s.feed.giveBack(got[i:])
				return got[:i], nil
			}
			s.feed.giveBack(got[1:]) // the broken one is not given again before a restart
			return nil, fmt.Errorf("read received message %d: %w", got[i].Seq, err)
		}
		got[i] = m
	}
	return got, nil
}

// receivedBySeq reads a message that the feed names. One that is not in the tables yet, or that was put back to received by a
// change that waits, is waited for.
func (s *Store) receivedBySeq(ctx context.Context, seq int64) (samvirke.Message, error) {
	m, err := s.messageBySeq(ctx, seq)
	if errors.Is(err, queue.ErrNotFound) || err == nil && (m.Status != samvirke.MessageReceived || s.writer.waiting.touched.has(m.ID)) {
		if err := s.settled(ctx); err != nil {
			return m, err
		}
		return s.messageBySeq(ctx, seq)
	}
	return m, err
}

func (r *reader) messageBySeq(ctx context.Context, seq int64) (samvirke.Message, error) {
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
