package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/postgres"
	"github.com/samvirke/samvirke/queue/postgres/postgrestest"
)

// several are gateways on one store, with the same parties.
type several struct {
	*rig
	gs   []*gateway.Gateway
	slow []*longWay
	// sameProcess: the store is that of one process.
	sameProcess bool
}

// longWay is the store as one gateway sees it: it can send messages the long way, and hold them there.
type longWay struct {
	queue.Store
	keep atomic.Bool   // every message is kept first
	some atomic.Bool   // every third one is
	n    atomic.Int64  // units that accept and process
	gate chan struct{} // closed when kept messages are handed out
}

func (s *longWay) Commit(ctx context.Context, u *queue.Unit) (queue.Outcome, error) {
	if u.Accept != nil && u.Message != nil && (s.keep.Load() || s.some.Load() && s.n.Add(1)%3 == 0) {
		return queue.Outcome{}, errNotAtOnce
	}
	return s.Store.Commit(ctx, u)
}

var errNotAtOnce = errors.New("not at once, says the test")

func (s *longWay) Received(ctx context.Context, most int) ([]samvirke.Message, error) {
	select {
	case <-s.gate:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return s.Store.Received(ctx, most)
}

// newSeveral starts a gateway on each of the stores, which are one; those of the rig's own stand beside them and do nothing.
func newSeveral(t *testing.T, open func(r *rig) []queue.Store) *several {
	t.Helper()
	x := &several{rig: newRig(t)}
	x.rig.g.Stop()
	for _, s := range open(x.rig) {
		w := &longWay{Store: s, gate: make(chan struct{})}
		g := x.rig.gatewayOn(w)
		if err := g.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		x.gs, x.slow = append(x.gs, g), append(x.slow, w)
	}
	x.rig.store = x.slow[0].Store // what the rig's questions go to
	t.Cleanup(func() {
		for _, g := range x.gs {
			g.Stop()
		}
	})
	return x
}

// engines are the stores that several gateways may share. SQLite's belongs to one process; in that several gateways can share
// it all the same.
func engines(t *testing.T, f func(t *testing.T, x *several)) {
	t.Run("sqlite", func(t *testing.T) {
		x := newSeveral(t, func(r *rig) []queue.Store { return []queue.Store{r.store, r.store} })
		x.sameProcess = true
		f(t, x)
	})
	t.Run("postgres", func(t *testing.T) {
		if postgrestest.Bin() == "" {
			t.Skip(postgrestest.Missing)
		}
		db, err := postgrestest.New()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		f(t, newSeveral(t, func(r *rig) (list []queue.Store) {
			own := r.store
			t.Cleanup(func() { r.store = own }) // runs before the rig closes it
			for range 2 {
				s, err := postgres.Open(t.Context(), postgres.Options{URL: db.URL(), Logger: slog.New(slog.NewTextHandler(r.log, nil))})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = s.Close() })
				list = append(list, s)
			}
			return list
		}))
	})
}

// send hands a message to one of the gateways and gives its id.
func (x *several) send(to int, a simulate.Admission) string {
	x.t.Helper()
	body := a.XML()
	ans, err := x.gs[to].Receive(context.Background(), connectors.Incoming{Party: "hospital", Body: body, Size: int64(len(body)), ContentType: "application/xml"})
	if err != nil || ans.Fault != nil {
		x.t.Fatal(err, ans.Fault)
	}
	return ans.MessageID
}

// TestNobodyPassesAtAnotherGateway: a message that one gateway has accepted and not processed is not passed by a later one
// of the patient at another gateway, and holds nobody else up.
func TestNobodyPassesAtAnotherGateway(t *testing.T) {
	engines(t, func(t *testing.T, x *several) {
		first, second := simulate.Admission{ID: uuid.NewString(), Person: 1}, simulate.Admission{ID: uuid.NewString(), Person: 1}
		other := simulate.Admission{ID: uuid.NewString(), Person: 2}
		x.slow[0].keep.Store(true)
		x.send(0, first)
		id := x.send(1, second)
		if s := x.message(id).Status; s != samvirke.MessageReceived {
			t.Errorf("the second message is %s before the first is processed", s)
		}
		if s := x.message(x.send(1, other)).Status; s != samvirke.MessageProcessed {
			t.Errorf("the message of another patient is %s", s)
		}
		close(x.slow[1].gate) // now the other gateway may have both; the first never takes any
		x.until("all sent", func() bool { return len(x.city.sent()) == 3 })
		var got []string
		for _, d := range x.city.sent() {
			if d.ExternalID != other.ID {
				got = append(got, d.ExternalID)
			}
		}
		if want := fmt.Sprint([]string{first.ID, second.ID}); fmt.Sprint(got) != want {
			t.Errorf("sent %v, want %v", got, want)
		}
		if x.sameProcess {
			return // the store knows of no other process that could have taken it
		}
		// The first gateway forgets what another one does for it: it accepts at once again.
		x.slow[0].keep.Store(false)
		for deadline := time.Now().Add(2 * time.Minute); ; {
			id := x.send(0, simulate.Admission{ID: uuid.NewString(), Person: 1})
			if x.message(id).Status == samvirke.MessageProcessed {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the first gateway still sends messages the long way")
			}
			x.until("processed by the other one", func() bool { return x.message(id).Status == samvirke.MessageProcessed })
		}
	})
}

// TestOrderOverGateways: whichever gateway accepts, and whichever processes, what is about a patient is sent in the order of
// acceptance.
func TestOrderOverGateways(t *testing.T) {
	const patients, senders, each = 3, 2, 6
	engines(t, func(t *testing.T, x *several) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		for _, w := range x.slow {
			w.some.Store(true)
			close(w.gate)
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		ids := map[string]string{} // gateway's id by message id
		for p := range patients {
			for s := range senders {
				random := rand.New(rand.NewPCG(seed, uint64(p*senders+s)))
				wg.Go(func() {
					for range each {
						a := simulate.Admission{ID: uuid.NewString(), Person: p + 1}
						body := a.XML()
						ans, err := x.gs[random.IntN(len(x.gs))].Receive(context.Background(),
							connectors.Incoming{Party: "hospital", Body: body, Size: int64(len(body)), ContentType: "application/xml"})
						if err != nil || ans.Fault != nil {
							t.Errorf("%v %v", err, ans.Fault)
							return
						}
						mu.Lock()
						ids[a.ID] = ans.MessageID
						mu.Unlock()
					}
				})
			}
		}
		wg.Wait()
		const all = patients * senders * each
		x.until("all sent", func() bool { return len(x.city.sent()) >= all })
		last := map[string]int64{}
		for _, d := range x.city.sent() {
			m := x.message(ids[d.ExternalID])
			if m.Seq <= last[m.Patient] {
				t.Errorf("message %d came after %d", m.Seq, last[m.Patient])
			}
			last[m.Patient] = m.Seq
		}
	})
}
