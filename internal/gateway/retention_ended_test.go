package gateway_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/memory"
	"github.com/samvirke/samvirke/queue/sealed"
)

// stay writes a stay into the plan of a person.
func stay(r *rig, n int, status string, more ...any) {
	r.t.Helper()
	e := fhir.NewObject("resourceType", "Encounter", "status", status,
		"class", fhir.NewObject("system", "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code", "IMP"),
		"period", fhir.NewObject(append([]any{"start", "2026-01-05T10:00:00+01:00"}, more...)...))
	r.submit(gateway.Write{Party: "hospital", Patient: person(n), Resources: []*fhir.Node{e}})
}

// TestRetainPeople: those whose last stay is over go together when their time is over; those who are in hospital still, and those who
// were heard of since, stay. A run looks at what was changed since the one before.
func TestRetainPeople(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(r *rig) { r.now = thatNight() })
	const people = 260 // more than go in one erasure
	for n := range people {
		stay(r, n, "finished", "end", "2026-01-08T10:00:00+01:00")
	}
	stay(r, people, "in-progress")
	left := func(want ...int) {
		t.Helper()
		var got []int
		for n := range people + 2 {
			if _, err := r.store.Plan(t.Context(), key(n), 0); err == nil {
				got = append(got, n)
			} else if !errors.Is(err, queue.ErrNotFound) {
				t.Fatal(err)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("plans of %v are left, want %v", got, want)
		}
	}
	retain := func(keep time.Duration) {
		t.Helper()
		if err := r.g.Retain(t.Context(), gateway.Retention{Records: keep}); err != nil {
			t.Fatal(err)
		}
	}
	retain(time.Hour)
	if _, err := r.store.Plan(t.Context(), key(0), 0); err != nil {
		t.Fatalf("somebody went before the time: %v", err)
	}
	retain(time.Nanosecond)
	left(people)
	stay(r, people+1, "finished", "end", "2026-01-08T10:00:00+01:00")
	stay(r, people, "finished", "end", "2026-01-09T10:00:00+01:00")
	retain(time.Nanosecond)
	left()
	list, err := r.store.Audits(t.Context(), 0, queue.MaxPage)
	erased := 0
	for _, a := range list {
		if a.Action == "erase" {
			erased++
		}
	}
	if err != nil || erased != people+2 {
		t.Errorf("%d of %d have an entry in the audit, %v", erased, people+2, err)
	}
}

// busyEraser has something happen when an erasure is about to begin with its rows.
type busyEraser struct {
	queue.Store
	queue.Retainer
	before func(queue.Erasure)
}

func (b *busyEraser) Erase(ctx context.Context, e queue.Erasure) (queue.Erased, error) {
	b.before(e)
	return b.Store.(queue.Eraser).Erase(ctx, e)
}

func (b *busyEraser) Heard(ctx context.Context, e queue.Erasure) ([]string, error) {
	return b.Store.(queue.Eraser).Heard(ctx, e)
}

func (b *busyEraser) Wipe(ctx context.Context) error { return b.Store.(queue.Eraser).Wipe(ctx) }

func (b *busyEraser) WasErased(ctx context.Context, k string) (bool, error) {
	return b.Store.(queue.Eraser).WasErased(ctx, k)
}

// TestRetainHeard: somebody who comes again while the erasure of many has begun stays, with what came and what was there; the others go.
func TestRetainHeard(t *testing.T) {
	t.Parallel()
	busy := &busyEraser{}
	r := newRig(t, func(r *rig) {
		r.now = thatNight()
		r.wrap = func(s queue.Store) queue.Store {
			busy.Store, busy.Retainer = s, s.(queue.Retainer)
			return busy
		}
	})
	const people = 5
	for n := range people {
		stay(r, n, "finished", "end", "2026-01-08T10:00:00+01:00")
	}
	calls := 0
	busy.before = func(e queue.Erasure) {
		if len(e.Patients) == 0 {
			return // only the note of one that was given up
		}
		if calls++; calls == 1 {
			stay(r, 3, "in-progress")
		}
	}
	if err := r.g.Retain(t.Context(), gateway.Retention{Records: time.Nanosecond}); err != nil {
		t.Fatal(err)
	}
	for n := range people {
		p, err := r.g.Plan(t.Context(), key(n))
		switch {
		case err != nil:
			t.Fatal(err)
		case n != 3 && p != nil:
			t.Errorf("person %d is there still", n)
		case n == 3 && (p == nil || len(p.Sources) != 2):
			t.Errorf("the plan of the one who came again is %+v", p)
		}
	}
	left, err := r.store.Settings(t.Context(), "erasure/", "", queue.MaxPage)
	if err != nil || len(left) > 0 {
		t.Errorf("erasures are left to be gone on with: %v, %v", left, err)
	}
	if calls != 2 { // with all, and without the one who came again
		t.Errorf("%d erasures", calls)
	}
	list, err := r.store.Audits(t.Context(), 0, queue.MaxPage)
	said := map[string]int{}
	for _, a := range list {
		said[a.Action]++
	}
	if err != nil || said["erase"] != people+people-1 || said["erase-given-up"] != 1 {
		t.Errorf("the audit has %v, %v", said, err)
	}
}

