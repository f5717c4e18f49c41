package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/sqlite"
)

// clockHouse is a binary whose time a file sets, see storyClock.
type clockHouse struct {
	*courseHouse
	jumps int
}

// openClock starts the binary at a time. The municipality's system takes notices too, so that alarms reach it.
func openClock(t *testing.T, at string, people ...string) *clockHouse {
	t.Helper()
	config := strings.Replace(courseConfig, `receipts: apprec, accepts: [{format: kith}, {format: fhir}]}
  - {id: gp,`, `receipts: apprec, accepts: [{format: kith}, {format: fhir, kinds: [assessment]}, {format: fhir-notification}]}
  - {id: gp,`, 1)
	if config == courseConfig {
		t.Fatal("the configuration of the courses has no such municipality")
	}
	h := &clockHouse{courseHouse: newCourse(t, config, people...)}
	h.clock = filepath.Join(t.TempDir(), "clock")
	h.write(at)
	h.start()
	return h
}

// write writes the file in one step, so that no half of it is read.
func (h *clockHouse) write(at string) {
	h.t.Helper()
	if _, err := time.Parse(time.RFC3339, at); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(h.clock+".new", []byte(at+"\n"), 0o600); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Rename(h.clock+".new", h.clock); err != nil {
		h.t.Fatal(err)
	}
}

// jump puts the clock ahead and waits until the gateway lives in that time.
func (h *clockHouse) jump(at string) {
	h.t.Helper()
	h.write(at)
	h.jumps++
	h.until("the clock was set to "+at, func() bool {
		return strings.Count(h.proc.log.String(), "the clock of the simulation was set") == h.jumps
	})
}

// until waits for something that comes by itself.
func (h *clockHouse) until(what string, ok func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatalf("waited %s for: %s\nalarms: %v\n%s", patience, what, h.alarms(), h.proc.log)
		}
	}
}

// alarm is one clock that ran out, as the store's events tell it.
type alarm struct {
	rule string
	due  time.Time
	at   time.Time // when it went off
	told string    // how many were told
}

func (a alarm) String() string {
	return a.rule + " of " + a.due.Format("2006-01-02T15:04Z") + " at " + a.at.UTC().Format("2006-01-02T15:04Z") + " told to " + a.told
}

