package sqlite

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// messageRow is what a message step needs to know of its message.
type messageRow struct {
	seq                                        int64
	status                                     samvirke.MessageStatus
	format, kind, version, externalID, patient string
	party                                      string
	generatedAt                                int64
	// gen is the generation of waiting changes that wrote it last.
	gen uint64
}

// lookAccept finds out whether the message is new or repeats an earlier one.
func (t *tx) lookAccept(m *samvirke.Message) error {
	earlier, same, err := t.findEarlier(m)
	if err == nil && earlier == 0 && t.w.s.erasedAny.Load() {
		earlier, same, err = t.findErased(m)
	}
	if err != nil {
		return err
	}
	if !same { // it is stored
		if taken, err := t.messageTaken(m.ID); err != nil || taken {
			return errors.Join(err, takenError("message", m.ID, taken))
		}
	}
	if earlier == 0 {
		t.w.seqs.message++
		t.look.accept = t.w.seqs.message
		t.look.messages[m.ID] = t.look.accept
		t.r.out = queue.Outcome{Seq: t.look.accept}
		return nil
	}
	if t.w.waits(func(x *waiting) bool { _, set := x.setMessages[earlier]; return set }) {
		return errWaits
	}
	if t.w.aside.may(earlier) { // it may be gone by the next question
		return errWaits
	}
	row, err := t.w.look.messageFull.row(earlier)
	if err == nil && row == nil {
		err = fmt.Errorf("message %d: %w", earlier, queue.ErrNotFound)
	}
	if err != nil {
		return err
	}
	existing := messageOf(row)
	t.look.existing = &existing
	t.r.out = queue.Outcome{Duplicate: same, Reused: !same, Existing: &existing}
	return nil
}

// writeRepeat is all that a repeated message writes: an event on the earlier one when it is the same,
// the quarantined message when only its id is.
func (t *tx) writeRepeat() {
	m, earlier := t.u.Accept, t.look.existing
	if t.r.out.Duplicate {
		t.addEvent(samvirke.Event{At: t.u.Now, MessageID: earlier.ID, Party: m.Party, Patient: earlier.Patient,
			Name: samvirke.EventDuplicate}, refs{message: earlier.Seq})
		t.endRun()
		return
	}
	q := *m
	q.Status, q.Fault = samvirke.MessageQuarantined, faultReused
	q.FaultText = "the same message id came before with other content, as message " + earlier.ID
	t.w.seqs.message++
	t.r.out.Seq = t.w.seqs.message
	t.addMessage(&q, t.r.out.Seq)
	t.addEvent(samvirke.Event{At: t.u.Now, MessageID: q.ID, Party: q.Party, Patient: q.Patient,
		Name: samvirke.EventQuarantined}, refs{message: t.r.out.Seq})
	t.endRun()
}

// faultReused is the fault code of a quarantined message.
const faultReused = "message-id-reused"

// findEarlier finds the message that m repeats, 0 when there is none. Content decides first: a
// quarantined message that comes again is a duplicate of itself, not one more to quarantine, also when a person has ended it.
func (t *tx) findEarlier(m *samvirke.Message) (seq int64, same bool, err error) {
	if m.ExternalID == "" {
		if t.w.named(contentName(m.Party, m.Checksum)) {
			return 0, false, errWaits
		}
		row, err := t.w.look.messageSame.row(m.Checksum, m.Party)
		if err != nil || row == nil {
			return 0, false, err
		}
		return row[0].(int64), true, nil
	}
	ids := queue.SameIDs(m.ExternalID)
	var checksum string
	for _, id := range ids {
		if t.w.named(externalName(m.Party, id)) {
			return 0, false, errWaits
		}
		row, err := t.w.look.messageFirst.row(id, m.Party)
		if err != nil {
			return 0, false, err
		}
		if row != nil && (seq == 0 || row[0].(int64) < seq) {
			seq, checksum = row[0].(int64), row[1].(string)
		}
	}
	if seq == 0 || checksum == m.Checksum {
		return seq, seq != 0, nil
	}
	for _, id := range ids {
		row, err := t.w.look.messageSameID.row(m.Checksum, m.Party, id)
		if err != nil {
			return 0, false, err
		}
		if row != nil {
			return row[0].(int64), true, nil
		}
	}
	return seq, false, nil
}

