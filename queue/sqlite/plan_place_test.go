package sqlite

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/queuetest"
)

// planPlaces are where the versions of a patient's plan lie in the journal, oldest first; those that lie elsewhere are not among them.
func planPlaces(t *testing.T, s *Store, patient string) []place {
	t.Helper()
	if err := s.settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	return placesIn(t, s, `SELECT place FROM plan_version WHERE patient = ? AND body IS NULL ORDER BY version`, patient)
}

// TestPlanStaysInTheJournal: a plan is read where the journal has it; with its history or its person it is overwritten there, and
// when it has aged it stands in its row and nowhere else. One that an earlier version wrote is read as before.
func TestPlanStaysInTheJournal(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), SegmentBytes: 60_000, CheckpointEvery: 3 * time.Millisecond})
	const n = 20
	in, out := queuetest.AgedBody("in", 3000), queuetest.AgedBody("out", 9000)
	patient := func(i int) string { return fmt.Sprint("urn:test|p", i) }
	for i := range n {
		if _, err := s.Commit(t.Context(), queuetest.AgedUnit(i, time.Now(), in, out)); err != nil {
			t.Fatal(err)
		}
	}
	newer := []byte(strings.Repeat("newer ", 500))
	if _, err := s.Commit(t.Context(), &queue.Unit{Now: time.Now(), Plan: &queue.PlanStep{Patient: patient(2), Expect: 1, Body: newer}}); err != nil {
		t.Fatal(err)
	}
	check := func(i int, version int64, want []byte) {
		t.Helper()
		if p, err := s.Plan(t.Context(), patient(i), version); err != nil || !bytes.Equal(p.Body, want) {
			t.Errorf("plan %d, version %d: %d bytes, %v", i, version, len(p.Body), err)
		}
	}
	gone := func(what string, p place) {
		t.Helper()
		if b := bytesAt(t, s, p); len(bytes.Trim(b, "\x00")) > 0 {
			t.Errorf("%s: %d bytes are left in the journal", what, len(bytes.Trim(b, "\x00")))
		}
	}
	for i := range n {
		check(i, 1, out[:len(out)/2])
	}
	person, history, aged := planPlaces(t, s, patient(1)), planPlaces(t, s, patient(2)), planPlaces(t, s, patient(3))
	if len(person) != 1 || len(history) != 2 || len(aged) != 1 {
		t.Fatalf("places: %v, %v, %v", person, history, aged)
	}
	if _, err := s.Erase(t.Context(), queue.Erasure{Patients: []string{patient(1)}, History: []string{patient(2)}}); err != nil {
		t.Fatal(err)
	}
	gone("an erased person", person[0])
	gone("an erased history", history[0])
	check(2, 2, newer)

	settleHeld(t, s)
	ageAll(t, s)
	if left := planPlaces(t, s, patient(3)); len(left) != 0 {
		t.Errorf("a plan that has aged lies at %v", left)
	}
	gone("a plan that has aged", aged[0])
	check(3, 1, out[:len(out)/2])
	check(2, 2, newer)
	for i := 4; i < n; i++ {
		check(i, 1, out[:len(out)/2])
	}

	old := []byte("as it was written before")
	if err := s.job(t.Context(), func(w *writer) error {
		w.seqs.plan++
		return w.st.rows[addPlan].write(gathered{w.seqs.plan, "urn:test|old", int64(1), int64(1), "m", "", old})
	}); err != nil {
		t.Fatal(err)
	}
	if p, err := s.Plan(t.Context(), "urn:test|old", 0); err != nil || !bytes.Equal(p.Body, old) {
		t.Errorf("a plan of an earlier version: %q, %v", p.Body, err)
	}
}

// TestPlanHurtIsFound: the check of stored bodies tells of a plan whose bytes in the journal are others, and of no other.
func TestPlanHurtIsFound(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	s := open(t, o)
	in, out := queuetest.AgedBody("in", 3000), queuetest.AgedBody("out", 9000)
	for i := range 4 {
		if _, err := s.Commit(t.Context(), queuetest.AgedUnit(i, time.Now(), in, out)); err != nil {
			t.Fatal(err)
		}
	}
	at := planPlaces(t, s, "urn:test|p2")
	if len(at) != 1 {
		t.Fatalf("places: %v", at)
	}
	f, err := os.OpenFile(segmentPath(s.journalDir(), at[0].seg), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("spoilt"), int64(at[0].at)+7); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for read := int64(1); read > 0; {
		if read, err = s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	found, err := s.Integrity(t.Context())
	if err != nil || len(found.Damaged) != 1 || found.Damaged[0] != "plan m000002" {
		t.Errorf("found %v, %v", found.Damaged, err)
	}
}

// TestPlanThatDoesNotShrink: what is encrypted gets no smaller. It comes out of the journal all the same when it ages, so that the
// segments go once their messages are gone.
func TestPlanThatDoesNotShrink(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), SegmentBytes: 100_000, CheckpointEvery: 3 * time.Millisecond})
	noise := rand.NewChaCha8([32]byte{1})
	bytesOf := func(n int) []byte {
		b := make([]byte, n)
		_, _ = noise.Read(b) // never fails
		return b
	}
	const n = 60
	var plans [n][]byte
	for i := range n {
		out := bytesOf(11_000)
		plans[i] = out[:len(out)/2]
		if _, err := s.Commit(t.Context(), queuetest.AgedUnit(i, time.Now(), bytesOf(8000), out)); err != nil {
			t.Fatal(err)
		}
	}
	ageAll(t, s)
	if list := placesIn(t, s, `SELECT place FROM plan_version`); len(list) > n/10 { // those in the segment in use
		t.Errorf("%d plans lie in the journal still", len(list))
	}
	for after := int64(0); ; {
		_, next, err := s.DropPayloads(t.Context(), time.Now().Add(time.Hour), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if after = next; next == 0 {
			break
		}
	}
	for deadline := time.Now().Add(comes); ; time.Sleep(10 * time.Millisecond) {
		s.askTidy()
		left, err := filepath.Glob(filepath.Join(s.journalDir(), "*.seg"))
		if err != nil {
			t.Fatal(err)
		}
		if len(left) <= 3 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d segments are left", len(left))
		}
	}
	for i, want := range plans {
		if p, err := s.Plan(t.Context(), fmt.Sprint("urn:test|p", i), 0); err != nil || !bytes.Equal(p.Body, want) {
			t.Errorf("plan %d: %d bytes, %v", i, len(p.Body), err)
		}
	}
}
