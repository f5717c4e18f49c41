package gateway_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// TestDeliveryWithoutBodyStops: a stored body that is lost stops its delivery for a person instead of being tried for
// ever, and what is about other patients goes on.
func TestDeliveryWithoutBodyStops(t *testing.T) {
	r := newRig(t)
	var down atomic.Bool
	down.Store(true)
	r.city.script(func(int, samvirke.Delivery) (connectors.Result, error) {
		if down.Load() {
			return connectors.Result{}, &samvirke.Fault{Class: samvirke.Transient, Code: "unreachable", Safe: "no connection"}
		}
		return connectors.Result{Answer: "HTTP 202"}, nil
	})
	lost, _ := r.admit(simulate.Admission{Person: 1, Remark: strings.Repeat("langt notat ", 60_000)})
	kept, _ := r.admit(simulate.Admission{Person: 2})
	r.until("first try", func() bool {
		ds := r.deliveries(lost, samvirke.PurposeForward)
		return len(ds) == 1 && ds[0].Attempts > 0
	})
	n := 0
	err := filepath.WalkDir(r.dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && len(e.Name()) == 64 {
			n++
			return os.Remove(path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil || n == 0 {
		t.Fatalf("%d bodies taken away, %v", n, err)
	}
	// Still down: an attempt that was on its way with the body fails too, and the next one has none.
	d := r.untilState(lost, samvirke.DeliveryStopped)
	if d.Fault != "body-unreadable" || d.FaultText == "" {
		t.Errorf("fault is %q: %s", d.Fault, d.FaultText)
	}
	down.Store(false)
	r.untilState(kept, samvirke.DeliverySent)
	// Its receiver has not got it: the sender can still be told by a person.
	if err := r.g.GiveUp(t.Context(), "ola", d.ID, "asked the hospital for the message"); err != nil {
		t.Error(err)
	}
}

// TestReceivedWithoutBodyIsSetAside: a message that nobody can process any more, because its bytes are lost, waits for a person
// and does not hold up what comes after it about its patient.
func TestReceivedWithoutBodyIsSetAside(t *testing.T) {
	r := newRig(t)
	r.g.Stop() // the gateway takes messages no more, the store still does
	now := time.Now().UTC()
	body := simulate.Admission{ID: uuid.NewString(), Person: 1, Remark: strings.Repeat("langt notat ", 60_000)}.XML()
	m := samvirke.Message{ID: uuid.NewString(), Party: "hospital", ReceivedAt: now, Raw: body, ExternalID: "lost", Patient: key(1)}
	if _, err := r.store.Commit(t.Context(), &queue.Unit{Now: now, Accept: &m}); err != nil {
		t.Fatal(err)
	}
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
	n := 0
	err := filepath.WalkDir(r.dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && len(e.Name()) == 64 {
			n++
			return os.Remove(path)
		}
		return err
	})
	if err != nil || n != 1 {
		t.Fatalf("%d bodies taken away, %v", n, err)
	}
	r.open()
	next, _ := r.admit(simulate.Admission{Person: 1})
	r.until("set aside", func() bool {
		list, err := r.store.Messages(t.Context(), queue.MessageFilter{Status: []samvirke.MessageStatus{samvirke.MessageAttention}})
		return err == nil && len(list) == 1 && list[0].ID == m.ID && list[0].Fault == "body-unreadable" && list[0].FaultText != ""
	})
	r.untilStatus(next, samvirke.MessageProcessed)
	r.untilState(next, samvirke.DeliverySent)
}
