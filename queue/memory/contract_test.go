package memory_test

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/memory"
)

// at is when everything in these tests happens.
var at = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func commit(t *testing.T, s *memory.Store, u queue.Unit) queue.Outcome {
	t.Helper()
	u.Now = at
	out, err := s.Commit(t.Context(), &u)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func open(t *testing.T) (*memory.Disk, *memory.Store) {
	d := memory.NewDisk()
	s := memory.Open(d, memory.Options{})
	t.Cleanup(func() { s.Close() })
	return d, s
}

// queued makes a message with one delivery to gp about a patient.
func queued(id, patient string) queue.Unit {
	return queue.Unit{Accept: &samvirke.Message{ID: "m-" + id, Party: "hospital", ExternalID: "in-" + id, Patient: patient, Raw: []byte("raw " + patient)},
		Deliveries: []samvirke.Delivery{{ID: id, MessageID: "m-" + id, Party: "gp", Patient: patient, ExternalID: "out-" + id,
			State: samvirke.DeliveryQueued, Body: []byte("body " + patient)}}}
}

// TestFind: a text is found in every table, and its place has a name that says where to look.
func TestFind(t *testing.T) {
	const who = "urn:test|WHO"
	d, s := open(t)
	u := queued("d", who)
	u.Message = &queue.MessageStep{ID: "m-d", To: samvirke.MessageProcessed, Notes: []byte("WHO")}
	u.Records = []queue.Record{{Key: "k", Hash: "h", Patient: "other", Body: []byte("WHO")}}
	u.Plan = &queue.PlanStep{Patient: "other", Body: []byte("WHO")}
	u.Dues = []queue.DueStep{{Op: queue.DueSet, Patient: "other", ID: "due", At: at, Body: []byte("WHO")}}
	u.Receipts = []samvirke.Receipt{{ID: "r", ReceiptContent: samvirke.ReceiptContent{Errors: []samvirke.ReceiptError{{Detail: "WHO"}}}}}
	u.Settings = map[string]string{"name": "WHO", "WHO": "value"}
	u.Counters = []queue.CounterStep{{Name: "WHO"}}
	u.Events = []samvirke.Event{{Patient: who, Name: samvirke.EventReceived}}
	u.Audit = []samvirke.Audit{{Who: "w", Patient: who}}
	commit(t, s, u)
	want := []string{"audit/0/patient", "counter/WHO", "delivery/d/body", "delivery/d/lane", "delivery/d/patient", "due/other/due/body",
		"event/0/patient", "message/m-d/notes", "message/m-d/patient", "message/m-d/raw", "plan/other/0/body", "receipt/r/errors/0/detail",
		"record/other/0/body", "setting/WHO", "setting/name"}
	if got := d.Find("WHO"); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if got := d.Find("nobody"); len(got) > 0 {
		t.Errorf("nobody is found in %v", got)
	}
	if got := d.Find("in-d"); !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "named/") }) {
		t.Errorf("the index is not searched: %v", got)
	}
}

// TestOpenTakesOver: a disk that is open is opened again, as after a crash. What was committed is there, who waits is told.
func TestOpenTakesOver(t *testing.T) {
	d, old := open(t)
	commit(t, old, queued("d", "p"))
	if got, err := old.Lease(t.Context(), "gp", 1, time.Hour); err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	waits := make(chan error, 1)
	go func() {
		_, err := old.Lease(t.Context(), "gp", 1, time.Hour)
		waits <- err
	}()
	s := memory.Open(d, memory.Options{})
	defer s.Close()
	if err := <-waits; !errors.Is(err, queue.ErrClosed) {
		t.Errorf("who waited is told %v", err)
	}
	if _, err := old.Commit(t.Context(), &queue.Unit{Now: at}); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("commit to the old store: %v", err)
	}
	if err := old.Close(); err != nil {
		t.Error(err)
	}
	if got, err := s.Lease(t.Context(), "gp", 1, time.Hour); err != nil || len(got) != 1 || string(got[0].Body) != "body p" {
		t.Errorf("leased %+v, %v", got, err)
	}
}

// TestOwnClock: with a clock of its own a store waits for that, and a lease ends by it.
func TestOwnClock(t *testing.T) {
	var clock atomic.Int64
	s := memory.Open(memory.NewDisk(), memory.Options{Now: func() time.Time { return at.Add(time.Duration(clock.Load())) }})
	defer s.Close()
	u := queued("d", "p")
	u.Deliveries[0].DueAt = at.Add(time.Hour)
	commit(t, s, u)
	for i, moved := range []time.Duration{time.Hour, 3 * time.Hour} { // it is due; the lease is over
		type answer struct {
			got []queue.Leased
			err error
		}
		answers := make(chan answer, 1)
		go func() {
			got, err := s.Lease(t.Context(), "gp", 1, 2*time.Hour)
			answers <- answer{got, err}
		}()
		clock.Store(int64(moved - 1))
		s.Wake()
		if st, err := s.Stats(t.Context()); err != nil || st.Deliveries["gp"][samvirke.DeliverySending] != int64(i) {
			t.Errorf("too early: %+v, %v", st, err)
		}
		clock.Store(int64(moved))
		s.Wake()
		if a := <-answers; a.err != nil || len(a.got) != 1 || a.got[0].Token != int64(i+1) {
			t.Fatalf("leased %+v, %v", a.got, a.err)
		}
	}
}

