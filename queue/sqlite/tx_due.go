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

func (t *tx) writeDues() error {
	for i := range t.u.Dues {
		var err error
		switch s := &t.u.Dues[i]; s.Op {
		case queue.DueSet:
			_, err = t.w.st.dueSet.run(s.Patient, s.ID, nanos(s.At), s.Rule, notNil(s.Body))
		case queue.DueDrop:
			_, err = t.w.st.dueDrop.run(s.Patient, s.ID)
		default:
			_, err = t.w.st.dueFire.run(nanos(t.u.Now), s.Patient, s.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
