//go:build fault

package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue/postgres/postgrestest"
)

// killsEach is how many kills one store goes through; the next ones have a fresh store, so that looking through all that was
// acknowledged takes the same time in a long run.
const killsEach = 100

// TestFaultKills kills the gateway in mid-load, -crash.rounds times, always on the store that the last kill left. Beside
// TestCrashLoop it has the judge of the fault suite: receipts, effects and order at the receivers, and the store's own books.
func TestFaultKills(t *testing.T) {
	seed := seedOf(t, fmt.Sprintf("-crash.rounds=%d", *crashRounds))
	sheet := newFaultSheet("kill -9 in mid-load, SQLite")
	for done := 0; done < *crashRounds; done += killsEach {
		r := newRig(t, seed+uint64(done), "", "")
		r.sheet = sheet
		r.kills(min(killsEach, *crashRounds-done))
	}
	sheet.print(t)
}

// TestFaultKillsPostgres does the same with a store on PostgreSQL, which is not killed.
func TestFaultKillsPostgres(t *testing.T) {
	if postgrestest.Bin() == "" {
		t.Skip(postgrestest.Missing)
	}
	db, err := postgrestest.New()
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	seed := seedOf(t, fmt.Sprintf("-crash.rounds=%d", *crashRounds))
	sheet := newFaultSheet("kill -9 in mid-load, PostgreSQL")
	for done := 0; done < *crashRounds; done += killsEach {
		r := postgresRig(t, seed+uint64(done), db, fmt.Sprintf("kills%d", done))
		r.sheet = sheet
		r.kills(min(killsEach, *crashRounds-done))
	}
	sheet.print(t)
}

// kills ends a gateway again and again at a random moment after it has acknowledged something.
func (r *faultRig) kills(rounds int) {
	r.t.Helper()
	file, began := r.config(), time.Now()
	for range rounds {
		r.fault = "kill -9"
		r.sheet.at(r.fault).rounds++
		p, ready := r.begin(file, "")
		if !ready {
			r.t.Fatalf("the gateway does not start:\n%s", p.log)
		}
		before, wait := r.count(), time.Duration(r.rnd.IntN(300))*time.Millisecond
		var some time.Time
		r.load(p, func() bool {
			if some.IsZero() && r.count() > before {
				some = time.Now()
			}
			if some.IsZero() || time.Since(some) < wait { // the moment of the kill is what is random
				return false
			}
			p.kill()
			return true
		})
	}
	r.t.Logf("%d kills in %s, %d acknowledged", rounds, time.Since(began).Round(time.Second), r.count())
	r.finish()
}