// waits says whether something is so of the changes that are not in the tables yet.
func (w *writer) waits(is func(x *waiting) bool) bool {
	return is(w.waiting) || w.leaving != nil && is(w.leaving)
}

// named says whether a message of that name waits for the tables.
func (w *writer) named(name string) bool {
	return w.waiting.names[name] || w.leaving != nil && w.leaving.names[name]
}

// Names by which a repeated message is found among the waiting ones.
func externalName(party, id string) string      { return "x" + party + "\x1f" + id }
func contentName(party, checksum string) string { return "c" + party + "\x1f" + checksum }

// messageTaken says whether a message has this id. Ids of the gateway grow with time, so nearly all are beyond those stored.
func (t *tx) messageTaken(id string) (bool, error) {
	if _, known := t.w.cache.messages[id]; known || id > t.w.lastMessage {
		return known, nil
	}
	row, err := t.w.look.messageSeq.row(id)
	return row != nil, err
}

func takenError(what, id string, taken bool) error {
	if !taken {
		return nil
	}
	return fmt.Errorf("%s %s: %w", what, id, queue.ErrExists)
}

func (t *tx) writeAccept() {
	if t.u.Accept != nil {
		t.addMessage(t.u.Accept, t.look.accept)
	}
}

func (t *tx) addMessage(m *samvirke.Message, seq int64) {
	var at any
	if t.r.files.raw == "" {
		at = t.w.s.journal.body(m.Raw).blob()
	}
	t.change(addMessage, seq, m.ID, m.Party, m.Format, m.Kind, m.Version, m.ExternalID, m.Patient,
		nanos(m.GeneratedAt), nanos(m.ReceivedAt), string(m.Status), m.Fault, m.FaultText, m.Checksum, m.Size,
		m.ContentType, m.TraceParent, at)
	if at == nil {
		t.change(addMessageFile, seq, t.r.files.raw)
	}
	t.w.waiting.lastMessage = max(t.w.waiting.lastMessage, m.ID)
	if m.ExternalID != "" {
		t.w.waiting.names[externalName(m.Party, m.ExternalID)] = true
	} else {
		t.w.waiting.names[contentName(m.Party, m.Checksum)] = true
	}
	t.keys = append(t.keys, m.ID)
	fresh := &newMessage{m: *m, kept: kept{file: t.r.files.raw}}
	fresh.kept.place, _ = at.([]byte)
	fresh.m.Seq, fresh.m.Raw = seq, nil
	fresh.m.GeneratedAt, fresh.m.ReceivedAt = moment(nanos(m.GeneratedAt)), moment(nanos(m.ReceivedAt)) // as it will be read
	t.messages = append(t.messages, fresh)
	t.w.cache.message(m.ID, rowOf(m, seq))
	t.tally(tallyAccepted, "", "", 1)
	t.tally(tallyMessage, "", string(m.Status), 1)
	if m.Status == samvirke.MessageReceived && !t.atOnce() {
		kept := *m
		kept.Seq = seq
		t.enters(feedChange{seq: seq, message: &kept, key: t.patientKey(m.Patient)})
	}
}

// notNil keeps an empty body apart from one that lies in a file.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func (t *tx) lookMessage() error {
	s := t.u.Message
	if s == nil {
		return nil
	}
	if a := t.u.Accept; a != nil && a.ID == s.ID {
		row := rowOf(a, t.look.accept)
		t.look.message = &row
	} else {
		row, err := t.readMessage(s.ID)
		if err != nil {
			return err
		}
		t.look.message = &row
		t.look.messages[s.ID] = row.seq
	}
	if len(s.From) > 0 && !slices.Contains(s.From, t.look.message.status) {
		return fmt.Errorf("message %s is %s: %w", s.ID, t.look.message.status, queue.ErrState)
	}
	return t.lookOrder(t.look.message)
}

