package rest

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
)

// script is a receiver that does to its n-th connection, from 0, what a test says. It reads requests whole and counts them.
type script struct {
	url   string
	mu    sync.Mutex
	seen  []*http.Request
	heard []string // their bodies
	conns int
}

// newScript starts it; talk serves one connection and gets a function that reads the next request, false at the end.
func newScript(t *testing.T, talk func(n int, c net.Conn, next func() bool)) *script {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{url: "http://" + l.Addr().String() + "/in?x=%20"}
	var wg sync.WaitGroup
	var open sync.Map
	wg.Go(func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns++
			s.mu.Unlock()
			open.Store(c, true)
			wg.Go(func() {
				defer c.Close()
				r := bufio.NewReader(c)
				talk(n, c, func() bool { return s.read(r) })
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		open.Range(func(c, _ any) bool { c.(net.Conn).Close(); return true })
		wg.Wait()
	})
	return s
}

func (s *script) read(r *bufio.Reader) bool {
	req, err := http.ReadRequest(r)
	if err != nil {
		return false
	}
	b, err := io.ReadAll(req.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.heard = append(s.seen, req), append(s.heard, string(b))
	return err == nil
}

func (s *script) counts() (conns, requests int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns, len(s.seen)
}

const taken = "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: 9\r\n\r\n<AppRec/>"

// patience is how long a test waits for what must come.
const patience = 2 * time.Minute

func await(t *testing.T, what string, ready func() bool) {
	t.Helper()
	for limit := time.Now().Add(patience); !ready(); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("did not come: " + what)
		}
	}
}

// kept gives the idle connections of a sender.
func kept(s *Sender) []*directConn {
	s.direct.mu.Lock()
	defer s.direct.mu.Unlock()
	return append([]*directConn(nil), s.direct.idle...)
}

func mustSend(t *testing.T, s *Sender) connectors.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	res, err := s.Send(ctx, delivery)
	if err != nil {
		t.Fatalf("got %+v, %v", res, err)
	}
	return res
}

func mustFail(t *testing.T, s *Sender, code string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	res, err := s.Send(ctx, delivery)
	if f, ok := errors.AsType[*samvirke.Fault](err); !ok || f.Class != samvirke.Transient || f.Code != code || res.Answer != "no answer" {
		t.Fatalf("got %+v, %v; want transient %s", res, err, code)
	}
}

// noneInUse: whatever happened, its place is free again.
func noneInUse(t *testing.T, s *Sender) {
	t.Helper()
	if n := len(s.direct.slots); n != 0 {
		t.Errorf("%d places of connections are still taken", n)
	}
}

func write(c net.Conn, text string) bool {
	_, err := io.WriteString(c, text)
	return err == nil
}

// TestClosedWhileIdle: a connection that the receiver closed meanwhile is noticed before anything is written, so the
// delivery goes out once and does not fail.
func TestClosedWhileIdle(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"", "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"} {
		far := newScript(t, func(_ int, c net.Conn, next func() bool) {
			if next() && write(c, taken) {
				write(c, end)
			}
		})
		s := sender(t, ClientOptions{URL: far.url})
		const sends = 3
		for range sends {
			if res := mustSend(t, s); string(res.Body) != "<AppRec/>" {
				t.Errorf("got %+v", res)
			}
			await(t, "the end of the connection", func() bool {
				k := kept(s)
				return len(k) == 0 || !k[0].open()
			})
		}
		if conns, requests := far.counts(); conns != sends || requests != sends {
			t.Errorf("%d connections and %d requests for %d deliveries", conns, requests, sends)
		}
		noneInUse(t, s)
	}
}

// TestClosedAfterReading: a receiver that took the bytes and then broke the connection may have them, so that they are not
// sent again here, also on a connection that was used before.
func TestClosedAfterReading(t *testing.T) {
	t.Parallel()
	far := newScript(t, func(_ int, c net.Conn, next func() bool) {
		if next() && write(c, taken) {
			next() // and no answer
		}
	})
	s := sender(t, ClientOptions{URL: far.url})
	mustSend(t, s)
	mustFail(t, s, "unreachable")
	if conns, requests := far.counts(); conns != 1 || requests != 2 {
		t.Errorf("%d connections and %d requests", conns, requests)
	}
	mustSend(t, s)
	if conns, requests := far.counts(); conns != 2 || requests != 3 {
		t.Errorf("%d connections and %d requests", conns, requests)
	}
	noneInUse(t, s)
}

