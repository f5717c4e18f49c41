package postgres

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

var (
	_ queue.Eraser   = (*Store)(nil)
	_ queue.Retainer = (*Store)(nil)
)

// What a hash stands for.
const (
	erasedID       = "id"       // party, external id of a message
	erasedContent  = "content"  // party, external id, checksum
	erasedDelivery = "delivery" // party, external id of a delivery
	erasedRecord   = "record"   // key of a record
)

const erasedSelect = `SELECT ref FROM erased WHERE hash = $1`

// eraseBatch is how many messages or deliveries one step takes, with everything that hangs on them.
const eraseBatch = 64

// erasedHash is what is kept of an id: without the salt of the store nobody can try ids against it, and ids are
// random themselves.
func erasedHash(salt []byte, kind string, parts ...string) []byte {
	h := hmac.New(sha256.New, salt)
	for _, p := range append([]string{kind}, parts...) {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return h.Sum(nil)[:16]
}

// eraser is one erasure under way.
type eraser struct {
	s   *Store
	e   queue.Erasure
	out queue.Erased
	// upTo are the last numbers that belong to the erasure: what is written after its last step is of a new plan.
	upTo sequences
	// heard are people who stay, because something came of them.
	heard []string
	// done says that another one did this erasure meanwhile.
	done bool
}

// Erase forgets a person; see queue.Eraser. Rows that were changed or deleted are vacuumed; what the database keeps besides
// its tables is told of in the package comment.
func (s *Store) Erase(ctx context.Context, e queue.Erasure) (queue.Erased, error) {
	x := &eraser{s: s, e: e, upTo: sequences{message: math.MaxInt64, delivery: math.MaxInt64, event: math.MaxInt64, audit: math.MaxInt64}}
	if err := x.noted(ctx); err != nil {
		return x.out, fmt.Errorf("erase: %w", err)
	}
	if !e.Silent.IsZero() { // seen here nothing is touched yet
		err := s.job(ctx, x.listen)
		if err = x.unlessHeard(err); err != nil {
			return x.out, fmt.Errorf("erase: %w", err)
		}
	}
	if err := s.announceErasure(ctx); err != nil {
		return x.out, fmt.Errorf("erase: %w", err)
	}
	rows := []func(context.Context) error{x.messages, x.deliveries}
	// Twice: work on the plan that was under way may have written something between a step and the core, and fails
	// after that, because the plan is gone.
	for _, step := range slices.Concat(rows, []func(context.Context) error{x.core}, rows) {
		if err := step(ctx); err != nil {
			return x.out, fmt.Errorf("erase: %w", err)
		}
	}
	if e.Unwiped {
		return x.out, nil
	}
	err := x.wipe(ctx)
	return x.out, err
}

// numbers lists numbers on a reading connection, so that the writer goes on meanwhile.
func (x *eraser) numbers(ctx context.Context, query string, args ...any) ([]int64, error) {
	return list(ctx, x.s.reader, scanNumber, query, args...)
}

func scanNumber(row pgx.Row) (n int64, err error) {
	err = row.Scan(&n)
	return n, err
}

// batches runs f for all numbers, some in each transaction.
func (x *eraser) batches(ctx context.Context, all []int64, f func(ctx context.Context, t *jobTx, seq int64) error) error {
	for piece := range slices.Chunk(all, eraseBatch) {
		before, began := x.out, time.Now()
		err := x.s.job(ctx, func(ctx context.Context, t *jobTx) error {
			x.out = before
			for _, seq := range piece {
				if err := f(ctx, t, seq); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			x.out = before
			return err
		}
		if !x.e.Silent.IsZero() && !x.e.Hurry { // nobody asked for it: as much time belongs to the others
			_ = sleep(ctx, min(time.Since(began), retainRest))
		}
	}
	return nil
}

// remember keeps a hash. From then on accepting looks for hashes.
func (x *eraser) remember(ctx context.Context, t *jobTx, ref int64, kind string, parts ...string) error {
	if _, err := t.exec(ctx, erasureSet); err != nil {
		return err
	}
	// Of several rows with a name the first counts, unless retention dropped it.
	table := "message"
	if kind == erasedDelivery {
		table = "delivery"
	}
	_, err := t.exec(ctx, `INSERT INTO erased (hash, ref) VALUES ($1, $2) ON CONFLICT (hash) DO UPDATE SET at = now_ns(),
		ref = CASE WHEN EXISTS (SELECT 1 FROM `+table+` t WHERE t.seq = erased.ref) THEN least(erased.ref, excluded.ref) ELSE excluded.ref END`,
		erasedHash(x.s.salt, kind, parts...), ref)
	return err
}

// messages blanks the messages of the person: those of the patient keys, those that records came from (a receipt
// names no patient), and those named. What is received and not processed yet belongs to what comes after the erasure.
func (x *eraser) messages(ctx context.Context) error {
	found, err := x.numbers(ctx, `SELECT seq FROM message WHERE id = ANY($1)
		UNION SELECT m.seq FROM record r JOIN message m ON m.id = r.message_id WHERE r.patient = ANY($2)
		UNION SELECT seq FROM message WHERE patient = ANY($2) AND patient <> '' AND status <> 'received' AND seq <= $3 AND received_at < $4 ORDER BY 1`,
		x.e.Messages, x.e.Patients, x.upTo.message, x.until())
	if err != nil {
		return err
	}
	return x.batches(ctx, found, x.message)
}

type erasedMessage struct{ party, external, checksum, patient string }

// message blanks one message with its deliveries, receipts and events.
func (x *eraser) message(ctx context.Context, t *jobTx, seq int64) error {
	err := each(ctx, t, func(row pgx.Row) (m erasedMessage, err error) {
		err = row.Scan(&m.party, &m.external, &m.checksum, &m.patient)
		return m, err
	}, func(m erasedMessage) error {
		x.out.Messages++
		if m.external != "" {
			if err := x.remember(ctx, t, seq, erasedID, m.party, m.external); err != nil {
				return err
			}
		}
		if err := x.remember(ctx, t, seq, erasedContent, m.party, m.external, m.checksum); err != nil {
			return err
		}
		return each(ctx, t, scanNumber, func(n int64) error { return x.delivery(ctx, t, n) },
			`SELECT seq FROM delivery WHERE message = $1 AND (patient = '' OR patient = $2 OR patient = ANY($3))`, seq, m.patient, x.e.Patients)
	}, `SELECT party, external_id, checksum, patient FROM message WHERE seq = $1 AND checksum <> ''`, seq)
	if err != nil {
		return err
	}
	for _, text := range []string{
		`UPDATE message SET patient = '', external_id = '', checksum = '', fault_text = '', trace_parent = '', generated_at = 0,
			raw = NULL, envelope = NULL, notes = NULL WHERE seq = $1`,
		`UPDATE event_run SET patient = '' WHERE message = $1 AND patient <> ''`,
		`DELETE FROM trouble WHERE seq = $1`,
		`DELETE FROM aged WHERE kind IN (1, 2) AND seq = $1`, // after the row: what is pressed meanwhile waits for it, and leaves it
	} {
		if _, err := t.exec(ctx, text, seq); err != nil {
			return err
		}
	}
	return x.receipts(ctx, t, `message = $1`, seq)
}

type storedReceipt struct {
	seq     int64
	content string
}

// receipts keeps the outcome of receipts and nothing of what they say. The messages that carried them go too.
func (x *eraser) receipts(ctx context.Context, t *jobTx, where string, seq int64) error {
	return each(ctx, t, func(row pgx.Row) (s storedReceipt, err error) {
		err = row.Scan(&s.seq, &s.content)
		return s, err
	}, func(s storedReceipt) error {
		var r samvirke.Receipt
		if err := json.Unmarshal([]byte(s.content), &r); err != nil {
			return fmt.Errorf("read receipt: %w", err)
		}
		r.ExternalID, r.OriginalID, r.OriginalIssued, r.From = "", "", "", ""
		for i := range r.Errors {
			r.Errors[i] = samvirke.ReceiptError{Code: r.Errors[i].Code, System: r.Errors[i].System}
		}
		content, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, `UPDATE receipt SET content = $1 WHERE seq = $2`, string(content), s.seq); err != nil || r.CarrierID == "" {
			return err
		}
		return each(ctx, t, scanNumber, func(n int64) error { return x.message(ctx, t, n) },
			`SELECT seq FROM message WHERE id = $1 AND checksum <> ''`, r.CarrierID)
	}, `SELECT seq, content FROM receipt WHERE `+where, seq)
}

// deliveries blanks those about the person that another message led to.
func (x *eraser) deliveries(ctx context.Context) error {
	found, err := x.numbers(ctx, `SELECT seq FROM delivery WHERE patient = ANY($1) AND patient <> '' AND seq <= $2 AND created_at < $3 ORDER BY seq`, x.e.Patients,
		x.upTo.delivery, x.until())
	if err != nil {
		return err
	}
	return x.batches(ctx, found, x.delivery)
}

type erasedOne struct {
	party, external, purpose string
	key                      int64
	hold                     bool
}

// delivery blanks one delivery. One that is to be sent yet is left alone.
func (x *eraser) delivery(ctx context.Context, t *jobTx, seq int64) error {
	return each(ctx, t, func(row pgx.Row) (d erasedOne, err error) {
		err = row.Scan(&d.party, &d.external, &d.purpose, &d.key, &d.hold)
		return d, err
	}, func(d erasedOne) error {
		x.out.Deliveries++
		if d.external != "" {
			if err := x.remember(ctx, t, seq, erasedDelivery, d.party, d.external); err != nil {
				return err
			}
		}
		lane := samvirke.LaneKey(d.party, "", samvirke.Purpose(d.purpose))
		if d.hold { // there is nothing to send again, so what is behind it goes on
			if err := freeLane(ctx, t, seq, d); err != nil {
				return err
			}
		}
		// The key stays: a hash of eight bytes names nobody.
		if _, err := t.exec(ctx, `UPDATE delivery SET patient = '', lane = $1, hold = false, external_id = '', checksum = '', fault_text = '',
			trace_parent = '', body = NULL, original = false WHERE seq = $2`, lane, seq); err != nil {
			return err
		}
		for _, text := range []string{
			`UPDATE event_run SET patient = '' WHERE stray = $1 AND patient <> ''`,
			`UPDATE attempt SET answer = '', fault_text = '' WHERE delivery = $1 AND (answer <> '' OR fault_text <> '')`,
			`DELETE FROM trouble WHERE seq = (SELECT message FROM delivery WHERE seq = $1)`,
			`DELETE FROM aged WHERE kind = 3 AND seq = $1`,
		} {
			if _, err := t.exec(ctx, text, seq); err != nil {
				return err
			}
		}
		if err := x.receipts(ctx, t, `message = (SELECT message FROM delivery WHERE seq = $1) AND delivery = $1`, seq); err != nil {
			return err
		}
		return x.receipts(ctx, t, `stray = $1`, seq)
	}, `SELECT party, external_id, purpose, key, hold FROM delivery WHERE seq = $1 AND checksum <> '' AND state NOT IN ('queued', 'waiting')`, seq)
}

// freeLane ends what a stopped delivery holds up.
func freeLane(ctx context.Context, t *jobTx, seq int64, d erasedOne) error {
	if _, err := t.exec(ctx, `UPDATE open_delivery SET due = NULL WHERE seq = $1`, seq); err != nil {
		return err
	}
	parties, keys := []string{d.party}, []int64{d.key}
	if _, err := t.exec(ctx, laneMove, parties, keys, []int64{}); err != nil {
		return err
	}
	_, err := t.exec(ctx, laneDrop, parties, keys)
	return err
}

// goneRow is a record that was deleted.
type goneRow struct {
	seq int64
	key string
}

// core is the last step: records, plans, dues, settings and counters go together, so that a plan is there whole or not
// at all.
func (x *eraser) core(ctx context.Context) error {
	before := x.out
	return x.unlessHeard(x.s.job(ctx, func(ctx context.Context, t *jobTx) error {
		x.out = before
		if err := x.look(ctx, t); err != nil || x.done {
			return err
		}
		if !x.e.Silent.IsZero() {
			if err := x.listen(ctx, t); err != nil || len(x.heard) > 0 {
				return err
			}
		}
		if err := t.conn.QueryRow(ctx, `SELECT message, delivery, event, audit FROM head`).Scan(&x.upTo.message, &x.upTo.delivery, &x.upTo.event, &x.upTo.audit); err != nil {
			return err
		}
		if err := x.nameErased(ctx, t); err != nil {
			return err
		}
		err := each(ctx, t, func(row pgx.Row) (r goneRow, err error) {
			err = row.Scan(&r.seq, &r.key)
			return r, err
		}, func(r goneRow) error {
			x.out.Records++
			if _, err := t.exec(ctx, `DELETE FROM aged WHERE kind = 4 AND seq = $1`, r.seq); err != nil {
				return err
			}
			return x.remember(ctx, t, 0, erasedRecord, r.key)
		}, `DELETE FROM record WHERE patient = ANY($1) OR key = ANY($2) RETURNING seq, key`, x.e.Patients, x.e.Records)
		if err != nil {
			return err
		}
		err = each(ctx, t, scanNumber, func(seq int64) error {
			x.out.Plans++
			_, err := t.exec(ctx, `DELETE FROM aged WHERE kind = 5 AND seq = $1`, seq)
			return err
		}, `DELETE FROM plan_version v WHERE v.patient = ANY($1) OR v.patient = ANY($2) AND v.version <
			(SELECT max(n.version) FROM plan_version n WHERE n.patient = v.patient) RETURNING v.seq`, x.e.Patients, x.e.History)
		for _, d := range []struct {
			text  string
			names []string
		}{{`DELETE FROM due WHERE patient = ANY($1)`, x.e.Patients}, {`DELETE FROM setting WHERE name = ANY($1)`, x.e.Settings},
			{`DELETE FROM counter WHERE name = ANY($1)`, x.e.Counters}} {
			if err == nil {
				_, err = t.exec(ctx, d.text, d.names)
			}
		}
		return err
	}))
}

// WasErased knows the key of an erased record; see queue.Eraser.
func (s *Store) WasErased(ctx context.Context, recordKey string) (bool, error) {
	if s.erasures.nothing() {
		return false, s.usable()
	}
	refs, err := list(ctx, s.reader, scanNumber, erasedSelect, erasedHash(s.salt, erasedRecord, recordKey))
	return len(refs) > 0, err
}

// erasedRef finds what a hash stands for.
func (r *reader) erasedRef(ctx context.Context, kind string, parts ...string) (ref int64, found bool, err error) {
	salt, err := single[[]byte](ctx, r, `SELECT salt FROM erasure`)
	if err != nil {
		return 0, false, err
	}
	refs, err := list(ctx, r, scanNumber, erasedSelect, erasedHash(salt, kind, parts...))
	if err != nil || len(refs) == 0 {
		return 0, false, err
	}
	return refs[0], true, nil
}
