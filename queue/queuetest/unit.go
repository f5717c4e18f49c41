package queuetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// wholeUnit touches every table; each of spoil makes it fail in another place.
func wholeUnit(v *env) queue.Unit {
	return queue.Unit{Now: v.tick(), Accept: message("new"),
		Message:    &queue.MessageStep{ID: "old", To: samvirke.MessageProcessed, Envelope: []byte("{}"), Notes: []byte("[]")},
		Records:    []queue.Record{{Key: "k", Hash: "h", Patient: "p", MessageID: "old", Body: []byte("r")}},
		Plan:       &queue.PlanStep{Patient: "p", MessageID: "old", Body: []byte("plan")},
		Deliveries: []samvirke.Delivery{delivery("d-new", "new", "gp", "p")},
		Steps:      []queue.DeliveryStep{{ID: "d-old", To: samvirke.DeliverySent}},
		Receipts:   []samvirke.Receipt{{ID: "r", MessageID: "new", Party: "hospital"}},
		Counters:   []queue.CounterStep{{Name: "c"}},
		Settings:   map[string]string{"s": "1"},
		Events:     []samvirke.Event{{MessageID: "new", Name: samvirke.EventReceived}},
		Audit:      []samvirke.Audit{{Who: "w", Action: "a", Object: "o"}}}
}

func testUnitIsWhole(t *testing.T, v *env) {
	v.accept("old")
	v.commit(queue.Unit{Deliveries: []samvirke.Delivery{delivery("d-old", "old", "gp", "q")}})
	for _, c := range []struct {
		name  string
		want  error
		spoil func(*queue.Unit)
	}{
		{"message not there", queue.ErrNotFound, func(u *queue.Unit) { u.Message.ID = "nobody" }},
		{"message status", queue.ErrState, func(u *queue.Unit) { u.Message.From = []samvirke.MessageStatus{samvirke.MessageClosed} }},
		{"plan version", queue.ErrPlanVersion, func(u *queue.Unit) { u.Plan.Expect = 1 }},
		{"delivery's message", queue.ErrNotFound, func(u *queue.Unit) { u.Deliveries[0].MessageID = "nobody" }},
		{"new delivery not queued", queue.ErrState, func(u *queue.Unit) { u.Deliveries[0].State = samvirke.DeliverySent }},
		{"delivery id taken", queue.ErrExists, func(u *queue.Unit) { u.Deliveries[0].ID = "d-old"; u.Steps = nil }},
		{"message id taken", queue.ErrExists, func(u *queue.Unit) {
			u.Accept.ID, u.Receipts, u.Events, u.Deliveries = "old", nil, nil, nil
		}},
		{"step not there", queue.ErrNotFound, func(u *queue.Unit) { u.Steps[0].ID = "nobody" }},
		{"step fenced", queue.ErrFenced, func(u *queue.Unit) { u.Steps[0].Token = 17 }},
		{"step state", queue.ErrState, func(u *queue.Unit) { u.Steps[0].From = []samvirke.DeliveryState{samvirke.DeliverySent} }},
		{"step to sending", queue.ErrState, func(u *queue.Unit) { u.Steps[0].To = samvirke.DeliverySending }},
		{"receipt's message", queue.ErrNotFound, func(u *queue.Unit) { u.Receipts[0].MessageID = "nobody" }},
		{"receipt's delivery", queue.ErrNotFound, func(u *queue.Unit) { u.Receipts[0].DeliveryID = "nobody" }},
		{"counter", queue.ErrCounter, func(u *queue.Unit) { u.Counters[0].Expect = 3 }},
		{"event's message", queue.ErrNotFound, func(u *queue.Unit) { u.Events[0].MessageID = "nobody" }},
		{"event's delivery", queue.ErrNotFound, func(u *queue.Unit) { u.Events[0].DeliveryID = "nobody" }},
	} {
		u := wholeUnit(v)
		c.spoil(&u)
		if _, err := v.s.Commit(v.ctx(), &u); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", c.name, err, c.want)
		}
		v.nothingOf(c.name)
	}
	// And the unspoiled one takes effect as a whole, even after all those.
	v.commit(wholeUnit(v))
	v.allOf("committed")
	v.restart()
	v.allOf("after a restart")
}