// rowOf is what a step will want to know of a message just accepted.
func rowOf(m *samvirke.Message, seq int64) messageRow {
	return messageRow{seq: seq, party: m.Party, status: m.Status, format: m.Format, kind: m.Kind, version: m.Version,
		externalID: m.ExternalID, patient: m.Patient, generatedAt: nanos(m.GeneratedAt)}
}

func (t *tx) readMessage(id string) (messageRow, error) {
	if row, known := t.w.cache.messages[id]; known {
		return row, nil
	}
	v, err := t.w.look.messageByID.row(id)
	if err != nil {
		return messageRow{}, err
	}
	if v == nil {
		return messageRow{}, fmt.Errorf("message %s: %w", id, queue.ErrNotFound)
	}
	return messageRow{seq: v[0].(int64), status: samvirke.MessageStatus(v[1].(string)), format: v[2].(string),
		kind: v[3].(string), version: v[4].(string), externalID: v[5].(string), patient: v[6].(string),
		generatedAt: v[7].(int64), party: v[8].(string)}, nil
}

func (t *tx) writeMessage() {
	s, row := t.u.Message, t.look.message
	if s == nil {
		return
	}
	to := s.To
	if to == "" {
		to = row.status
	}
	t.updateMessage(s, *row, to)
	t.keys, t.changed = append(t.keys, s.ID), append(t.changed, s.ID)
	if s.Envelope != nil || s.Notes != nil {
		t.change(addResult, row.seq, blobOrNull(s.Envelope), blobOrNull(s.Notes))
	}
	t.tally(tallyMessage, "", string(row.status), -1)
	t.tally(tallyMessage, "", string(to), 1)
	switch {
	case to == samvirke.MessageReceived && row.status != to:
		patient := row.patient
		if s.Patient != "" {
			patient = s.Patient
		}
		t.enters(feedChange{seq: row.seq, again: true, key: t.patientKey(patient)})
	case takesOut(s, row.status) && !t.atOnce():
		t.leaves(row.seq)
	}
}

// updateMessage leaves the indexed columns alone when they stay as they are, which is the usual
// case: each index in the list of changes costs as much as the row.
func (t *tx) updateMessage(s *queue.MessageStep, row messageRow, to samvirke.MessageStatus) {
	was := row
	for _, c := range []struct {
		to   *string
		from string
	}{{&row.format, s.Format}, {&row.kind, s.Kind}, {&row.version, s.Version},
		{&row.externalID, s.ExternalID}, {&row.patient, s.Patient}} {
		if c.from != "" {
			*c.to = c.from
		}
	}
	if !s.GeneratedAt.IsZero() {
		row.generatedAt = nanos(s.GeneratedAt)
	}
	after := row
	after.status = to
	t.w.cache.message(s.ID, after)
	if row == was {
		t.change(setMessage, string(to), s.Fault, s.FaultText, row.seq)
		return
	}
	if row.externalID != was.externalID {
		t.w.waiting.names[externalName(row.party, row.externalID)] = true
	}
	t.change(setMessageAll, string(to), s.Fault, s.FaultText, row.format, row.kind, row.version,
		row.externalID, row.patient, row.generatedAt, row.seq)
}

func blobOrNull(b []byte) driver.Value {
	if b == nil {
		return nil
	}
	return b
}

// messageOf reads a row of messageColumns.
func messageOf(row []driver.Value) samvirke.Message {
	str := func(i int) string { return row[i].(string) }
	at := func(i int) time.Time { return moment(row[i].(int64)) }
	return samvirke.Message{Seq: row[0].(int64), ID: str(1), Party: str(2), Format: str(3), Kind: str(4),
		Version: str(5), ExternalID: str(6), Patient: str(7), GeneratedAt: at(8), ReceivedAt: at(9),
		Status: samvirke.MessageStatus(str(10)), Fault: str(11), FaultText: str(12), Checksum: str(13),
		Size: row[14].(int64), ContentType: str(15), TraceParent: str(16)}
}
