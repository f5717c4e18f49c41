package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// someone stores a processed message about somebody, with a plan, an event and an entry of the audit.
func someone(t *testing.T, s *Store, id, patient string) {
	t.Helper()
	u := acceptUnit(id, []byte("body "+id))
	u.Accept.Patient = patient
	u.Accept.ExternalID = "ext" + id
	u.Message = &queue.MessageStep{ID: id, To: samvirke.MessageProcessed, Patient: patient}
	u.Plan = &queue.PlanStep{Patient: patient, Body: []byte("plan")}
	u.Events = []samvirke.Event{{At: u.Now, MessageID: id, Patient: patient, Name: samvirke.EventRouted}}
	u.Audit = []samvirke.Audit{{At: u.Now, Who: "w", Action: "read-plan", Object: "o", Patient: patient, Reason: "r"}}
	if _, err := s.Commit(t.Context(), u); err != nil {
		t.Fatal(err)
	}
}

// TestWipeForgetsWho: after a wipe no table names somebody erased, also when the newest events went with them.
func TestWipeForgetsWho(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	someone(t, s, "m1", "urn:test|one")
	e := queue.Erasure{Patients: []string{"urn:test|one"}, Silent: time.Now().Add(time.Hour), Traces: time.Now().Add(time.Hour), Unwiped: true}
	if _, err := s.Erase(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if err := s.Wipe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := single[int64](t.Context(), s.db, `SELECT count(*) FROM erased_patient`); n != 0 || err != nil {
		t.Errorf("%d people are noted after the wipe, %v", n, err)
	}
}

// TestEraseOverPowerCut: an erasure of silent people has begun, whose steps are not synced one by one, and bodies are overwritten beside it,
// as ageing does. The power goes: a row that comes back has its body, because its person may be heard of and stay.
func TestEraseOverPowerCut(t *testing.T) {
	shadow, dir := t.TempDir(), t.TempDir()
	f := newFaultVFS(t, shadow)
	j := &faultFiles{}
	j.shadow = filepath.Join(shadow, "journal")
	if err := os.Mkdir(j.shadow, 0o700); err != nil {
		t.Fatal(err)
	}
	s := open(t, Options{Dir: dir, vfs: f.name, files: j, CheckpointEvery: time.Hour, InlineLimit: 3000, SegmentBytes: 1 << 20})
	someone(t, s, "m1", "urn:test|one")
	if err := s.settled(context.Background()); err != nil {
		t.Fatal(err)
	}
	// something that is synced comes by
	if err := s.job(t.Context(), func(w *writer) error { return w.query(`UPDATE erasure SET clean = 1`, nil) }); err != nil {
		t.Fatal(err)
	}
	x := &eraser{s: s, e: queue.Erasure{Patients: []string{"urn:test|one"}, Silent: time.Now().Add(time.Hour), Unwiped: true}}
	x.upTo = sequences{message: 1 << 60, delivery: 1 << 60}
	if err := x.messages(t.Context()); err != nil { // first step of Erase
		t.Fatal(err)
	}
	if err := s.wipePlaces(t.Context(), true); err != nil { // what Age does after each of its steps
		t.Fatal(err)
	}
	f.mu.Lock() // the power goes: the shadow is what was synced
	after := t.TempDir()
	err := os.CopyFS(after, os.DirFS(shadow))
	f.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	s2, err := Open(t.Context(), Options{Dir: after, Logger: quiet(), InlineLimit: 3000})
	if err != nil {
		t.Fatal(err)
	}
	defer s2.Close()
	m, err := s2.Message(t.Context(), "m1")
	if errors.Is(err, queue.ErrDamaged) || (m.Checksum == "") != (len(m.Raw) == 0) {
		t.Errorf("body %q, checksum %q, %v", m.Raw, m.Checksum, err)
	}
}

// TestWipeLeavesLater: a message came unread before an erasure of silent people, and was read after it: it is about one of them, and stays
// when the files are wiped.
func TestWipeLeavesLater(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	const one = "urn:test|one"
	someone(t, s, "m1", one)
	since := time.Now()
	late := acceptUnit("m2", []byte("unread"))
	late.Accept.ReceivedAt = since.Add(time.Second)
	late.Message = &queue.MessageStep{ID: "m2", To: samvirke.MessageAttention}
	if _, err := s.Commit(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	e := queue.Erasure{Patients: []string{one}, Silent: since, Unwiped: true}
	if _, err := s.Erase(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	read := &queue.Unit{Now: time.Now(), Message: &queue.MessageStep{ID: "m2", To: samvirke.MessageProcessed, Patient: one}}
	if _, err := s.Commit(t.Context(), read); err != nil {
		t.Fatal(err)
	}
	if err := s.Wipe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m, err := s.Message(t.Context(), "m2"); err != nil || string(m.Raw) != "unread" || m.Patient != one {
		t.Errorf("the later message is %+v, %v", m, err)
	}
	if m, err := s.Message(t.Context(), "m1"); err != nil || m.Patient != "" || len(m.Raw) > 0 {
		t.Errorf("the erased message is %+v, %v", m, err)
	}
}

// TestWipeShreds: what a wipe blanks of somebody erased loses its large body too.
func TestWipeShreds(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), InlineLimit: 1000})
	const one = "urn:test|one"
	someone(t, s, "m1", one)
	unread := acceptUnit("m2", bytes.Repeat([]byte("CANARY"), 10_000))
	unread.Message = &queue.MessageStep{ID: "m2", To: samvirke.MessageAttention}
	if _, err := s.Commit(t.Context(), unread); err != nil {
		t.Fatal(err)
	}
	files := func() (n int) {
		err := filepath.WalkDir(s.bodies.dir, func(_ string, e os.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				n++
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if files() != 1 {
		t.Fatalf("%d files of large bodies", files())
	}
	if _, err := s.Erase(t.Context(), queue.Erasure{Patients: []string{one}, Silent: time.Now().Add(time.Hour), Unwiped: true}); err != nil {
		t.Fatal(err)
	}
	read := &queue.Unit{Now: time.Now(), Message: &queue.MessageStep{ID: "m2", To: samvirke.MessageProcessed, Patient: one}}
	if _, err := s.Commit(t.Context(), read); err != nil {
		t.Fatal(err)
	}
	if err := s.Wipe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := files(); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

// TestWipeAtStart: a start wipes what an earlier life left of an erasure that somebody asked for. What nobody asked for waits for who erases,
// and the room of its bodies for tidying.
func TestWipeAtStart(t *testing.T) {
	for name, c := range map[string]struct {
		asked []bool
		want  int64
	}{
		"silent":           {[]bool{false}, dirtySilent},
		"asked":            {[]bool{true}, 0},
		"silent and asked": {[]bool{false, true}, 0},
		"asked and silent": {[]bool{true, false}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Dir: t.TempDir()}
			s := open(t, o)
			s.verify() // so that the one at the start cannot overwrite what the erasure leaves
			for i, asked := range c.asked {
				one := fmt.Sprint("urn:test|", i)
				someone(t, s, fmt.Sprint("m", i), one)
				e := queue.Erasure{Patients: []string{one}, Unwiped: true}
				if !asked {
					e.Silent = time.Now().Add(time.Hour)
				}
				if _, err := s.Erase(t.Context(), e); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, o)
			s.verify()
			state := func() (dirty, doomed int64) {
				t.Helper()
				dirty, err := single[int64](t.Context(), s.db, `SELECT dirty FROM erasure`)
				if err == nil {
					doomed, err = single[int64](t.Context(), s.db, `SELECT count(*) FROM doomed`)
				}
				if err != nil {
					t.Fatal(err)
				}
				return dirty, doomed
			}
			dirty, doomed := state()
			if dirty != c.want || (doomed > 0) != (c.want == dirtySilent) || s.sparedAny.Load() != (c.want == dirtySilent) {
				t.Errorf("after the start: %d, %d bodies to be overwritten, tidying looks: %v; want %d", dirty, doomed, s.sparedAny.Load(), c.want)
			}
			if err := s.Wipe(t.Context()); err != nil {
				t.Fatal(err)
			}
			if dirty, doomed := state(); dirty != 0 || doomed != 0 {
				t.Errorf("after the wipe: %d, %d bodies to be overwritten", dirty, doomed)
			}
		})
	}
}
