package gateway_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// heldPatient holds the processing of one message until gate is closed.
type heldPatient struct {
	queue.Store
	id   string
	gate chan struct{}
}

func (h *heldPatient) Commit(ctx context.Context, u *queue.Unit) (queue.Outcome, error) {
	if u.Message != nil && u.Message.ID == h.id {
		<-h.gate
	}
	return h.Store.Commit(ctx, u)
}

// TestFloodAboutOnePerson: however many messages about one person wait for each other, what another party sends about others
// is processed, whether it was stored before the gateway came to it or comes now.
func TestFloodAboutOnePerson(t *testing.T) {
	const flood = 700 // more than are handed to processing at a time
	r := newRig(t)
	r.g.Stop() // the gateway takes messages no more, the store still does
	accept := func(party string, person int, raw []byte) string {
		now := time.Now().UTC()
		m := samvirke.Message{ID: uuid.NewString(), Party: party, ReceivedAt: now, Raw: raw, ExternalID: uuid.NewString(), Patient: key(person)}
		if _, err := r.store.Commit(t.Context(), &queue.Unit{Now: now, Accept: &m}); err != nil {
			t.Fatal(err)
		}
		return m.ID
	}
	h := &heldPatient{gate: make(chan struct{})}
	var ids []string
	for i := range flood {
		ids = append(ids, accept("city", 1, fmt.Appendf(nil, "message %d about one person", i)))
	}
	h.id = ids[0]
	stored := accept("hospital", 2, simulate.Admission{ID: uuid.NewString(), Person: 2}.XML())
	r.wrap = func(s queue.Store) queue.Store { h.Store = s; return h }
	release := sync.OnceFunc(func() { close(h.gate) })
	t.Cleanup(release) // before the gateway is stopped, which waits for what it processes
	r.restart()
	r.untilStatus(stored, samvirke.MessageProcessed)
	next, _ := r.admitPerson(2)
	r.untilStatus(next, samvirke.MessageProcessed)
	for _, id := range ids {
		if s := r.message(id).Status; s != samvirke.MessageReceived {
			t.Fatalf("a message of the flood is %s behind one that is held", s)
		}
	}
	release()
	r.until("the flood is over", func() bool {
		return r.message(ids[flood-1]).Status != samvirke.MessageReceived
	})
	for _, id := range ids {
		if s := r.message(id).Status; s == samvirke.MessageReceived {
			t.Fatalf("message %s of the flood was passed", id)
		}
	}
}
