package gateway_test

import (
	"context"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// outcomes is a store that holds back what came of sending until the gate opens.
type outcomes struct {
	queue.Store
	gate chan struct{}
}

func (o *outcomes) Commit(ctx context.Context, u *queue.Unit) (queue.Outcome, error) {
	if len(u.Steps) > 0 && u.Steps[0].Attempt != nil {
		<-o.gate
	}
	return o.Store.Commit(ctx, u)
}

// TestWireIsFreeWhileTheOutcomeIsStored: with 16 deliveries on the wire at a time a store that takes long holds back none of the
// next 64, and all that come after those.
func TestWireIsFreeWhileTheOutcomeIsStored(t *testing.T) {
	const slots, stored, persons = 16, 64, 100
	o := &outcomes{gate: make(chan struct{})}
	r := newRig(t, func(r *rig) {
		r.wrap = func(s queue.Store) queue.Store { o.Store = s; return o }
	})
	var ids []string
	for n := 1; n <= persons; n++ {
		id, _ := r.admitPerson(n)
		ids = append(ids, id)
	}
	r.until("as many are sent as there are slots and places to store", func() bool { return len(r.city.sent()) >= slots+stored })
	time.Sleep(50 * time.Millisecond) // whoever would go on has time for it
	if n := len(r.city.sent()); n != slots+stored {
		t.Errorf("%d deliveries were sent while no outcome was stored, want %d", n, slots+stored)
	}
	close(o.gate)
	for _, id := range ids {
		r.until("everything is sent", func() bool { return r.one(id, samvirke.PurposeForward).State == samvirke.DeliverySent })
	}
	if n := len(r.city.sent()); n != persons {
		t.Errorf("%d deliveries were sent in all, want %d", n, persons)
	}
}