func (h *clockHouse) alarms() []alarm {
	h.t.Helper()
	st, err := sqlite.OpenReader(h.data)
	if err != nil {
		h.t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // reading only
	var out []alarm
	for after := int64(0); ; {
		page, err := st.Events(h.t.Context(), queue.EventFilter{After: after, Limit: queue.MaxPage})
		if err != nil {
			h.t.Fatal(err)
		}
		for _, e := range page {
			after = e.Seq
			if e.Name != samvirke.EventDue {
				continue
			}
			rule, rest, _ := strings.Cut(e.Detail, " of ")
			due, told, _ := strings.Cut(rest, ", told to ")
			at, err := time.Parse(time.RFC3339, due)
			if err != nil {
				h.t.Fatalf("event %q: %v", e.Detail, err)
			}
			out = append(out, alarm{rule, at, e.At, told})
		}
		if len(page) < queue.MaxPage {
			return out
		}
	}
}

// goesOff waits for n alarms of a rule and wants each at the due time that is given, not before, and somebody told.
func (h *clockHouse) goesOff(rule string, n int, due string) {
	h.t.Helper()
	var got []alarm
	h.until(fmt.Sprint(n, " alarms ", rule), func() bool {
		got = got[:0]
		for _, a := range h.alarms() {
			if a.rule == rule {
				got = append(got, a)
			}
		}
		return len(got) >= n
	})
	same(h.t, "alarms "+rule, len(got), n)
	for _, a := range got {
		if s := a.due.UTC().Format("2006-01-02T15:04Z"); s != due {
			h.t.Errorf("%s: due %s, want %s", rule, s, due)
		}
		if a.at.Before(a.due) {
			h.t.Errorf("%s went off before its time: %v", rule, a)
		}
		if a.told == "0" {
			h.t.Errorf("%s: nobody was told: %v", rule, a)
		}
	}
	h.settle()
}

// never wants no alarm of a rule so far. It shows something after another alarm has gone off later than it would have.
func (h *clockHouse) never(rule string) {
	h.t.Helper()
	for _, a := range h.alarms() {
		if a.rule == rule {
			h.t.Errorf("%s went off though what it rests on is done or gone: %v", rule, a)
		}
	}
}

// TestCourseClockStay: reports that do not come, of a municipality and of a hospital, and what comes too late to matter.
func TestCourseClockStay(t *testing.T) {
	other := otherPerson(t, fhir.TypeFNR)
	h := openClock(t, "2026-01-10T22:40:00+01:00", coursePerson, other)
	h.send("hospital", kithType, letter{step: 1}.xml(t))
	// Another person is admitted at the same time, and that is withdrawn: its clock goes with it.
	in := letter{step: 1, id: "clock-in", edits: []string{coursePerson, other}}.xml(t)
	h.send("hospital", kithType, in)
	h.send("hospital", kithType, letter{step: 1, id: "clock-c", op: "C", sent: "2026-01-10T22:50:00", parent: letterID("clock-in"), edits: []string{coursePerson, other}}.xml(t))
	told := h.told("municipality")
	h.jump("2026-01-11T22:41:00+01:00")
	h.goesOff("R15", 1, "2026-01-11T21:40Z")
	same(t, "the municipality is told", h.told("municipality") > told, true)
	h.jump("2026-01-12T09:00:00+01:00")
	h.send("municipality", kithType, letter{step: 3, sent: "2026-01-12T09:00:00"}.xml(t))
	same(t, "R15 after the report", len(gapsOf(h.plan(coursePerson), "R15")), 0)

	h.jump("2026-01-25T11:20:00+01:00")
	h.send("hospital", kithType, letter{step: 9}.xml(t))
	h.jump("2026-01-26T12:00:00+01:00")
	h.goesOff("R6", 1, "2026-01-26T10:15Z")
	h.send("hospital", kithType, letter{step: 10, sent: "2026-01-26T12:00:00"}.xml(t))
	h.jump("2026-01-29T13:00:00+01:00")
	h.goesOff("R1", 3, "2026-01-29T11:00Z") // three proposals, three days from when the report was written, no owner
	h.goesOff("R15", 1, "2026-01-11T21:40Z")
	h.goesOff("R6", 1, "2026-01-26T10:15Z")
	if log := h.proc.log.String(); !strings.Contains(log, "SIMULATION") {
		t.Error("the log does not say that the time is not the machine's")
	}
}

// TestCourseClockCourse: evaluations that are due, a proposal without an answer and a conflict that ages, over a kill.
func TestCourseClockCourse(t *testing.T) {
	h := openClock(t, "2026-02-25T10:00:00+01:00", coursePerson)
	h.send("municipality", nativeType, nativeMessage("municipality", "plan-update", "2026-02-25T10:00:00+01:00", coursePerson, []string{"gp"}, nextEvaluationNode(t, "2026-03-11")))
	id := h.planID("municipality", coursePerson)
	h.courseHouse.write("municipality", "POST", "EpisodeOfCare", episode(t, id, "course-1", "active", "Hverdagsrehabilitering", "2026-02-25", "2026-04-22", ""), http.StatusCreated)
	h.send("physio", nativeType, nativeMessage("physio", "plan-update", "2026-02-25T10:30:00+01:00", coursePerson, []string{"municipality"},
		resourceText(t, `{"resourceType":"ServiceRequest","status":"active","intent":"order","code":{"text":"Gangtrening ute"}}`)))
	// The first week has its progress mark, so its evaluation is done; the second has none.
	h.courseHouse.write("municipality", "POST", "Observation", light(t, id, "green", "2026-03-02T10:00:00+01:00"), http.StatusCreated)
	h.jump("2026-03-11T09:00:00+01:00")
	h.goesOff("weekly", 1, "2026-03-10T22:00Z")
	h.jump("2026-03-12T09:00:00+01:00")
	h.goesOff("R5", 1, "2026-03-11T22:00Z") // the day of the plan's evaluation is over
	var measure string
	for _, m := range h.plan(coursePerson).Measures {
		measure = m.ID
	}
	h.send("gp", nativeType, nativeMessage("gp", "plan-update", "2026-03-12T09:00:00+01:00", coursePerson, []string{"municipality", "physio"}, nextEvaluationNode(t, "2026-03-19"),
		resourceText(t, `{"resourceType":"ServiceRequest","status":"active","intent":"proposal","code":{"text":"Pause i gangtreningen"},"extension":[{"url":%q,"valueReference":{"reference":%q}}]}`, careplan.ExtConcerns, "ServiceRequest/"+measure)))
	h.send("municipality", nativeType, nativeMessage("municipality", "plan-update", "2026-03-12T09:05:00+01:00", coursePerson, []string{"gp"}, nextEvaluationNode(t, "2026-03-26")))
	same(t, "conflicts", len(h.plan(coursePerson).Shared.Conflicts), 1)
	physio := h.told("physio")
	h.jump("2026-03-13T09:10:00+01:00")
	h.goesOff("conflict-24h", 1, "2026-03-13T08:00Z") // it has stood since the GP wrote without having seen the municipality's first date
	// The gateway is down when the next limits pass, and finds them when it starts.
	h.proc.kill()
	h.write("2026-03-15T10:00:00+01:00")
	h.start()
	h.jumps = 0
	h.goesOff("conflict-72h", 1, "2026-03-15T08:00Z")
	h.goesOff("proposal", 1, "2026-03-15T08:00Z")
	same(t, "the physiotherapist is told that somebody waits", h.told("physio") > physio, true)
	h.goesOff("conflict-24h", 1, "2026-03-13T08:00Z") // acted on before: not once more
	same(t, "the conflict is open: no clock settles it", h.plan(coursePerson).Shared.Conflicts[0].Status, "open")

	h.jump("2026-04-23T09:00:00+02:00")
	h.goesOff("mid", 1, "2026-03-25T10:00Z")
	h.goesOff("end", 1, "2026-04-22T22:00Z")
	h.never("R15")
}

// TestClockFileIsForSimulationsOnly: nobody gets another time than the machine's by mistake.
func TestClockFileIsForSimulationsOnly(t *testing.T) {
	dir := t.TempDir()
	clock, bad := filepath.Join(dir, "clock"), filepath.Join(dir, "bad")
	for name, text := range map[string]string{clock: "2026-03-12T09:00:00+01:00\n", bad: "tomorrow\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct{ config, clock, say string }{
		"production":    {"listen: 127.0.0.1:0\ndata_dir: %s\nparties: [{id: hospital, role: hospital, her: [\"8140001\"], folder: {in: in}}]\n", clock, "environment: test"},
		"other machine": {"listen: 0.0.0.0:0\nenvironment: test\ndata_dir: %s\nparties: [{id: hospital, role: hospital, her: [\"8140001\"], folder: {in: in}}]\n", clock, "this machine only"},
		"no time":       {"listen: 127.0.0.1:0\nenvironment: test\ndata_dir: %s\nparties: [{id: hospital, role: hospital, her: [\"8140001\"], folder: {in: in}}]\n", bad, "holds no time"},
		"no file":       {"listen: 127.0.0.1:0\nenvironment: test\ndata_dir: %s\nparties: [{id: hospital, role: hospital, her: [\"8140001\"], folder: {in: in}}]\n", filepath.Join(dir, "none"), "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "samvirke.yaml")
			if err := os.WriteFile(file, fmt.Appendf(nil, c.config, t.TempDir()), 0o600); err != nil {
				t.Fatal(err)
			}
			code, _, words := command(t, nil, "run", "--config", file, "--clock-file", c.clock)
			if code != exitBadConfig || !strings.Contains(words, c.say) {
				t.Errorf("exit code %d, %q", code, words)
			}
		})
	}
	_, out, words := command(t, nil, "run", "--help")
	if strings.Contains(out+words, "clock-file") {
		t.Error("the help offers the clock file to everybody")
	}
}

// TestStoryClockOnlyGoesAhead: what is stored must not lie in the future.
func TestStoryClockOnlyGoesAhead(t *testing.T) {
	c := &storyClock{}
	start := time.Date(2026, 1, 10, 22, 40, 0, 0, time.UTC)
	if err := c.set(start); err != nil || c.now().Before(start) {
		t.Errorf("%v %v", c.now(), err)
	}
	if err := c.set(start.Add(-time.Hour)); err == nil || c.now().Before(start) {
		t.Errorf("put back to %v, %v", c.now(), err)
	}
	later := start.AddDate(0, 1, 0)
	before := c.now()
	if err := c.set(later); err != nil || c.now().Before(later) {
		t.Errorf("%v %v", c.now(), err)
	}
	if d := c.now().Sub(before); d < 24*time.Hour { // also by the monotonic clock, which Sub goes by
		t.Errorf("a month took %v", d)
	}
}
