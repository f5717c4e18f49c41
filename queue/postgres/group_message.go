package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// messageRow is what a unit needs to know of a message, and what a step writes back.
type messageRow struct {
	seq                                        int64
	id, party, checksum                        string
	status                                     samvirke.MessageStatus
	format, kind, version, externalID, patient string
	generatedAt                                int64
	made                                       int // place among the messages that the group inserts, from 1
}

// lookAccept finds out whether the message is new or repeats an earlier one.
func (g *group) lookAccept(ctx context.Context, m *samvirke.Message) error {
	seq, same := g.findEarlier(m)
	if seq == 0 && g.erased {
		var err error
		if seq, same, err = g.findErased(ctx, m); err != nil {
			return err
		}
	}
	if seq == 0 {
		if g.messages[m.ID] != nil {
			return fmt.Errorf("message %s: %w", m.ID, queue.ErrExists)
		}
		g.seqs.message++
		g.look.accept = g.seqs.message
		g.r.out = queue.Outcome{Seq: g.look.accept}
		return nil
	}
	existing, err := g.whole(ctx, seq)
	if err != nil {
		return err
	}
	g.look.existing = &existing
	g.r.out = queue.Outcome{Duplicate: same, Reused: !same, Existing: &existing}
	return nil
}

// whole gives a message without its bytes: one of this group, or as it is stored.
func (g *group) whole(ctx context.Context, seq int64) (samvirke.Message, error) {
	if m := g.write.messageBySeq(seq); m != nil {
		return *m, nil
	}
	m, err := scanMessage(g.w.conn.QueryRow(ctx, messageFull, seq))
	if err != nil {
		return m, err
	}
	if row := g.messages[m.ID]; row != nil { // changed in this group
		m.Status, m.Format, m.Kind, m.Version, m.ExternalID, m.Patient = row.status, row.format, row.kind, row.version, row.externalID, row.patient
	}
	return m, nil
}

const messageFull = `SELECT ` + messageColumns + ` FROM message m WHERE m.seq = $1`

// findEarlier finds the message that m repeats, 0 when there is none. Content decides first: a quarantined message
// that comes again is a duplicate of itself, not one more to quarantine.
func (g *group) findEarlier(m *samvirke.Message) (seq int64, same bool) {
	if m.ExternalID == "" {
		seq = g.same[contentKey{m.Party, "", m.Checksum}]
		return seq, seq != 0
	}
	ids := queue.SameIDs(m.ExternalID)
	var checksum string
	for _, id := range ids {
		if e, found := g.first[idKey{m.Party, id}]; found && (seq == 0 || e.seq < seq) {
			seq, checksum = e.seq, e.checksum
		}
	}
	if seq == 0 || checksum == m.Checksum {
		return seq, seq != 0
	}
	for _, id := range ids {
		if n := g.same[contentKey{m.Party, id, m.Checksum}]; n != 0 {
			return n, true
		}
	}
	return seq, false
}

// findErased finds the erased message that m repeats.
func (g *group) findErased(ctx context.Context, m *samvirke.Message) (seq int64, same bool, err error) {
	look := func(kind string, parts ...string) (ref int64, err error) {
		hash := erasedHash(g.w.s.salt, kind, parts...)
		if g.gone != nil {
			return g.gone[string(hash)], nil
		}
		err = g.w.conn.QueryRow(ctx, erasedSelect+` AND EXISTS (SELECT 1 FROM message m WHERE m.seq = ref)`, hash).Scan(&ref)
		if err == pgx.ErrNoRows { //nolint:errorlint // as Scan gives it
			err = nil
		}
		return ref, err
	}
	ids := []string{""}
	if m.ExternalID != "" {
		ids = queue.SameIDs(m.ExternalID)
	}
	for _, id := range ids {
		if seq, err = look(erasedContent, m.Party, id, m.Checksum); err != nil || seq != 0 {
			return seq, true, err
		}
	}
	if m.ExternalID == "" {
		return 0, false, nil
	}
	for _, id := range ids {
		if seq, err = look(erasedID, m.Party, id); err != nil || seq != 0 {
			return seq, false, err
		}
	}
	return 0, false, nil
}

