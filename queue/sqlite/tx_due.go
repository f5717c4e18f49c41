package sqlite

import (
	"fmt"

	"github.com/samvirke/samvirke/queue"
)

// dueRow is what a step needs to know of a due.
type dueRow struct {
	at, fired int64
	// over says that the unit wrote it over what is stored: if that is for the same time, it has fired when that had.
	over bool
}

// dueName is what a due is found by.
type dueName struct{ patient, id string }

// name is that of the due that is changed.
func (d *dueChange) name() dueName {
	at := 0
	if d.c == fireDue {
		at = 1 // behind the time
	}
	return dueName{d.vals[at].(string), d.vals[at+1].(string)}
}

// lookDues checks the steps in order, each against what the ones before it leave behind.
func (t *tx) lookDues() error {
	if len(t.u.Dues) == 0 {
		return nil
	}
	rows := map[dueName]*dueRow{}
	for i := range t.u.Dues {
		s := &t.u.Dues[i]
		n := dueName{s.Patient, s.ID}
		row, known := rows[n]
		if s.Op == queue.DueFire && (!known || row != nil && row.over) {
			stored, err := t.storedDue(s)
			if err != nil {
				return err
			}
			switch {
			case !known:
				row = stored
			case stored != nil && stored.at == row.at:
				row.fired = stored.fired
			}
		}
		switch s.Op {
		case queue.DueSet:
			if next := nanos(s.At); !known {
				row = &dueRow{at: next, over: true}
			} else if row == nil || row.at != next {
				row = &dueRow{at: next}
			}
		case queue.DueDrop:
			row = nil
		default:
			if row == nil || row.at != nanos(s.At) || row.fired != 0 {
				return fmt.Errorf("due %s: %w", s.ID, queue.ErrState)
			}
			row = &dueRow{at: row.at, fired: nanos(t.u.Now)}
		}
		rows[n] = row
	}
	return nil
}

// storedDue gives the due of a step as it is stored, nil when there is none.
func (t *tx) storedDue(s *queue.DueStep) (*dueRow, error) {
	name := dueName{s.Patient, s.ID}
	if t.w.waits(func(x *waiting) bool { return x.dueNames[name] }) {
		return nil, errWaits
	}
	v, err := t.w.look.dueGet.row(s.Patient, s.ID)
	if err != nil || v == nil {
		return nil, err
	}
	return &dueRow{at: v[0].(int64), fired: v[1].(int64)}, nil
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
