package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// patience is how long a test waits for something that must come. It ends a test that hangs, and says nothing of speed.
const patience = 3 * time.Minute

// quietly is a time in which no gateway gives a sign of life by itself: the test decides when it does.
const quietly = 24 * time.Hour

func soon(tb testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	tb.Cleanup(cancel)
	return ctx
}

// unit accepts a message with one delivery to gp in the lane of a patient.
func unit(id, patient string) *queue.Unit {
	body := []byte("<m id=\"" + id + "\"/>")
	return &queue.Unit{Now: time.Now(),
		Accept: &samvirke.Message{ID: id, Party: "hospital", ExternalID: "x" + id, Patient: patient, Status: samvirke.MessageProcessed, Raw: body},
		Deliveries: []samvirke.Delivery{{ID: "d" + id, MessageID: id, Party: "gp", Patient: patient, Purpose: samvirke.PurposeForward,
			State: samvirke.DeliveryQueued, Body: body}},
		Events: []samvirke.Event{{MessageID: id, Name: samvirke.EventReceived}}}
}

func commit(tb testing.TB, s *Store, u *queue.Unit) {
	tb.Helper()
	if _, err := s.Commit(soon(tb), u); err != nil {
		tb.Fatal(err)
	}
}

func step(l queue.Leased, to samvirke.DeliveryState) *queue.Unit {
	return &queue.Unit{Now: time.Now(), Steps: []queue.DeliveryStep{{ID: l.ID, Token: l.Token, From: []samvirke.DeliveryState{samvirke.DeliverySending}, To: to}}}
}

// lease leases one delivery to gp and fails when it is another one.
func lease(tb testing.TB, s *Store, ttl time.Duration, want string) queue.Leased {
	tb.Helper()
	got, err := s.Lease(soon(tb), "gp", 1, ttl)
	if err != nil || len(got) != 1 || got[0].ID != want {
		tb.Fatalf("leased %v, %v, want %s", got, err, want)
	}
	return got[0]
}

// TestTwoHoldersOfALease: two gateways believe that they hold one lease; the one who has lost it is fenced.
func TestTwoHoldersOfALease(t *testing.T) {
	dir := t.TempDir()
	a, b := open(t, Options{Schema: schema(t, dir)}), open(t, Options{Schema: schema(t, dir)})
	commit(t, a, unit("1", "p"))
	commit(t, b, unit("2", "p"))
	first := lease(t, a, 50*time.Millisecond, "d1")
	second := lease(t, b, time.Hour, "d1") // waits for the end of the first
	if first.Token == second.Token {
		t.Fatal("one token was given twice")
	}
	if _, err := a.Commit(soon(t), step(first, samvirke.DeliverySent)); !errors.Is(err, queue.ErrFenced) {
		t.Fatalf("report of the one who has lost the lease: %v", err)
	}
	commit(t, b, step(second, samvirke.DeliverySent))
	if _, err := b.Commit(soon(t), step(second, samvirke.DeliverySent)); !errors.Is(err, queue.ErrFenced) {
		t.Fatalf("second report under one lease: %v", err)
	}
	lease(t, a, time.Hour, "d2")
}

// TestLateReport: a lease whose time is over holds for its holder until somebody else has the delivery.
func TestLateReport(t *testing.T) {
	s := open(t, Options{})
	commit(t, s, unit("1", "p"))
	l := lease(t, s, time.Microsecond, "d1")
	for deadline := time.Now().Add(patience); ; {
		d, err := s.Delivery(soon(t), "d1")
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("the lease does not end: %s, %v", d.State, err)
		}
		if d.State == samvirke.DeliveryQueued {
			break
		}
	}
	commit(t, s, step(l, samvirke.DeliverySent))
}

