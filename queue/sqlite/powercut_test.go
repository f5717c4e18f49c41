package sqlite

import (
	"context"
	"database/sql"
	options "flag"
	"testing"
	"time"
)

var powerRounds = options.Int("power.rounds", 6, "how often TestPowerCut cuts the power")

// TestPowerCutCatchesMissingSync lets the journal or large bodies say that they are synced when they are not: then the same cut must show acknowledged
// units that are gone. A power cut that does not notice that would prove nothing.
func TestPowerCutCatchesMissingSync(t *testing.T) {
	for _, c := range []struct {
		name  string
		files *faultFiles
	}{{"segment", &faultFiles{forgetSync: true}}, {"folder", &faultFiles{forgetFolder: true}}, {"body", &faultFiles{forgetBody: bodyFile}},
		{"folder of a body", &faultFiles{forgetBody: bodyFolder}}, {"folder of the folders", &faultFiles{forgetBody: bodyRoot}}} {
		t.Run(c.name, func(t *testing.T) {
			shadow, acked := cutUnderLoad(t, 0, c.files, nil)
			s, err := Open(t.Context(), Options{Dir: shadow, Logger: quiet(), InlineLimit: 3000, SegmentBytes: 60_000})
			if err != nil {
				return // not even a store is left: noticed
			}
			defer s.Close()
			for _, id := range acked {
				if m, err := s.Message(t.Context(), id); err != nil || string(m.Raw) != string(crashBody(id)) {
					return
				}
			}
			t.Errorf("all %d units are there though nothing was synced", len(acked))
		})
	}
}

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
			for deadline := time.Now().Add(comes); ; time.Sleep(time.Millisecond) {
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