// turns notes which steps of retention come one after the other.
type turns struct {
	busyEraser
	steps []string
}

// Wipe takes no time, for by the time that a wipe takes the next one is put off.
func (s *turns) Wipe(context.Context) error {
	s.steps = append(s.steps, "wipe")
	return nil
}

func (s *turns) DropPayloads(ctx context.Context, before time.Time, after int64, limit int) (int, int64, error) {
	if after == 0 {
		s.steps = append(s.steps, "payloads")
	}
	return s.Retainer.DropPayloads(ctx, before, after, limit)
}

// TestRetainInTurns: however many people are to go, room is made in between, and other bodies are dropped unless they would go with the next.
func TestRetainInTurns(t *testing.T) {
	t.Parallel()
	const each = "[4 wipe payloads 4 wipe payloads 2 wipe payloads]"
	for name, c := range map[string]struct {
		payloads, others time.Duration
		want             string
	}{
		"bodies go before people": {1, time.Hour, each},
		"with them":               {2, time.Hour, "[4 wipe 4 wipe 2 wipe payloads]"},
		"it takes too long":       {2, 1, each},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := &turns{}
			r := newRig(t, func(r *rig) {
				r.now = thatNight()
				r.wrap = func(s queue.Store) queue.Store {
					store.Store, store.Retainer = s, s.(queue.Retainer)
					return store
				}
			})
			store.before = func(e queue.Erasure) {
				if len(e.Patients) > 0 {
					store.steps = append(store.steps, fmt.Sprint(len(e.Patients)))
					time.Sleep(300 * time.Millisecond) // many times what a wipe takes, so that the next is due
				}
			}
			gateway.EraseAtOnce(r.g, 4)
			gateway.OthersWait(r.g, c.others)
			for n := range 10 {
				stay(r, n, "finished", "end", "2026-01-08T10:00:00+01:00")
			}
			if err := r.g.Retain(t.Context(), gateway.Retention{Records: 2, Payloads: c.payloads}); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(store.steps); got != c.want {
				t.Errorf("steps %s, want %s", got, c.want)
			}
		})
	}
}

// stopped makes a delivery about a person that the city refuses, and gives its id.
func (r *rig) stopped(n int) string {
	r.t.Helper()
	r.city.script(func(int, samvirke.Delivery) (connectors.Result, error) {
		return connectors.Result{}, &samvirke.Fault{Class: samvirke.Permanent, Code: "no", Safe: "no"}
	})
	d := samvirke.Delivery{ID: uuid.NewString(), Party: "city", Purpose: samvirke.PurposeForward, Patient: key(n), Lane: samvirke.LaneKey("city", key(n), samvirke.PurposeForward),
		State: samvirke.DeliveryQueued, Body: []byte("body"), Checksum: "c"}
	if _, err := r.store.Commit(r.t.Context(), &queue.Unit{Now: r.now(), Deliveries: []samvirke.Delivery{d}}); err != nil {
		r.t.Fatal(err)
	}
	r.until("stopped", func() bool {
		d, err := r.store.Delivery(r.t.Context(), d.ID)
		return err == nil && d.State == samvirke.DeliveryStopped
	})
	return d.ID
}