// TestLanesAcrossGateways: no lane is ever in two hands, and each comes out in order, whoever sends.
func TestLanesAcrossGateways(t *testing.T) {
	const lanes, each, gateways = 10, 8, 3
	dir := t.TempDir()
	var stores []*Store
	for range gateways {
		stores = append(stores, open(t, Options{Schema: schema(t, dir)}))
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var mu sync.Mutex
	inHand, sent := map[string]string{}, map[string][]string{}
	total := 0
	var wg sync.WaitGroup
	for g, s := range stores {
		random := rand.New(rand.NewPCG(seed, uint64(g)))
		wg.Go(func() { // each accepts its share
			for j := range each {
				for l := g; l < lanes; l += gateways {
					if _, err := s.Commit(ctx, unit(fmt.Sprintf("%d-%d", l, j), fmt.Sprint("p", l))); err != nil {
						t.Error(err)
					}
				}
			}
		})
		wg.Go(func() {
			for {
				got, err := s.Lease(ctx, "gp", 3, time.Hour)
				if err != nil {
					if !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				for _, d := range got {
					if other := inHand[d.Lane]; other != "" {
						t.Errorf("lane of %s is already in hand with %s", d.ID, other)
					}
					inHand[d.Lane] = d.ID
				}
				mu.Unlock()
				for _, d := range got {
					mu.Lock()
					to := samvirke.DeliverySent
					if random.IntN(4) == 0 {
						to = samvirke.DeliveryWaiting
					}
					delete(inHand, d.Lane)
					if to == samvirke.DeliverySent {
						sent[d.Patient] = append(sent[d.Patient], d.ID)
						total++
					}
					last := total == lanes*each
					mu.Unlock()
					if _, err := s.Commit(context.Background(), step(d, to)); err != nil {
						t.Error(err)
					}
					if last {
						cancel()
					}
				}
			}
		})
	}
	wg.Wait()
	for l := range lanes {
		p := fmt.Sprint("p", l)
		for j := range each {
			if want := fmt.Sprintf("d%d-%d", l, j); len(sent[p]) != each || sent[p][j] != want {
				t.Fatalf("lane of %s came out as %v", p, sent[p])
			}
		}
	}
}

// TestEventsAcrossGateways: every subscriber of every gateway sees all events, in one order, without gaps.
func TestEventsAcrossGateways(t *testing.T) {
	const each = 60
	dir := t.TempDir()
	stores := []*Store{open(t, Options{Schema: schema(t, dir), Poll: 20 * time.Millisecond, Alive: quietly}),
		open(t, Options{Schema: schema(t, dir), Poll: 20 * time.Millisecond, Alive: quietly})}
	for _, s := range stores {
		if err := s.sign(soon(t)); err != nil { // the first now knows of the second
			t.Fatal(err)
		}
	}
	var feeds []<-chan samvirke.Event
	for _, s := range stores {
		ch, cancel := s.Subscribe(10 * each)
		defer cancel()
		feeds = append(feeds, ch)
	}
	var wg sync.WaitGroup
	for g, s := range stores {
		for w := range 4 {
			wg.Go(func() {
				for i := range each / 4 {
					if _, err := s.Commit(context.Background(), unit(fmt.Sprintf("%d-%d-%d", g, w, i), "p")); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	for g, ch := range feeds {
		for want := int64(1); want <= 2*(each/4)*4; want++ {
			select {
			case e := <-ch:
				if e.Seq != want {
					t.Fatalf("gateway %d sees event %d, want %d", g, e.Seq, want)
				}
			case <-time.After(patience):
				t.Fatalf("gateway %d: event %d does not come", g, want)
			}
		}
	}
}

// TestWokenByAnother: a call that waits in one gateway is woken by a commit in another, long before it would look itself.
func TestWokenByAnother(t *testing.T) {
	dir := t.TempDir()
	a := open(t, Options{Schema: schema(t, dir), Poll: time.Hour, Alive: quietly})
	b := open(t, Options{Schema: schema(t, dir), Poll: time.Hour, Alive: quietly})
	got := make(chan string, 2)
	go func() {
		l, err := a.Lease(soon(t), "gp", 1, time.Hour)
		if err != nil || len(l) != 1 {
			t.Errorf("leased %v, %v", l, err)
		}
		got <- "delivery"
	}()
	go func() {
		m, err := a.Received(soon(t), 1)
		if err != nil || len(m) != 1 {
			t.Errorf("received %v, %v", m, err)
		}
		got <- "message"
	}()
	u := unit("1", "p")
	u.Accept.Status = samvirke.MessageReceived
	commit(t, b, u)
	for range 2 {
		select {
		case <-got:
		case <-time.After(patience):
			t.Fatal("nobody was woken")
		}
	}
}

// TestHeardWhileSigning: another gateway that speaks while the database is asked whether there are others is not overheard.
func TestHeardWhileSigning(t *testing.T) {
	s := open(t, Options{Alive: quietly})
	heard := s.heard.Load()
	s.feed.notice("another 0 -")
	s.nobodyElse(true, heard)
	if s.alone.Load() {
		t.Fatal("an answer from before the notice counts")
	}
	s.nobodyElse(true, s.heard.Load())
	if !s.alone.Load() {
		t.Fatal("an answer from after the notice does not count")
	}
}

// TestDeadGateway: what a gateway that is gone was processing is taken over after its time, by the database's clock.
func TestDeadGateway(t *testing.T) {
	dir := t.TempDir()
	a := open(t, Options{Schema: schema(t, dir), Alive: quietly})
	b := open(t, Options{Schema: schema(t, dir), Alive: quietly, Poll: 50 * time.Millisecond})
	u := unit("1", "p")
	u.Accept.Status = samvirke.MessageReceived
	commit(t, a, u)
	if got, err := a.Received(soon(t), 5); err != nil || len(got) != 1 {
		t.Fatalf("received %v, %v", got, err)
	}
	// Alive, it keeps what it has.
	if err := b.sign(soon(t)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if got, err := b.Received(ctx, 5); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("taken from a gateway that lives: %v, %v", got, err)
	}
	conn := direct(t, shared.URL(), schema(t, dir))
	if _, err := conn.Exec(soon(t), `UPDATE gateway SET until = now_ns() - 1 WHERE owner = $1`, a.owner); err != nil {
		t.Fatal(err)
	}
	if err := b.sign(soon(t)); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Received(soon(t), 5); err != nil || len(got) != 1 || got[0].ID != "1" || len(got[0].Raw) == 0 {
		t.Fatalf("taken over %v, %v", got, err)
	}
}

// TestReportWithoutLane: who has lost a lease is fenced also when nothing stands in the lane any more, and a delivery that is not there
// is none under a lease either.
func TestReportWithoutLane(t *testing.T) {
	dir := t.TempDir()
	a, b := open(t, Options{Schema: schema(t, dir)}), open(t, Options{Schema: schema(t, dir)})
	commit(t, a, unit("1", "p"))
	first := lease(t, a, time.Millisecond, "d1")
	commit(t, b, step(lease(t, b, time.Hour, "d1"), samvirke.DeliveryAcknowledged)) // waits for the end of the first
	if _, err := a.Commit(soon(t), step(first, samvirke.DeliverySent)); !errors.Is(err, queue.ErrFenced) {
		t.Fatalf("report of the one who has lost the lease: %v", err)
	}
	first.ID = "nothing"
	if _, err := a.Commit(soon(t), step(first, samvirke.DeliverySent)); !errors.Is(err, queue.ErrNotFound) {
		t.Fatalf("report on what is not there: %v", err)
	}
	if d, err := a.Delivery(soon(t), "d1"); err != nil || d.State != samvirke.DeliveryAcknowledged {
		t.Fatalf("the delivery is %s, %v", d.State, err)
	}
}
