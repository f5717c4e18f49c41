package sqlite

import (
	"fmt"

	"github.com/samvirke/samvirke/queue"
)

// dueRow is what a step needs to know of a due.
type dueRow struct{ at, fired int64 }

// lookDues checks the steps in order, each against what the ones before it leave behind.
func (t *tx) lookDues() error {
	if len(t.u.Dues) == 0 {
		return nil
	}
	type name struct{ patient, id string }
	rows := map[name]*dueRow{}
	for i := range t.u.Dues {
		s := &t.u.Dues[i]
		n := name{s.Patient, s.ID}
		row, known := rows[n]
		if !known && s.Op == queue.DueFire {
			if len(t.w.waiting.dues) > 0 {
				return errWaits
			}
			v, err := t.w.st.dueGet.row(s.Patient, s.ID)
			if err != nil {
				return err
			}
			if v != nil {
				row = &dueRow{v[0].(int64), v[1].(int64)}
			}
		}
		switch s.Op {
		case queue.DueSet:
			row = &dueRow{at: nanos(s.At)}
		case queue.DueDrop:
			row = nil
		default:
			if row == nil || row.at != nanos(s.At) || row.fired != 0 {
				return fmt.Errorf("due %s: %w", s.ID, queue.ErrState)
			}
			row = &dueRow{row.at, nanos(t.u.Now)}
		}
		rows[n] = row
	}
	return nil
}

func (t *tx) writeDues() {
	for i := range t.u.Dues {
		s := &t.u.Dues[i]
		t.keys = append(t.keys, s.Patient)
		switch s.Op {
		case queue.DueSet:
			t.change(setDue, s.Patient, s.ID, nanos(s.At), s.Rule, notNil(s.Body))
		case queue.DueDrop:
			t.change(dropDue, s.Patient, s.ID)
		default:
			t.change(fireDue, nanos(t.u.Now), s.Patient, s.ID)
		}
	}
}