// TestConnectionIsGivenUp where its state is not certain.
func TestConnectionIsGivenUp(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, answer, said string }{
		{"asked to", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", "HTTP 200"},
		{"old version", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP 200"},
		{"more than was announced", taken + "x", "HTTP 200"},
		{"two answers", taken + taken, "HTTP 200"},
		{"over the limit", "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + strings.Repeat("x", 2000), "HTTP 200, answer over the size limit"},
		{"broken chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", "HTTP 200, answer broke off"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			far := newScript(t, func(_ int, conn net.Conn, next func() bool) {
				for next() && write(conn, c.answer) { //nolint:revive // all is in the condition
				}
			})
			s := sender(t, ClientOptions{URL: far.url, MaxAnswer: 1000})
			for n := 1; n <= 3; n++ {
				if res := mustSend(t, s); res.Answer != c.said {
					t.Errorf("got %+v", res)
				}
				if conns, requests := far.counts(); conns != n || requests != n || len(kept(s)) != 0 {
					t.Errorf("%d connections and %d requests after %d deliveries", conns, requests, n)
				}
			}
			noneInUse(t, s)
		})
	}
}

// TestConnectionsAreBounded: with one place, deliveries take turns, whatever became of those before.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	n, together, most := 0, 0, 0
	far := newScript(t, func(_ int, c net.Conn, next func() bool) {
		for next() {
			mu.Lock()
			n++
			together++
			most = max(most, together)
			broken := n%3 == 0
			mu.Unlock()
			time.Sleep(time.Millisecond) // time for another one to come, if it could
			mu.Lock()
			together--
			mu.Unlock()
			if broken || !write(c, taken) {
				return
			}
		}
	})
	s := sender(t, ClientOptions{URL: far.url, MaxConns: 1, MaxIdlePerHost: 1, Timeout: patience})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 6 {
				_, _ = s.Send(t.Context(), delivery) // a third of them breaks
			}
		})
	}
	wg.Wait()
	if _, requests := far.counts(); requests != 48 {
		t.Errorf("%d requests", requests)
	}
	mu.Lock()
	if most != 1 {
		t.Errorf("%d requests at the same time", most)
	}
	mu.Unlock()
	if k := len(kept(s)); k > 1 {
		t.Errorf("%d connections kept", k)
	}
	noneInUse(t, s)
}

// TestGivesUpWaiting: who gives up is answered at once, and neither the connection nor its place is lost or used half-read.
func TestGivesUpWaiting(t *testing.T) {
	t.Parallel()
	heard := make(chan bool, 8)
	far := newScript(t, func(n int, c net.Conn, next func() bool) {
		for next() {
			switch n {
			case 0:
				heard <- true // no answer
			case 1:
				write(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<App") // half of it
				heard <- true
			default:
				write(c, taken)
			}
		}
	})
	s := sender(t, ClientOptions{URL: far.url, MaxConns: 1, MaxIdlePerHost: 1})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-heard; cancel() }()
	_, err := s.Send(ctx, delivery)
	if f, ok := errors.AsType[*samvirke.Fault](err); !ok || f.Code != "interrupted" {
		t.Errorf("got %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	go func() { <-heard; cancel() }()
	res, err := s.Send(ctx, delivery)
	// Depending on when the head is seen: taken with half an answer, or interrupted.
	if f, ok := errors.AsType[*samvirke.Fault](err); err != nil && (!ok || f.Code != "interrupted") || err == nil && res.Answer != "HTTP 200, answer broke off" {
		t.Errorf("got %+v, %v", res, err)
	}
	if res := mustSend(t, s); string(res.Body) != "<AppRec/>" {
		t.Errorf("got %+v", res)
	}
	noneInUse(t, s)
	// Nobody gets a place while it is taken.
	s.direct.slots <- struct{}{}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err = s.Send(ctx, delivery); samvirke.FaultOf(err).Code != "interrupted" {
		t.Errorf("got %v", err)
	}
	<-s.direct.slots
}

// TestIdleConnectionsEnd after their time, and with the sender.
func TestIdleConnectionsEnd(t *testing.T) {
	t.Parallel()
	ended := make(chan bool, 8)
	far := newScript(t, func(_ int, c net.Conn, next func() bool) {
		for next() && write(c, taken) { //nolint:revive // all is in the condition
		}
		ended <- true
	})
	s := sender(t, ClientOptions{URL: far.url})
	s.direct.idleFor = 10 * time.Millisecond
	mustSend(t, s)
	end := func() {
		t.Helper()
		select {
		case <-ended:
		case <-time.After(patience):
			t.Fatal("the connection stays open")
		}
	}
	end()
	if len(kept(s)) != 0 {
		t.Error("a closed connection is kept")
	}
	s.direct.idleFor = time.Hour
	mustSend(t, s)
	if len(kept(s)) != 1 {
		t.Error("the connection is not kept")
	}
	_ = s.Close()
	end()
	mustSend(t, s) // still possible, but nothing is kept
	end()
}
