package sqlite

import (
	"database/sql"
	"fmt"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// TestWipeAgain erases people one after the other in one store, whose rows made pages split: each time nothing is left in the unused room
// of any page, although only pages are looked at that were written since the time before.
func TestWipeAgain(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	for round := range 3 {
		patient := fmt.Sprint("urn:test|", round)
		for i := range 300 {
			u := acceptUnit(fmt.Sprintf("m-%d-%d", round, i), []byte("body"))
			u.Accept.Patient = patient
			u.Accept.ExternalID = fmt.Sprintf("%03d of %d", i*53%300, round) // here and there in its index, so that pages split
			u.Message = &queue.MessageStep{ID: u.Accept.ID, To: samvirke.MessageProcessed, Patient: patient}
			if _, err := s.Commit(t.Context(), u); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(unclean(t, s)) == 0 {
			t.Fatal("nothing is in unused room before, so this shows nothing")
		}
		if _, err := s.Erase(t.Context(), queue.Erasure{Patients: []string{patient}}); err != nil {
			t.Fatal(err)
		}
		if found := unclean(t, s); len(found) > 0 {
			t.Errorf("round %d: there is something in unused room of the pages %v", round, found)
		}
	}
}

// unclean gives the pages with something in their unused room.
func unclean(t *testing.T, s *Store) []int64 {
	t.Helper()
	found, err := list(t.Context(), s.db, func(rows *sql.Rows) (pgno int64, err error) {
		var data []byte
		if err = rows.Scan(&pgno, &data); err == nil && !clearUnused(data, pgno == 1) {
			pgno = 0
		}
		return pgno, err
	}, `SELECT pgno, data FROM sqlite_dbpage`)
	if err != nil {
		t.Fatal(err)
	}
	pages := found[:0]
	for _, pgno := range found {
		if pgno > 0 {
			pages = append(pages, pgno)
		}
	}
	return pages
}
