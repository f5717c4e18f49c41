package gateway_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// bounded is a store whose budget may be used up, and its reserve; it says so before anything is committed.
type bounded struct {
	queue.Store
	over, none atomic.Bool
}

func (b *bounded) OverBudget(reserve bool) bool {
	if reserve {
		return b.none.Load()
	}
	return b.over.Load()
}

func (b *bounded) Inner() queue.Store { return b.Store }

func (b *bounded) Commit(ctx context.Context, u *queue.Unit) (queue.Outcome, error) {
	if u.Accept != nil && b.OverBudget(u.Reserve) {
		return queue.Outcome{}, queue.ErrFull
	}
	return b.Store.Commit(ctx, u)
}

func boundedRig(t *testing.T) (*rig, *bounded) {
	t.Helper()
	var store bounded
	return newRig(t, func(r *rig) {
		r.wrap = func(s queue.Store) queue.Store {
			store.Store = s
			return &store
		}
	}), &store
}

// TestRefusedOverBudget: over the budget a message is refused, with the same error as by the store, and taken again when there is room;
// what can be no receipt, and everything when the reserve is used up too, before it is read.
func TestRefusedOverBudget(t *testing.T) {
	t.Parallel()
	r, store := boundedRig(t)
	admission := simulate.Admission{ID: uuid.NewString(), Person: 1}.XML()
	for _, all := range []bool{false, true} {
		store.over.Store(true)
		store.none.Store(all)
		for _, body := range [][]byte{admission, append(slices.Clone(admission), "<!-- AppRec -->"...), []byte("no message at all"), make([]byte, 1<<20)} {
			if _, err := r.g.Receive(t.Context(), connectors.Incoming{Party: "hospital", Body: body}); !errors.Is(err, queue.ErrFull) {
				t.Errorf("over the budget: %v", err)
			}
		}
	}
	store.over.Store(false)
	r.admitPerson(1)
}

// TestReceiptOverBudget: over the budget a receipt is taken, and what it answers is confirmed; when the reserve is used up it is refused.
func TestReceiptOverBudget(t *testing.T) {
	t.Parallel()
	r, store := boundedRig(t)
	id, msgID := r.admitPerson(1)
	r.untilState(id, samvirke.DeliverySent)
	receipt := answerOf(simulate.AdmissionNursing, msgID, "1")
	store.over.Store(true)
	store.none.Store(true)
	if _, err := r.g.Receive(t.Context(), connectors.Incoming{Party: "city", Body: receipt, ContentType: "application/xml"}); !errors.Is(err, queue.ErrFull) {
		t.Errorf("with the reserve used up: %v", err)
	}
	store.none.Store(false)
	r.answer(receipt)
	r.untilState(id, samvirke.DeliveryAcknowledged)
}