// nothingOf fails when anything of wholeUnit is stored.
func (v *env) nothingOf(name string) {
	v.t.Helper()
	ctx := v.ctx()
	_, err1 := v.s.Message(ctx, "new")
	_, err2 := v.s.Delivery(ctx, "d-new")
	_, err3 := v.s.Plan(ctx, "p", 0)
	for i, err := range []error{err1, err2, err3} {
		if !errors.Is(err, queue.ErrNotFound) {
			v.t.Errorf("%s: part %d is there (%v)", name, i, err)
		}
	}
	m := get[queue.MessageDetail](v)(v.s.Message(ctx, "old"))
	d := get[samvirke.Delivery](v)(v.s.Delivery(ctx, "d-old"))
	st := get[queue.Stats](v)(v.s.Stats(ctx))
	if m.Status != samvirke.MessageReceived || m.Envelope != nil || d.State != samvirke.DeliveryQueued || st.Accepted != 1 ||
		st.Messages[samvirke.MessageReceived] != 1 || st.Deliveries["gp"][samvirke.DeliveryQueued] != 1 {
		v.t.Errorf("%s: something has changed: %+v, %+v, %+v", name, m, d, st)
	}
	n := len(get[[]queue.Record](v)(v.s.Records(ctx, "p"))) + len(get[[]samvirke.Receipt](v)(v.s.Receipts(ctx, queue.ReceiptFilter{}))) +
		len(get[[]samvirke.Event](v)(v.s.Events(ctx, queue.EventFilter{}))) + len(get[[]samvirke.Audit](v)(v.s.Audits(ctx, 0, 0))) +
		len(get[string](v)(v.s.Setting(ctx, "s"))) + int(get[int64](v)(v.s.Counter(ctx, "c")))
	if n != 0 {
		v.t.Errorf("%s: %d rows of a failed unit are there", name, n)
	}
}

// allOf fails when anything of wholeUnit is missing.
func (v *env) allOf(name string) {
	v.t.Helper()
	ctx := v.ctx()
	m := get[queue.MessageDetail](v)(v.s.Message(ctx, "old"))
	if m.Status != samvirke.MessageProcessed || string(m.Envelope) != "{}" || string(m.Notes) != "[]" {
		v.t.Errorf("%s: message %+v", name, m)
	}
	get[queue.MessageDetail](v)(v.s.Message(ctx, "new"))
	v.state("d-new", samvirke.DeliveryQueued)
	v.state("d-old", samvirke.DeliverySent)
	if p := get[queue.PlanVersion](v)(v.s.Plan(ctx, "p", 0)); p.Version != 1 || string(p.Body) != "plan" {
		v.t.Errorf("%s: plan %+v", name, p)
	}
	for what, n := range map[string]int{
		"records":  len(get[[]queue.Record](v)(v.s.Records(ctx, "p"))),
		"receipts": len(get[[]samvirke.Receipt](v)(v.s.Receipts(ctx, queue.ReceiptFilter{}))),
		"events":   len(get[[]samvirke.Event](v)(v.s.Events(ctx, queue.EventFilter{}))),
		"audits":   len(get[[]samvirke.Audit](v)(v.s.Audits(ctx, 0, 0))),
		"setting":  len(get[string](v)(v.s.Setting(ctx, "s"))),
		"counter":  int(get[int64](v)(v.s.Counter(ctx, "c"))),
	} {
		if n != 1 {
			v.t.Errorf("%s: %s is %d, want 1", name, what, n)
		}
	}
}