// writeRepeat is all that a repeated message writes: an event on the earlier one when it is the same, the quarantined
// message when only its id is.
func (g *group) writeRepeat() {
	m, earlier := g.u.Accept, g.look.existing
	if g.r.out.Duplicate {
		g.addEvent(samvirke.Event{At: g.u.Now, MessageID: earlier.ID, Party: m.Party, Patient: earlier.Patient,
			Name: samvirke.EventDuplicate}, refs{message: earlier.Seq})
		g.endRun()
		return
	}
	q := *m
	q.Status, q.Fault = samvirke.MessageQuarantined, faultReused
	q.FaultText = "the same message id came before with other content, as message " + earlier.ID
	g.seqs.message++
	g.r.out.Seq = g.seqs.message
	g.addMessage(&q, g.r.out.Seq, true)
	g.addEvent(samvirke.Event{At: g.u.Now, MessageID: q.ID, Party: q.Party, Patient: q.Patient,
		Name: samvirke.EventQuarantined}, refs{message: g.r.out.Seq})
	g.endRun()
}

// faultReused is the fault code of a quarantined message.
const faultReused = "message-id-reused"

func (g *group) writeAccept() {
	if g.u.Accept != nil {
		g.addMessage(g.u.Accept, g.look.accept, false)
	}
}

func (g *group) addMessage(m *samvirke.Message, seq int64, reused bool) {
	kept := *m
	kept.Seq = seq
	row := &messageRow{seq: seq, id: m.ID, party: m.Party, checksum: m.Checksum, status: m.Status, format: m.Format, kind: m.Kind,
		version: m.Version, externalID: m.ExternalID, patient: m.Patient, generatedAt: nanos(m.GeneratedAt)}
	row.made = g.write.addMessage(kept, reused, &g.r.out)
	if m.Status == samvirke.MessageReceived {
		g.line.enter(m.Patient, seq)
	}
	g.messages[m.ID] = row
	g.known(row, reused)
	g.write.tally(tallyAccepted, "", "", 1)
	g.write.tally(tallyMessage, "", string(m.Status), 1)
}

// known notes a message among those that later ones may repeat.
func (g *group) known(row *messageRow, reused bool) {
	if row.externalID != "" {
		k := idKey{row.party, row.externalID}
		if e, found := g.first[k]; !found || row.seq < e.seq {
			g.first[k] = earlier{row.seq, row.checksum}
		}
	}
	if row.externalID == "" || reused {
		k := contentKey{row.party, row.externalID, row.checksum}
		if n := g.same[k]; n == 0 || row.seq < n {
			g.same[k] = row.seq
		}
	}
}

func (g *group) lookMessage() error {
	s := g.u.Message
	if s == nil {
		return nil
	}
	row := g.messages[s.ID]
	if a := g.u.Accept; a != nil && a.ID == s.ID {
		row = &messageRow{seq: g.look.accept, status: a.Status, patient: a.Patient}
	}
	if row == nil {
		return fmt.Errorf("message %s: %w", s.ID, queue.ErrNotFound)
	}
	if len(s.From) > 0 && !slices.Contains(s.From, row.status) {
		return fmt.Errorf("message %s is %s: %w", s.ID, row.status, queue.ErrState)
	}
	if err := g.lookOrder(row, s); err != nil {
		return err
	}
	g.look.message = row
	return nil
}

func (g *group) writeMessage() {
	s := g.u.Message
	if s == nil {
		return
	}
	row := g.messages[s.ID]
	was := row.status
	if takesOut(s, was) {
		g.line.leave(row.patient, row.seq)
	}
	if s.To != "" {
		row.status = s.To
	}
	external := row.externalID
	for _, c := range []struct {
		to   *string
		from string
	}{{&row.format, s.Format}, {&row.kind, s.Kind}, {&row.version, s.Version}, {&row.externalID, s.ExternalID}, {&row.patient, s.Patient}} {
		if c.from != "" {
			*c.to = c.from
		}
	}
	if !s.GeneratedAt.IsZero() {
		row.generatedAt = nanos(s.GeneratedAt)
	}
	if was != row.status && row.status == samvirke.MessageReceived {
		g.line.enter(row.patient, row.seq)
	}
	if external != row.externalID {
		g.known(row, false)
	}
	g.write.changeMessage(row, s)
	g.write.tally(tallyMessage, "", string(was), -1)
	g.write.tally(tallyMessage, "", string(row.status), 1)
	if was != row.status && row.made == 0 {
		g.write.statuses[row.seq] = row
	}
}
