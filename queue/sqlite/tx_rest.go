package sqlite

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/samvirke/samvirke/queue"
)

func (t *tx) writeRecords() {
	for i := range t.u.Records {
		r := &t.u.Records[i]
		file := ""
		if t.r.files.records != nil {
			file = t.r.files.records[i]
		}
		var body any
		if file == "" {
			body = notNil(r.Body)
		}
		t.w.seqs.record++
		t.keys = append(t.keys, r.Patient)
		t.change(addRecord, t.w.seqs.record, r.Key, r.Hash, r.Patient, r.MessageID,
			nanos(orTime(r.ReceivedAt, t.u.Now)), file, body)
	}
}

func (t *tx) lookPlan() error {
	if t.u.Plan != nil {
		if err := t.lookPlanStep(t.u.Plan); err != nil {
			return err
		}
	}
	for i := range t.u.Plans {
		p := &t.u.Plans[i]
		twice := t.u.Plan != nil && t.u.Plan.Patient == p.Patient
		for j := range i {
			twice = twice || t.u.Plans[j].Patient == p.Patient
		}
		if twice {
			return fmt.Errorf("two steps of one plan in a unit: %w", queue.ErrPlanVersion)
		}
		if err := t.lookPlanStep(p); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) lookPlanStep(p *queue.PlanStep) error {
	head, known := t.w.cache.plans[p.Patient]
	have := head.version
	if !known {
		row, err := t.w.look.planHead.row(p.Patient)
		if err != nil {
			return err
		}
		if row != nil {
			have = row[0].(int64)
		}
	}
	if have != p.Expect {
		return fmt.Errorf("plan is at version %d, not %d: %w", have, p.Expect, queue.ErrPlanVersion)
	}
	return nil
}

func (t *tx) writePlan() {
	if t.u.Plan != nil {
		t.writePlanStep(t.u.Plan, t.r.files.plan)
	}
	for i := range t.u.Plans {
		file := ""
		if t.r.files.plans != nil {
			file = t.r.files.plans[i]
		}
		t.writePlanStep(&t.u.Plans[i], file)
	}
}

func (t *tx) writePlanStep(p *queue.PlanStep, file string) {
	if p.Check {
		return
	}
	var at any
	if file == "" {
		at = t.w.s.journal.body(p.Body).blob()
	}
	t.w.seqs.plan++
	t.keys = append(t.keys, p.Patient)
	t.change(addPlanAt, t.w.seqs.plan, p.Patient, p.Expect+1, nanos(t.u.Now), p.MessageID, file, at)
	t.w.cache.plan(p.Patient, p.Expect+1)
}

func (t *tx) writeReceipts() {
	for i := range t.u.Receipts {
		r := &t.u.Receipts[i]
		ref := t.look.receiptRefs[i]
		t.w.seqs.receipt++
		t.keys = append(t.keys, r.MessageID, r.DeliveryID)
		t.change(addReceipt, t.w.seqs.receipt, ref.message, ref.delivery, ref.stray(), r.Party, r.Note, t.look.receipts[i])
	}
}

// lookCounters checks the counters; a unit that raises one twice must expect it to have risen.
func (t *tx) lookCounters() error {
	for _, c := range t.u.Counters {
		have, seen := t.look.counters[c.Name]
		if !seen {
			have, seen = t.w.waiting.counters[c.Name]
		}
		if !seen && t.w.leaving != nil {
			have, seen = t.w.leaving.counters[c.Name]
		}
		if !seen {
			row, err := t.w.look.counterGet.row(c.Name)
			if err != nil {
				return err
			}
			if row != nil {
				have = row[0].(int64)
			}
		}
		if have != c.Expect {
			return fmt.Errorf("counter %s is %d, not %d: %w", c.Name, have, c.Expect, queue.ErrCounter)
		}
		t.look.counters[c.Name] = have + 1
	}
	return nil
}

func (t *tx) writeCounters() {
	for _, c := range t.u.Counters {
		t.keys = append(t.keys, c.Name)
		t.change(setCounter, c.Name, c.Expect+1)
	}
}

func (t *tx) writeSettings() {
	if len(t.u.Settings) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(t.u.Settings)) {
		t.keys = append(t.keys, name)
		t.change(setSetting, name, t.u.Settings[name])
	}
}

func (t *tx) writeEvents() {
	for i := range t.u.Events {
		t.addEvent(t.u.Events[i], t.look.eventRefs[i])
	}
	t.endRun()
}

func (t *tx) writeAudit() {
	for i := range t.u.Audit {
		a := t.u.Audit[i]
		salt := ""
		if a.Patient != "" {
			var b [16]byte
			_, _ = rand.Read(b[:]) // never fails (crypto/rand)
			salt = hex.EncodeToString(b[:])
		}
		digest := queue.PatientDigest(salt, a.Patient)
		t.w.seqs.audit++
		a.Seq, a.At, a.Previous = t.w.seqs.audit, orTime(a.At, t.u.Now), t.w.seqs.auditHash
		a.Hash = queue.AuditHash(a, digest)
		t.w.seqs.auditHash = a.Hash
		t.change(addAudit, a.Seq, nanos(a.At), a.Who, a.Action, a.Object, a.Patient, salt, digest, a.Reason,
			a.Previous, a.Hash)
	}
}
