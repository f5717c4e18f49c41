//go:build fault

package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/queuetest"
)

// The rounds of a point: what has to be done so that the gateway comes to it.
func roundOf(p queue.Point) func(*faultRig, queue.Point) {
	switch name := string(p); {
	case strings.HasPrefix(name, "erase."), strings.HasPrefix(name, "sqlite.erase."), strings.HasPrefix(name, "postgres.job."):
		return (*faultRig).eraseRound
	case strings.HasPrefix(name, "stop."), name == "sqlite.close", name == "postgres.close":
		return (*faultRig).stopRound
	}
	return (*faultRig).loadRound
}

// chain crashes at each point in turn, each time on the store that the last crash left.
func (r *faultRig) chain(points []queue.Point) {
	for _, p := range points {
		began := time.Now()
		r.fault = string(p)
		r.sheet.at(r.fault).rounds++
		roundOf(p)(r, p)
		r.t.Logf("%-26s %6.1f s, %d acknowledged so far", p, time.Since(began).Seconds(), r.count())
	}
	r.finish()
}

// loadRound sends until the gateway ends at the point.
func (r *faultRig) loadRound(point queue.Point) {
	orders := fmt.Sprintf("%s:%d:exit", point, r.nth(point))
	if strings.HasPrefix(string(point), "accept.") || strings.HasPrefix(string(point), "process.") || point == queue.PointPgClaimed {
		// Messages about one person meet while one of them is on the short path: the others go the long way.
		orders += fmt.Sprintf(",%s:*:sleep=40ms", queue.PointAtOnce)
	}
	p, _ := r.begin(r.config(), orders)
	r.load(p, nil)
	r.exited(p, point)
}

// nth says at which of many times the gateway ends. A start comes to some points once.
func (r *faultRig) nth(point queue.Point) int {
	switch name := string(point); {
	case strings.HasPrefix(name, "start."), strings.Contains(name, "migrate"), name == "sqlite.recovered":
		return 1
	case strings.HasPrefix(name, "accept."), strings.HasPrefix(name, "process."), point == queue.PointPgClaimed, point == queue.PointPgLeased:
		return 1 + r.rnd.IntN(3)
	case strings.HasPrefix(name, "sqlite.checkpoint"):
		return 1 + r.rnd.IntN(4)
	}
	return 10 + r.rnd.IntN(60)
}

// stopRound asks the gateway to stop in the middle of its work.
func (r *faultRig) stopRound(point queue.Point) {
	p, ready := r.begin(r.config(), fmt.Sprintf("%s:1:exit", point))
	if !ready {
		r.t.Fatalf("the gateway does not start:\n%s", p.log)
	}
	before := r.count()
	asked := false
	r.load(p, func() bool {
		if !asked && r.count() >= before+20 {
			asked = true
			if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
				r.t.Error(err)
			}
		}
		return false
	})
	r.exited(p, point)
}

// eraseRound erases a person by the command, which ends at the point; the next start goes on with it.
func (r *faultRig) eraseRound(point queue.Point) {
	file := r.config()
	p, ready := r.begin(file, "")
	if !ready {
		r.t.Fatalf("the gateway does not start:\n%s", p.log)
	}
	person := firstForgotten + len(r.forgotten)
	for n := range 3 {
		a := r.message(person, n+1)
		r.within(p, "sending about who will be erased", func() bool { return r.post(r.t.Context(), a) })
		r.within(p, "delivering what is about who will be erased", func() bool { return r.town.has(a.id) && r.ward.receipts(a.id) > 0 })
	}
	r.within(p, "taking receipts", func() bool { return r.town.open() == 0 })
	waitIdle(r.t, r.addr)
	if code := p.stop(r.t); code != exitOK {
		r.t.Fatalf("exit code %d after a clean stop\n%s", code, p.log)
	}
	erase := &process{cmd: exec.Command(binary(r.t), "erase", "--config", file, "--reason", "asked for", forgottenPerson(person-firstForgotten)),
		log: &lockedBuffer{}, done: make(chan struct{})}
	erase.cmd.Stdout, erase.cmd.Stderr = erase.log, erase.log
	erase.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s:1:exit", queue.FaultEnv, point))
	_ = erase.cmd.Run() // its exit code is looked at
	close(erase.done)
	r.exited(erase, point)
	r.forgotten = append(r.forgotten, person)
}

func seedOf(t *testing.T, again string) uint64 {
	t.Helper()
	seed := *faultSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("again: go test -tags fault ./cmd/samvirke -run '^%s$' -fault.rounds=%d -fault.seed=%d %s", t.Name(), *faultRounds, seed, again)
	return seed
}

// TestFaultPoints crashes a gateway on a folder at every point of its path.
func TestFaultPoints(t *testing.T) {
	points := queuetest.CrashPoints("cmd/samvirke", "TestFaultPoints")
	pointRounds(t, "crashed at points, SQLite", points, func(seed uint64) *faultRig { return newRig(t, seed, "", "") })
}

// TestFaultRetention crashes while bodies that have served are dropped.
func TestFaultRetention(t *testing.T) {
	seed := seedOf(t, "")
	sheet := newFaultSheet("crashed while bodies are dropped, SQLite")
	for i := range *faultRounds {
		r := newRig(t, seed+uint64(i), "", "retention: {when: \"@every 1s\", payloads: 1s}\n")
		r.sheet, r.dropped = sheet, true
		for _, p := range queuetest.CrashPoints("cmd/samvirke", "TestFaultRetention") {
			r.fault = string(p)
			sheet.at(r.fault).rounds++
			gw, _ := r.begin(r.config(), string(p)+":1:exit")
			r.load(gw, nil)
			r.exited(gw, p)
		}
		r.finish()
	}
	sheet.print(t)
}

// TestFaultPostgres crashes a gateway on PostgreSQL at the points of the engine, and in the long run at all of the path.
func TestFaultPostgres(t *testing.T) {
	rig := onPostgres(t)
	points := queuetest.CrashPoints("cmd/samvirke", "TestFaultPostgres")
	if *faultRounds > 1 {
		for _, p := range queuetest.CrashPoints("cmd/samvirke", "TestFaultPoints") {
			if !strings.HasPrefix(string(p), "sqlite.") {
				points = append(points, p)
			}
		}
	}
	// Erasures first: they wait until all is delivered, and behind a crash that is the time of a lease.
	slices.SortStableFunc(points, func(a, b queue.Point) int { return cmp.Compare(waitsBehind(a), waitsBehind(b)) })
	pointRounds(t, "crashed at points, PostgreSQL", points, rig)
}

// waitsBehind puts points in order: those that a start comes to, those of an erasure, the others.
func waitsBehind(p queue.Point) int {
	switch name := string(p); {
	case strings.HasPrefix(name, "postgres.migrate."):
		return 0
	case strings.HasPrefix(name, "erase."), strings.HasPrefix(name, "postgres.job."):
		return 1
	}
	return 2
}

// pointRounds crashes at each point, round after round, each on a rig of its own.
func pointRounds(t *testing.T, title string, points []queue.Point, rig func(seed uint64) *faultRig) {
	t.Helper()
	seed := seedOf(t, "")
	sheet := newFaultSheet(title)
	for i := range *faultRounds {
		r := rig(seed + uint64(i))
		r.sheet = sheet
		r.chain(points)
	}
	sheet.print(t)
}
