package gateway_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

var crashSeed = flag.Uint64("subscription-seed", 0, "seed of the crashes; 0: a new one")

// mortal is a store whose process dies at one commit: that one is lost, or kept with nobody told, and nothing is stored after it.
type mortal struct {
	queue.Store
	mu   sync.Mutex
	left int // commits before the last one
	kept bool
	dead chan struct{}
}

func (m *mortal) Commit(ctx context.Context, u *queue.Unit) (queue.Outcome, error) {
	m.mu.Lock()
	m.left--
	left := m.left
	m.mu.Unlock()
	switch {
	case left > 0:
		return m.Store.Commit(ctx, u)
	case left == 0:
		defer close(m.dead)
		if m.kept {
			_, _ = m.Store.Commit(ctx, u)
		}
	}
	return queue.Outcome{}, queue.ErrFailed
}

// TestEventNumbersOverCrashes: P17 and P18. The process dies at any commit, again and again, while admissions come
// and the subscriber fails now and then. At the end each change that is kept is one event, numbers are complete, and the subscriber has
// got every one of them.
func TestEventNumbersOverCrashes(t *testing.T) {
	seed := *crashSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("go test ./internal/gateway -run TestEventNumbersOverCrashes -subscription-seed=%d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	unit := newHook(t)
	r := newRig(t, func(r *rig) {
		r.subscriptions.Retry = gateway.Retry{First: time.Millisecond, Max: 5 * time.Millisecond, MaxAge: time.Hour}
		p := unit.party("unit", "other", herGP, samvirke.RoleCoordinator)
		p.Municipality = "5001"
		r.more = []gateway.Party{p}
		r.patient = func(string) (string, string) { return "5001", "" }
	})
	all := r.subscribe("unit", gateway.SubscriptionWish{Endpoint: unit.URL + "/all", Heartbeat: gateway.MinHeartbeat})
	one := r.subscribe("unit", gateway.SubscriptionWish{Endpoint: unit.URL + "/one", Plans: []string{r.g.PlanID(key(2))}})
	calls := 0
	unit.script(func(notified) int {
		if calls++; calls%5 == 0 {
			return http.StatusBadGateway
		}
		return http.StatusOK
	})
	want := map[int]int{}
	sent := 0
	for range 12 {
		r.close()
		m := &mortal{left: 1 + random.IntN(40), kept: random.IntN(2) == 0, dead: make(chan struct{})}
		r.wrap = func(s queue.Store) queue.Store {
			m.Store = s
			return m
		}
		if !r.openUnlessDead() {
			continue
		}
		for range 6 {
			n := 1 + random.IntN(3)
			a := simulate.Admission{Person: n, ID: uuid.NewString(), EventAt: fmt.Sprintf("2026-01-%02dT%02d:00:00", 1+sent/20, sent%20)}
			body := a.XML()
			_, err := r.g.Receive(context.Background(), connectors.Incoming{Party: "hospital", Body: body, Size: int64(len(body)), ContentType: "application/xml"})
			if err != nil && !errors.Is(err, queue.ErrFailed) {
				t.Fatal(err)
			}
			sent++
		}
		select {
		case <-m.dead:
		case <-time.After(50 * time.Millisecond): // it lives on until it is closed
		}
	}
	r.close()
	r.wrap = nil
	r.open()
	r.until("all processed", func() bool {
		ms, err := r.store.Messages(t.Context(), queue.MessageFilter{Party: "hospital", Limit: queue.MaxPage})
		if err != nil {
			t.Fatal(err)
		}
		clear(want)
		for i := range ms {
			if ms[i].Status != samvirke.MessageProcessed {
				return false
			}
			for n := 1; n <= 3; n++ {
				if ms[i].Patient == key(n) {
					want[n]++
				}
			}
		}
		return true
	})
	if got, kept := r.complete(all), want[1]+want[2]+want[3]; got != kept || kept == 0 {
		t.Errorf("%d events of %d admissions kept", got, kept)
	}
	if got := r.complete(one); got != want[2] {
		t.Errorf("%d events of one plan, want %d", got, want[2])
	}
	for _, s := range []gateway.Subscription{all, one} {
		r.until("all told", func() bool { return int64(len(unit.numbers(s.ID))) == r.subscription(s).Last })
		if st := r.subscription(s); st.Status != gateway.SubscriptionActive {
			t.Errorf("subscription is %s", st.Status)
		}
	}
}
