//go:build fault

package main

import (
	"fmt"
	"testing"
	"time"
)

// killsEach is how many kills one store goes through; the next ones have a fresh store, so that looking through all that was
// acknowledged takes the same time in a long run.
const killsEach = 100

// A kill that comes before much was acknowledged can lose little. So each waits for killLeast messages and up to as many more, but not
// longer than roundPatience, for the machine may be slow; all kills together have killLeast for each.
const (
	killLeast     = 25
	roundPatience = 10 * time.Second
)

// TestFaultKills kills the gateway in mid-load, -crash.rounds times, always on the store that the last kill left. Beside
// TestCrashLoop it has the judge of the fault suite: receipts, effects and order at the receivers, and the store's own books.
func TestFaultKills(t *testing.T) {
	killRounds(t, "kill -9 in mid-load, SQLite", func(seed uint64) *faultRig { return newRig(t, seed, "", "") })
}

// TestFaultKillsPostgres does the same with a store on PostgreSQL, which is not killed.
func TestFaultKillsPostgres(t *testing.T) {
	killRounds(t, "kill -9 in mid-load, PostgreSQL", onPostgres(t))
}

// killRounds goes through all kills, on one rig after the other.
func killRounds(t *testing.T, title string, rig func(seed uint64) *faultRig) {
	t.Helper()
	seed := seedOf(t, fmt.Sprintf("-crash.rounds=%d", *crashRounds))
	sheet := newFaultSheet(title)
	for done := 0; done < *crashRounds; done += killsEach {
		r := rig(seed + uint64(done))
		r.sheet = sheet
		r.kills(min(killsEach, *crashRounds-done))
	}
	sheet.print(t)
}

// kills ends a gateway again and again at a random moment after it has acknowledged some messages.
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
		least := before + killLeast + r.rnd.IntN(killLeast)
		var some time.Time
		r.load(p, func() bool {
			if some.IsZero() && r.count() > before {
				some = time.Now()
			}
			if some.IsZero() || time.Since(some) < wait || r.count() < least && time.Since(some) < roundPatience {
				return false // the moment of the kill is what is random
			}
			p.kill()
			return true
		})
	}
	r.t.Logf("%d kills in %s, %d acknowledged", rounds, time.Since(began).Round(time.Second), r.count())
	if r.count() < rounds*killLeast {
		r.t.Errorf("%d kills with %d messages acknowledged, want %d at least for each: the machine is too slow to show anything", rounds, r.count(), killLeast)
	}
	r.finish()
}
