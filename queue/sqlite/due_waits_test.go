package sqlite

import (
	"database/sql/driver"
	"errors"
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// TestDueWaits: a due that fires waits for the tables when a change of itself does, and not for changes of others.
func TestDueWaits(t *testing.T) {
	now := time.Now()
	look := func(w *writer, patient, id string) bool {
		t.Helper()
		defer func() { _ = recover() }() // there is no table to ask behind it
		x := &tx{w: w}
		_, err := x.storedDue(&queue.DueStep{Patient: patient, ID: id})
		return errors.Is(err, errWaits)
	}
	for name, put := range map[string]func(x *waiting){
		"set":  func(x *waiting) { x.put(setDue, vals("p1", "d1", nanos(now), "R6", []byte("b"))) },
		"drop": func(x *waiting) { x.put(dropDue, vals("p1", "d1")) },
		"fire": func(x *waiting) { x.put(fireDue, vals(nanos(now), "p1", "d1")) },
	} {
		for _, leaving := range []bool{false, true} {
			w := &writer{waiting: newWaiting(), leaving: newWaiting()}
			at := w.waiting
			if leaving {
				at = w.leaving
			}
			put(at)
			if !look(w, "p1", "d1") || look(w, "p1", "d2") || look(w, "p2", "d1") {
				t.Errorf("%s, leaving %v: its own %v, another %v, of another patient %v", name, leaving, look(w, "p1", "d1"), look(w, "p1", "d2"), look(w, "p2", "d1"))
			}
			if at.reset(); look(w, "p1", "d1") {
				t.Errorf("%s: it waits for what is in the tables", name)
			}
		}
	}
}

func vals(list ...driver.Value) []driver.Value { return list }