func testBadUnits(t *testing.T, v *env) {
	for name, u := range map[string]*queue.Unit{
		"nil":                  nil,
		"no time":              {Accept: message("a")},
		"message without id":   {Now: v.now, Accept: &samvirke.Message{Party: "p"}},
		"message without who":  {Now: v.now, Accept: &samvirke.Message{ID: "a"}},
		"step without id":      {Now: v.now, Message: &queue.MessageStep{}},
		"delivery without id":  {Now: v.now, Deliveries: []samvirke.Delivery{{Party: "p", State: samvirke.DeliveryQueued}}},
		"delivery without who": {Now: v.now, Deliveries: []samvirke.Delivery{{ID: "d", State: samvirke.DeliveryQueued}}},
	} {
		if _, err := v.s.Commit(v.ctx(), u); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := v.s.Err(); err != nil {
		t.Fatalf("bad units broke the store: %v", err)
	}
	v.accept("a")
}

func testMessageStep(t *testing.T, v *env) {
	m := message("a")
	m.Kind, m.Patient, m.Format, m.Version = "", "", "", ""
	v.commit(queue.Unit{Accept: m})
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	v.commit(queue.Unit{Message: &queue.MessageStep{ID: "a", From: []samvirke.MessageStatus{samvirke.MessageReceived},
		To: samvirke.MessageAttention, Format: "kith", Kind: "K", Version: "1.5", ExternalID: "e", Patient: "p", GeneratedAt: at,
		Fault: "f", FaultText: "text", Envelope: []byte("env"), Notes: []byte("notes")}})
	got := get[queue.MessageDetail](v)(v.s.Message(v.ctx(), "a"))
	if got.Format != "kith" || got.Kind != "K" || got.Version != "1.5" || got.ExternalID != "e" || got.Patient != "p" ||
		!got.GeneratedAt.Equal(at) || got.Fault != "f" || got.FaultText != "text" || string(got.Envelope) != "env" ||
		string(got.Notes) != "notes" || got.Status != samvirke.MessageAttention || string(got.Raw) != string(m.Raw) {
		t.Fatalf("got %+v", got)
	}
	// What is empty stays, except the fault.
	v.commit(queue.Unit{Message: &queue.MessageStep{ID: "a", To: samvirke.MessageClosed}})
	next := get[queue.MessageDetail](v)(v.s.Message(v.ctx(), "a"))
	want := got
	want.Status, want.Fault, want.FaultText = samvirke.MessageClosed, "", ""
	if !reflect.DeepEqual(next, want) {
		t.Fatalf("got  %+v\nwant %+v", next, want)
	}
	v.commit(queue.Unit{Message: &queue.MessageStep{ID: "a", To: samvirke.MessageClosed, Notes: []byte("other")}})
	if next = get[queue.MessageDetail](v)(v.s.Message(v.ctx(), "a")); string(next.Envelope) != "env" || string(next.Notes) != "other" {
		t.Fatalf("envelope %s, notes %s", next.Envelope, next.Notes)
	}
	// A message found by its new patient, and a repetition by its new id.
	if l := get[[]samvirke.Message](v)(v.s.Messages(v.ctx(), queue.MessageFilter{Patient: "p"})); len(l) != 1 {
		t.Fatalf("found %v by patient", l)
	}
	// Accept and step in one unit.
	v.commit(queue.Unit{Accept: message("b"), Message: &queue.MessageStep{ID: "b", To: samvirke.MessageRefused, Fault: "x"}})
	if next = get[queue.MessageDetail](v)(v.s.Message(v.ctx(), "b")); next.Status != samvirke.MessageRefused || next.Fault != "x" {
		t.Fatalf("got %+v", next)
	}
}

func testPlanVersions(t *testing.T, v *env) {
	for i := range 3 {
		v.commit(queue.Unit{Plan: &queue.PlanStep{Patient: "p", Expect: int64(i), MessageID: fmt.Sprint("m", i), Body: fmt.Append(nil, "plan", i+1)}})
	}
	v.refuse(queue.ErrPlanVersion, queue.Unit{Plan: &queue.PlanStep{Patient: "p", Expect: 2}})
	v.refuse(queue.ErrPlanVersion, queue.Unit{Plan: &queue.PlanStep{Patient: "p", Expect: 4}})
	v.refuse(queue.ErrPlanVersion, queue.Unit{Plan: &queue.PlanStep{Patient: "q", Expect: 1}})
	v.commit(queue.Unit{Plan: &queue.PlanStep{Patient: "q", Body: []byte("q1")}})
	for version, want := range map[int64]string{0: "plan3", 1: "plan1", 2: "plan2", 3: "plan3"} {
		p := get[queue.PlanVersion](v)(v.s.Plan(v.ctx(), "p", version))
		if string(p.Body) != want || p.Patient != "p" || p.At.IsZero() || p.MessageID != fmt.Sprint("m", p.Version-1) {
			t.Errorf("version %d is %+v", version, p)
		}
	}
	list := get[[]queue.PlanVersion](v)(v.s.PlanVersions(v.ctx(), "p"))
	if len(list) != 3 || list[0].Version != 3 || list[2].Version != 1 || list[0].Body != nil {
		t.Errorf("versions %+v, want newest first without bodies", list)
	}
	patients := get[[]queue.PlanVersion](v)(v.s.Patients(v.ctx(), 10))
	if len(patients) != 2 || patients[0].Patient != "q" || patients[1].Patient != "p" || patients[1].Version != 3 || patients[1].Body != nil {
		t.Errorf("patients %+v", patients)
	}
	if patients = get[[]queue.PlanVersion](v)(v.s.Patients(v.ctx(), 1)); len(patients) != 1 {
		t.Errorf("limit 1 gives %d", len(patients))
	}
}

// testPlanRace lets many compute from the same version: each version is written once, nothing is lost.
func testPlanRace(t *testing.T, v *env) {
	const workers, each = 8, 5
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := 0; i < each; {
				p, err := v.s.Plan(v.ctx(), "p", 0)
				if err != nil && !errors.Is(err, queue.ErrNotFound) {
					t.Error(err)
					return
				}
				_, err = v.s.Commit(v.ctx(), &queue.Unit{Now: time.Now(), Plan: &queue.PlanStep{Patient: "p", Expect: p.Version,
					Body: fmt.Appendf(p.Body, "%d.%d ", w, i)}})
				switch {
				case err == nil:
					i++
				case !errors.Is(err, queue.ErrPlanVersion):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	p := get[queue.PlanVersion](v)(v.s.Plan(v.ctx(), "p", 0))
	if p.Version != workers*each || len(p.Body) != workers*each*4 {
		t.Fatalf("version %d with %d bytes, want %d with %d", p.Version, len(p.Body), workers*each, workers*each*4)
	}
}

func testRecords(t *testing.T, v *env) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 8000, time.UTC)
	a := queue.Record{Key: "s|1", Hash: "h1", Patient: "p", MessageID: "m1", ReceivedAt: at, Body: []byte("one")}
	b := a
	b.Hash, b.Body = "h2", []byte("two")
	c := queue.Record{Key: "s|2", Hash: "h1", Patient: "q", MessageID: "m1", ReceivedAt: at, Body: []byte{}}
	v.commit(queue.Unit{Records: []queue.Record{a, b}})
	v.commit(queue.Unit{Records: []queue.Record{b, a, c}})
	if got := get[[]queue.Record](v)(v.s.Records(v.ctx(), "p")); !reflect.DeepEqual(got, []queue.Record{a, b}) {
		t.Fatalf("got %+v", got)
	}
	if got := get[[]queue.Record](v)(v.s.Records(v.ctx(), "q")); !reflect.DeepEqual(got, []queue.Record{c}) {
		t.Fatalf("got %+v", got)
	}
	if got := get[[]queue.Record](v)(v.s.Records(v.ctx(), "nobody")); len(got) != 0 {
		t.Fatalf("got %+v", got)
	}
}

func testCounters(t *testing.T, v *env) {
	v.commit(queue.Unit{Counters: []queue.CounterStep{{Name: "a"}, {Name: "b"}, {Name: "a", Expect: 1}}})
	v.refuse(queue.ErrCounter, queue.Unit{Counters: []queue.CounterStep{{Name: "a"}}})
	v.refuse(queue.ErrCounter, queue.Unit{Counters: []queue.CounterStep{{Name: "b", Expect: 1}, {Name: "a", Expect: 3}}})
	for name, want := range map[string]int64{"a": 2, "b": 1, "c": 0} {
		if n := get[int64](v)(v.s.Counter(v.ctx(), name)); n != want {
			t.Errorf("counter %s is %d, want %d", name, n, want)
		}
	}
	// Racing for numbers: each is given once.
	var mu sync.Mutex
	won := map[int64]int{}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for n := int64(0); n < 10; n++ {
				_, err := v.s.Commit(v.ctx(), &queue.Unit{Now: v.now, Counters: []queue.CounterStep{{Name: "race", Expect: n}}})
				if err == nil {
					mu.Lock()
					won[n]++
					mu.Unlock()
				} else if !errors.Is(err, queue.ErrCounter) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for n, k := range won {
		if k != 1 {
			t.Errorf("number %d was given %d times", n, k)
		}
	}
}

func testSettings(t *testing.T, v *env) {
	v.commit(queue.Unit{Settings: map[string]string{"a": "1", "b": "2"}})
	v.commit(queue.Unit{Settings: map[string]string{"a": "3"}})
	v.restart()
	for name, want := range map[string]string{"a": "3", "b": "2", "c": ""} {
		if s := get[string](v)(v.s.Setting(v.ctx(), name)); s != want {
			t.Errorf("setting %s is %q, want %q", name, s, want)
		}
	}
}

func testTakenID(t *testing.T, v *env) {
	v.accept("a")
	m := message("a")
	m.ExternalID = "another"
	v.refuse(queue.ErrExists, queue.Unit{Accept: m})
	v.commit(queue.Unit{Deliveries: []samvirke.Delivery{delivery("d", "a", "gp", "p")}})
	v.refuse(queue.ErrExists, queue.Unit{Deliveries: []samvirke.Delivery{delivery("d", "a", "gp", "p")}})
	v.refuse(queue.ErrExists, queue.Unit{Deliveries: []samvirke.Delivery{delivery("e", "a", "gp", "p"), delivery("e", "a", "gp", "p")}})
	v.accept("b")
	if err := v.s.Err(); err != nil {
		t.Fatal(err)
	}
}

// testGroupIsolation mixes good and bad units at high concurrency: each bad one fails with its own
// error, each good one is there, and none takes another down.
func testGroupIsolation(t *testing.T, v *env) {
	v.enqueue("gp", "p", "taken")
	var wg sync.WaitGroup
	const n = 120
	for i := range n {
		wg.Go(func() {
			id := fmt.Sprint("g", i)
			u := queue.Unit{Now: v.now, Accept: message(id), Events: []samvirke.Event{{MessageID: id, Name: samvirke.EventReceived}}}
			var want error
			switch i % 6 {
			case 1:
				u.Plan, want = &queue.PlanStep{Patient: id, Expect: 9}, queue.ErrPlanVersion
			case 2:
				u.Deliveries, want = []samvirke.Delivery{delivery("taken", id, "gp", id)}, queue.ErrExists
			case 3:
				u.Steps, want = []queue.DeliveryStep{{ID: "taken", Token: 5, To: samvirke.DeliverySent}}, queue.ErrFenced
			case 4:
				u.Deliveries = []samvirke.Delivery{delivery("d"+id, id, "gp", id)}
			}
			if _, err := v.s.Commit(v.ctx(), &u); !errors.Is(err, want) {
				t.Errorf("unit %d: error %v, want %v", i, err, want)
			}
		})
	}
	wg.Wait()
	for i := range n {
		id := fmt.Sprint("g", i)
		_, err := v.s.Message(v.ctx(), id)
		if bad := i%6 >= 1 && i%6 <= 3; bad != errors.Is(err, queue.ErrNotFound) {
			t.Errorf("message %s: %v", id, err)
		}
	}
	st := get[queue.Stats](v)(v.s.Stats(v.ctx()))
	if st.Accepted != 1+n/2 || st.Deliveries["gp"][samvirke.DeliveryQueued] != 1+n/6 {
		t.Errorf("stats %+v", st)
	}
}

func testCommitContext(t *testing.T, v *env) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := v.s.Commit(ctx, &queue.Unit{Now: v.now, Accept: message("a")}); !errors.Is(err, context.Canceled) {
		t.Fatalf("commit with an ended context: %v", err)
	}
	v.absent("a")
	// Contexts that end at any moment: the answer is always the truth.
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			id := fmt.Sprint("c", i)
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*50*time.Microsecond)
			defer cancel()
			_, err := v.s.Commit(ctx, &queue.Unit{Now: v.now, Accept: message(id)})
			_, there := v.s.Message(context.Background(), id)
			if (err == nil) != (there == nil) {
				t.Errorf("%s: commit says %v, the store %v", id, err, there)
			}
		})
	}
	wg.Wait()
}
