package gateway_test

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// bounded is a store whose budget may be used up; it says so before anything is committed.
type bounded struct {
	queue.Store
	over atomic.Bool
}

func (b *bounded) OverBudget() bool   { return b.over.Load() }
func (b *bounded) Inner() queue.Store { return b.Store }

// TestRefusedBeforeWork: over the budget a message is refused before it is read, with the same error as by the store, and taken again when
// there is room.
func TestRefusedBeforeWork(t *testing.T) {
	t.Parallel()
	var store bounded
	r := newRig(t, func(r *rig) {
		r.wrap = func(s queue.Store) queue.Store {
			store.Store = s
			return &store
		}
	})
	store.over.Store(true)
	for _, body := range [][]byte{simulate.Admission{ID: uuid.NewString(), Person: 1}.XML(), []byte("no message at all")} {
		if _, err := r.g.Receive(t.Context(), connectors.Incoming{Party: "hospital", Body: body}); !errors.Is(err, queue.ErrFull) {
			t.Errorf("over the budget: %v", err)
		}
	}
	store.over.Store(false)
	r.admitPerson(1)
}