// TestRetainOpen: of whom something is open still stays, with it, and nothing of theirs is touched or said to be erased.
func TestRetainOpen(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(r *rig) { r.now = thatNight() })
	id := r.stopped(1)
	stay(r, 1, "finished", "end", "2026-01-08T10:00:00+01:00")
	stay(r, 2, "finished", "end", "2026-01-08T10:00:00+01:00")
	changed := map[int]bool{}
	retain := func() {
		t.Helper()
		if err := r.g.Retain(t.Context(), gateway.Retention{Records: time.Nanosecond}); err != nil {
			t.Fatal(err)
		}
		for n := 1; n <= 2; n++ {
			_, err := r.store.Plan(t.Context(), key(n), 0)
			changed[n] = errors.Is(err, queue.ErrNotFound)
		}
	}
	retain()
	d, err := r.store.Delivery(t.Context(), id)
	if err != nil || changed[1] || !changed[2] || d.State != samvirke.DeliveryStopped || string(d.Body) != "body" {
		t.Errorf("gone %v, delivery %s, %v", changed, d.State, err)
	}
	list, err := r.store.Audits(t.Context(), 0, queue.MaxPage)
	for _, a := range list {
		if a.Action == "erase" && a.Patient == key(1) {
			t.Errorf("the audit says %+v, %v", a, err)
		}
	}
	if err := r.g.GiveUp(t.Context(), "admin", id, "a test"); err != nil {
		t.Fatal(err)
	}
	r.restart() // all plans are looked at again
	if retain(); !changed[1] {
		t.Error("with nothing open the person stays")
	}
}

// TestResumeSilent: an erasure of silent people was noted, a message of one of them came, and the program was killed: it starts, also
// encrypted, and that person stays.
func TestResumeSilent(t *testing.T) {
	t.Parallel()
	for _, isSealed := range []bool{false, true} {
		var s queue.Store = memory.Open(memory.NewDisk(), memory.Options{})
		if isSealed {
			var err error
			if s, err = sealed.Open(t.Context(), s, sealed.MasterKey{ID: "k", Key: sha256.Sum256([]byte("k"))}); err != nil {
				t.Fatal(err)
			}
		}
		now := time.Now().UTC()
		note, err := json.Marshal(map[string]any{"Patients": []string{key(1), key(2)}, "Settings": []string{"erasure/x"}, "Silent": now.Add(-time.Hour), "Unwiped": true,
			"who": "retention", "reason": "r"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Commit(t.Context(), &queue.Unit{Now: now, Settings: map[string]string{"erasure/x": string(note)}}); err != nil {
			t.Fatal(err)
		}
		m := samvirke.Message{ID: "m", Party: "hospital", ReceivedAt: now, Status: samvirke.MessageReceived, Raw: []byte("x"), Checksum: "c", Patient: key(1)}
		if _, err := s.Commit(t.Context(), &queue.Unit{Now: now, Accept: &m}); err != nil {
			t.Fatal(err)
		}
		for start := range 3 {
			if err := (gateway.Forget{Store: s, Now: time.Now}).Resume(t.Context()); err != nil {
				t.Errorf("sealed %v, start %d: %v", isSealed, start, err)
			}
		}
		if v, err := s.Setting(t.Context(), "erasure/x"); err != nil || v == "" {
			t.Errorf("the start did not leave it to retention: %q, %v", v, err)
		}
	}
}

// TestRetainTraces: when all times are over nothing of somebody is left in the store but its totals and the audit.
func TestRetainTraces(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(r *rig) { r.now = thatNight() })
	var c canaries
	_, id, _ := course(r, 1, &c)
	for _, party := range []string{"hospital", "city"} {
		r.untilSent(party)
	}
	if _, err := r.g.Erase(t.Context(), key(1), "admin", "a test"); err != nil {
		t.Fatal(err)
	}
	if err := r.g.Retain(t.Context(), gateway.Retention{Traces: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.store.Message(t.Context(), id); err != nil {
		t.Fatalf("a trace went before its time: %v", err)
	}
	if err := r.g.Retain(t.Context(), gateway.Retention{Traces: time.Nanosecond}); err != nil {
		t.Fatal(err)
	}
	if list, err := r.store.Messages(t.Context(), queue.MessageFilter{}); err != nil || len(list) > 0 {
		t.Errorf("%d messages are left, %v", len(list), err)
	}
	if list, err := r.store.Deliveries(t.Context(), queue.DeliveryFilter{}); err != nil || len(list) > 0 {
		t.Errorf("%d deliveries are left, %v", len(list), err)
	}
}
