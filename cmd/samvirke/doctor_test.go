package main

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/config"
	"github.com/samvirke/samvirke/queue"
)

// TestDoctorOfSealedStore: the doctor tells of the stored bodies of an encrypted store too, well or damaged.
func TestDoctorOfSealedStore(t *testing.T) {
	cfg := &config.Config{DataDir: t.TempDir(), Encryption: config.Encryption{KeyID: "1", Key: config.NewSecret(strings.Repeat("ab", 32))}}
	s, err := openStore(t.Context(), placeOf(cfg), cfg.Encryption)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Commit(t.Context(), &queue.Unit{Now: time.Now(), Accept: &samvirke.Message{ID: "m", Party: "hospital", Patient: "urn:test|p", Raw: []byte("raw")}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	bodies := func() finding {
		t.Helper()
		for _, f := range storeFindings(&app{ctx: t.Context()}, cfg) {
			if f.Check == "stored bodies" {
				return f
			}
		}
		t.Fatal("nothing is told of the stored bodies")
		return finding{}
	}
	if f := bodies(); !f.OK {
		t.Errorf("of a sound store: %+v", f)
	}
	db, err := sql.Open("sqlite", filepath.Join(cfg.DataDir, "samvirke.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // it has served
	if _, err := db.Exec(`INSERT INTO damage (kind, seq, found) VALUES ('message', 1, 1)`); err != nil {
		t.Fatal(err)
	}
	if f := bodies(); f.OK || !strings.Contains(f.Text, "message m") {
		t.Errorf("of a damaged one: %+v", f)
	}
}
