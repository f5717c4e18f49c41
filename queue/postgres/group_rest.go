package postgres

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

func (g *group) writeRecords() {
	for i := range g.u.Records {
		r := g.u.Records[i]
		r.ReceivedAt = orTime(r.ReceivedAt, g.u.Now)
		g.seqs.record++
		g.write.records = append(g.write.records, recordRow{g.seqs.record, r})
	}
}

func (g *group) lookPlans() error {
	if g.u.Plan != nil {
		if err := g.lookPlan(g.u.Plan); err != nil {
			return err
		}
	}
	for i := range g.u.Plans {
		p := &g.u.Plans[i]
		twice := g.u.Plan != nil && g.u.Plan.Patient == p.Patient
		for j := range i {
			twice = twice || g.u.Plans[j].Patient == p.Patient
		}
		if twice {
			return fmt.Errorf("two steps of one plan in a unit: %w", queue.ErrPlanVersion)
		}
		if err := g.lookPlan(p); err != nil {
			return err
		}
	}
	return nil
}

func (g *group) lookPlan(p *queue.PlanStep) error {
	if have := g.plans[p.Patient]; have != p.Expect {
		return fmt.Errorf("plan is at version %d, not %d: %w", have, p.Expect, queue.ErrPlanVersion)
	}
	return nil
}

func (g *group) writePlans() {
	if g.u.Plan != nil {
		g.writePlan(g.u.Plan)
	}
	for i := range g.u.Plans {
		g.writePlan(&g.u.Plans[i])
	}
}

func (g *group) writePlan(p *queue.PlanStep) {
	if p.Check {
		return
	}
	g.seqs.plan++
	g.plans[p.Patient] = p.Expect + 1
	g.write.plans = append(g.write.plans, planRow{g.seqs.plan, queue.PlanVersion{Patient: p.Patient, Version: p.Expect + 1, At: g.u.Now,
		MessageID: p.MessageID, Body: p.Body}})
}

// lookDues checks the steps in order, each against what the ones before it leave behind.
func (g *group) lookDues() error {
	for i := range g.u.Dues {
		s := &g.u.Dues[i]
		n := dueName{s.Patient, s.ID}
		row, known := g.look.dues[n]
		if !known {
			row = g.dues[n]
		}
		switch s.Op {
		case queue.DueSet:
			if at := nanos(s.At); row.at != at { // else it has fired when it had
				row = dueRow{at: at}
			}
		case queue.DueDrop:
			row = dueRow{}
		default:
			if row.at == 0 || row.at != nanos(s.At) || row.fired != 0 {
				return fmt.Errorf("due %s: %w", s.ID, queue.ErrState)
			}
			row.fired = nanos(g.u.Now)
		}
		g.look.dues[n] = row
	}
	return nil
}

func (g *group) writeDues() {
	for n, row := range g.look.dues {
		g.dues[n] = row
	}
	for i := range g.u.Dues {
		g.write.dues = append(g.write.dues, dueWrite{g.u.Dues[i], nanos(g.u.Now)})
	}
}

func (g *group) writeReceipts() {
	for i := range g.u.Receipts {
		r := g.u.Receipts[i]
		r.At = orTime(r.At, g.u.Now).UTC()
		content, err := json.Marshal(r)
		if err != nil {
			content = []byte("{}") // strings, numbers and times: cannot happen
		}
		ref := g.look.receiptRefs[i]
		g.seqs.receipt++
		g.write.receipts = append(g.write.receipts, receiptRow{g.seqs.receipt, ref, r.Party, r.Note, string(content)})
	}
}

// lookCounters checks the counters; a unit that raises one twice must expect it to have risen.
func (g *group) lookCounters() error {
	for _, c := range g.u.Counters {
		have, seen := g.look.counters[c.Name]
		if !seen {
			have = g.counters[c.Name]
		}
		if have != c.Expect {
			return fmt.Errorf("counter %s is %d, not %d: %w", c.Name, have, c.Expect, queue.ErrCounter)
		}
		g.look.counters[c.Name] = have + 1
	}
	return nil
}

func (g *group) writeCounters() {
	for name, n := range g.look.counters {
		g.counters[name] = n
		g.write.counters[name] = n
	}
}

func (g *group) writeSettings() {
	for name, value := range g.u.Settings {
		g.write.settings[name] = value
	}
}

func (g *group) writeEvents() {
	for i := range g.u.Events {
		g.addEvent(g.u.Events[i], g.look.eventRefs[i])
	}
	g.endRun()
}

func (g *group) writeAudit() {
	for i := range g.u.Audit {
		a := auditRow{Audit: g.u.Audit[i]}
		if a.Patient != "" {
			var b [16]byte
			_, _ = rand.Read(b[:]) // never fails (crypto/rand)
			a.salt = hex.EncodeToString(b[:])
		}
		a.digest = queue.PatientDigest(a.salt, a.Patient)
		g.seqs.audit++
		a.Seq, a.At, a.Previous = g.seqs.audit, orTime(a.At, g.u.Now), g.seqs.auditHash
		a.Hash = queue.AuditHash(a.Audit, a.digest)
		g.seqs.auditHash = a.Hash
		g.write.audits = append(g.write.audits, a)
	}
}

// auditRow is an entry with what its hash needs.
type auditRow struct {
	samvirke.Audit
	salt, digest string
}