// TestDueSetDoesNotFireTwice: written again for the same time in the unit that fires it, a due has fired still.
func TestDueSetDoesNotFireTwice(t *testing.T) {
	_, s := open(t)
	set := queue.DueStep{Op: queue.DueSet, Patient: "p", ID: "d", At: at}
	fire := queue.DueStep{Op: queue.DueFire, Patient: "p", ID: "d", At: at}
	commit(t, s, queue.Unit{Dues: []queue.DueStep{set, fire}})
	if _, err := s.Commit(t.Context(), &queue.Unit{Now: at, Dues: []queue.DueStep{set, fire}}); !errors.Is(err, queue.ErrState) {
		t.Errorf("fired again: %v", err)
	}
	drop := queue.DueStep{Op: queue.DueDrop, Patient: "p", ID: "d"}
	commit(t, s, queue.Unit{Dues: []queue.DueStep{drop, set, fire}})
}

// TestClosedQuarantineComesAgain: what a person ended in quarantine is no news when it comes again.
func TestClosedQuarantineComesAgain(t *testing.T) {
	_, s := open(t)
	send := func(id, raw string) queue.Outcome {
		return commit(t, s, queue.Unit{Accept: &samvirke.Message{ID: id, Party: "hospital", ExternalID: "e", Raw: []byte(raw)}})
	}
	send("a", "one")
	if out := send("b", "other"); !out.Reused || out.Existing.ID != "a" {
		t.Fatalf("outcome %+v", out)
	}
	commit(t, s, queue.Unit{Message: &queue.MessageStep{ID: "b", To: samvirke.MessageClosed}})
	if out := send("c", "other"); !out.Duplicate || out.Existing.ID != "b" {
		t.Errorf("outcome %+v", out)
	}
}

// TestEraseUnderOthersMessage: what is about a person goes also where the message is about somebody else, and that one's stays.
func TestEraseUnderOthersMessage(t *testing.T) {
	d, s := open(t)
	u := queued("a", "urn:test|kept")
	u.Message = &queue.MessageStep{ID: "m-a", To: samvirke.MessageProcessed}
	u.Deliveries = append(u.Deliveries, samvirke.Delivery{ID: "b", MessageID: "m-a", Party: "gp", Patient: "urn:test|GONE", ExternalID: "GONE-id",
		State: samvirke.DeliveryQueued, Body: []byte("GONE")})
	u.Steps = []queue.DeliveryStep{{ID: "b", To: samvirke.DeliveryStopped, HoldLane: true, Fault: "f", FaultText: "GONE",
		Attempt: &samvirke.Attempt{Fault: "f", FaultText: "GONE"}}}
	u.Receipts = []samvirke.Receipt{{ID: "r", MessageID: "m-a", DeliveryID: "b", Party: "gp", ExternalID: "GONE", ReceiptContent: samvirke.ReceiptContent{
		OriginalID: "GONE-id", Errors: []samvirke.ReceiptError{{Code: "E10", Detail: "GONE"}}}}}
	commit(t, s, u)
	out, err := s.Erase(t.Context(), queue.Erasure{Patients: []string{"urn:test|GONE"}})
	if err != nil || out.Deliveries != 1 || out.Messages != 0 {
		t.Errorf("erased %+v, %v", out, err)
	}
	if left := d.Find("GONE"); len(left) > 0 {
		t.Errorf("left in %v", left)
	}
	if m, err := s.Message(t.Context(), "m-a"); err != nil || string(m.Raw) != "raw urn:test|kept" {
		t.Errorf("the other message: %+v, %v", m, err)
	}
	x, err := s.FindDelivery(t.Context(), "gp", "GONE-id")
	if err != nil || x.ID != "b" || x.State != samvirke.DeliveryStopped || x.Fault != "f" {
		t.Errorf("found %+v, %v", x, err)
	}
	if got, err := s.Lease(t.Context(), "gp", 5, time.Hour); err != nil || len(got) != 1 || got[0].ID != "a" {
		t.Errorf("leased %+v, %v", got, err)
	}
}

// TestResentWithoutBody: a body that was dropped is a fault where it should be sent.
func TestResentWithoutBody(t *testing.T) {
	_, s := open(t)
	u := queued("d", "p")
	u.Deliveries[0].Original = true
	u.Message = &queue.MessageStep{ID: "m-d", To: samvirke.MessageProcessed}
	u.Steps = []queue.DeliveryStep{{ID: "d", To: samvirke.DeliveryAcknowledged}}
	commit(t, s, u)
	if n, next, err := s.DropPayloads(t.Context(), at.Add(time.Hour), 0, 10); n != 1 || next != 1 || err != nil {
		t.Fatal(n, next, err)
	}
	commit(t, s, queue.Unit{Steps: []queue.DeliveryStep{{ID: "d", To: samvirke.DeliveryQueued}}})
	if got, err := s.Lease(t.Context(), "gp", 1, time.Hour); err != nil || len(got) != 1 || !errors.Is(got[0].Err, queue.ErrDamaged) {
		t.Errorf("leased %+v, %v", got, err)
	}
}
