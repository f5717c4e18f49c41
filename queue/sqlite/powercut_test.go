package sqlite

import (
	"context"
	"database/sql"
	"testing"
	"time"
)

// TestPowerCutReader cuts the power while a reader keeps the log from being copied, and so from being synced: no frame that the
// tables would need again may be taken out of the journal. When the reader is gone the tables are known to hold what they have.
func TestPowerCutReader(t *testing.T) {
	powerCut(t, 3, func(s *Store) {
		tx, err := s.db.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if err := tx.QueryRow(`SELECT count(*) FROM message`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = tx.Rollback()
			if err := s.settled(context.Background()); err != nil {
				t.Fatal(err)
			}
			want, err := s.appliedAt(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
				if held := s.held.Load(); held != nil && *held == want {
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("held is %+v, the tables are at %+v", s.held.Load(), want)
				}
			}
		})
	})
}
