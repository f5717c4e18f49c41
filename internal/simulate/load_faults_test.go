package simulate_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke/internal/simulate"
)

const message = `<MsgHead><Type V="LOG_INNLAGT"/><GenDate>2026-01-10T22:40:00</GenDate><MsgId>5F3C1A2E-0001-4000-8000-000000000001</MsgId></MsgHead>`

// TestSinkGoesAndComesBack: down it takes nothing, refusing it answers 503, and after that it is as before.
func TestSinkGoesAndComesBack(t *testing.T) {
	t.Parallel()
	s, err := simulate.NewSink(0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	client := &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	status := func() int {
		resp, err := client.Post(s.URL(), "application/xml", bytes.NewReader([]byte(message)))
		if err != nil {
			return 0
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	if got := status(); got != 200 {
		t.Errorf("up: %d", got)
	}
	s.Down() // ends the connection that is open too
	client.CloseIdleConnections()
	if got := status(); got != 0 || s.Tried() == 0 {
		t.Errorf("down: %d, tried %d times", got, s.Tried())
	}
	s.Idle() // nobody is there: at once
	s.Up()
	s.Refuse(true)
	for range 2 {
		if got := status(); got != 503 {
			t.Errorf("refusing: %d", got)
		}
	}
	s.Refuse(false)
	s.Slow(time.Millisecond)
	if got := status(); got != 200 {
		t.Errorf("up again: %d", got)
	}
}

// TestLoadKnowsWhatFaultsExplain: a message that comes again after something happened was sent again; the third time,
// with nothing between, it is doubled.
func TestLoadKnowsWhatFaultsExplain(t *testing.T) {
	gw := newRelay(t)
	faults := &simulate.Disturbance{}
	var first []byte
	gw.between = func(n int, body []byte) [][]byte {
		switch n {
		case 3:
			first = bytes.Clone(body)
		case 7: // after the answers of message 3
			faults.Killed()
			return [][]byte{first, body, first}
		}
		return [][]byte{body}
	}
	r := load(t, gw, simulate.LoadOptions{Messages: 20, Patients: 1, Senders: 1, Faults: faults})
	if r.SentAgain != 2 || r.Duplicated != 2 || r.Complete != 20 || r.OutOfOrder != 0 { // two sinks
		t.Errorf("report %+v", r)
	}
	if k := r.Killed; k == nil || k.AtS <= 0 || k.UnderWay < 1 || k.TakeOverS <= 0 {
		t.Errorf("kill %+v", k)
	}
	if r.FirstMS <= 0 {
		t.Errorf("first after %v ms", r.FirstMS)
	}
	if r = load(t, newRelay(t), simulate.LoadOptions{Messages: 8, Patients: 1, Senders: 1, Faults: &simulate.Disturbance{}}); r.Killed != nil {
		t.Errorf("nobody was killed: %+v", r.Killed)
	}
}

// TestLoadSpreadsOverGateways: what one gateway does not answer goes to another one.
func TestLoadSpreadsOverGateways(t *testing.T) {
	gw := newRelay(t)
	door := func(broken bool) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if broken {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			gw.serve(w, r)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	r := load(t, gw, simulate.LoadOptions{Messages: 64, Patients: 16, Senders: 6, Patience: 2 * time.Minute, Others: []string{door(false), door(true)}})
	if len(r.AcceptedBy) != 3 || r.AcceptedBy[0]+r.AcceptedBy[1] != 64 || r.AcceptedBy[2] != 0 || r.Complete != 64 || r.Lost != 0 {
		t.Errorf("report %+v", r)
	}
}

// TestLoadPatience: a message is given up after the time, however many tries that was.
func TestLoadPatience(t *testing.T) {
	gw := newRelay(t)
	gw.status = func(int) int { return 503 }
	r, err := simulate.Load(context.Background(), simulate.LoadOptions{Gateway: gw.URL, Token: "t", Sinks: sinks(t, gw, 1), Messages: 1, Senders: 1, Patience: 50 * time.Millisecond})
	if err == nil || r.Accepted != 0 || r.Retries > 3 {
		t.Errorf("%v: %+v", err, r)
	}
}

// TestBacklogIsFollowed: what was stored while receivers were down is judged when they are back: what is there, what comes
// twice, what is out of order.
func TestBacklogIsFollowed(t *testing.T) {
	gw := newRelay(t)
	dead := sinks(t, gw, 4)[2:]
	for _, s := range dead {
		s.Down()
	}
	b, err := simulate.NewBacklog(dead, 1)
	if err != nil {
		t.Fatal(err)
	}
	const next = simulate.DefaultPatients // the second message of a stay is so much later
	var stored [][]byte
	for n := range next + 8 {
		stay, body := b.Next()
		if stay != n%next || !bytes.Contains(body, []byte("<Id>"+dead[0].HER()[1]+"</Id>")) || !bytes.Contains(body, []byte("<Id>"+dead[1].HER()[1]+"</Id>")) {
			t.Fatalf("message %d is of stay %d, or not for both", n, stay)
		}
		stored = append(stored, bytes.Clone(body))
	}
	all := int64(len(stored))
	stored[0], stored[next] = stored[next], stored[0]
	stored = append(stored, stored[5])
	if _, err := gw.client.Post(dead[0].URL(), "application/xml", bytes.NewReader(stored[0])); err == nil || dead[0].Tried() == 0 {
		t.Errorf("one that is down answers: %v, tried %d times", err, dead[0].Tried())
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		for _, body := range stored {
			for _, s := range dead {
				for ctx.Err() == nil { // until it is up
					resp, err := gw.client.Post(s.URL(), "application/xml", bytes.NewReader(body))
					if err == nil {
						_ = resp.Body.Close()
						break
					}
				}
			}
		}
	})
	r := b.Follow(ctx, patience)
	wg.Wait()
	if r.Accepted != all || r.Complete != all || r.Delivered < 2*all || r.DeliveredPerS <= 0 || r.TotalSeconds <= 0 {
		t.Errorf("report %+v", r)
	}
	if r = b.Judged(); r.OutOfOrder != 2 || r.Duplicated != 2 || r.Changed != 0 || r.Unknown != 0 {
		t.Errorf("judged: %+v", r)
	}
}

// TestBacklogNeedsNeighbours: the places of its sinks follow each other.
func TestBacklogNeedsNeighbours(t *testing.T) {
	four := sinks(t, newRelay(t), 4)
	for name, list := range map[string][]*simulate.Sink{"none": nil, "a hole": {four[0], four[2]}, "backwards": {four[1], four[0]}} {
		if _, err := simulate.NewBacklog(list, 1); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
