package gateway_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/sqlite"
)

// TestEraseBeforeProcessing: messages of a person that nobody has processed yet do not keep an erasure from its end, also when it
// goes on at a start, before anything is processed.
func TestEraseBeforeProcessing(t *testing.T) {
	t.Parallel()
	for _, interrupted := range []bool{false, true} {
		r := newRig(t)
		r.g.Stop() // it processes no more, the store still takes messages
		now := time.Now().UTC()
		texts := []string{simulate.PersonNumber(1)}
		for range 3 {
			a := simulate.Admission{ID: uuid.NewString(), Person: 1}
			m := samvirke.Message{ID: uuid.NewString(), Party: "hospital", ReceivedAt: now, Status: samvirke.MessageReceived, Raw: a.XML(), ExternalID: a.ID, Patient: key(1)}
			if _, err := r.store.Commit(t.Context(), &queue.Unit{Now: now, Accept: &m}); err != nil {
				t.Fatal(err)
			}
			texts = append(texts, a.ID)
		}
		forget := gateway.Forget{Store: r.store, Now: time.Now}
		if interrupted {
			forget.Store = &dyingEraser{Store: r.store, left: 1}
		}
		if _, err := forget.Erase(t.Context(), key(1), "admin", "a test"); err != nil && !(interrupted && errors.Is(err, errDied)) {
			t.Fatal(err)
		}
		if interrupted {
			if err := r.store.Close(); err != nil {
				t.Fatal(err)
			}
			s, err := sqlite.Open(t.Context(), sqlite.Options{Dir: r.dir}) // as the program does, before there is a gateway
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(gateway.Forget{Store: s, Now: time.Now}.Resume(t.Context()), s.Close()); err != nil {
				t.Fatal(err)
			}
			r.open()
		}
		if found := scan(t, r.dir, texts...); len(found) > 0 {
			t.Errorf("left: %q", found)
		}
	}
}
