//go:build fault

package main

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// wireFault is what a network does to an exchange of a request and its answer.
type wireFault string

const (
	wireWell   wireFault = ""
	wireGone   wireFault = "nobody takes connections"
	wireAtOnce wireFault = "connection reset at once"
	wireInIt   wireFault = "cut in the middle of the request"
	wireSent   wireFault = "reset when the request was sent"
	wireRead   wireFault = "reset after the request was read and answered"
	wireHalf   wireFault = "half an answer"
	wireSlow   wireFault = "delay in both directions"
	wireLate   wireFault = "answer later than the time limit"
	wireTwice  wireFault = "request arrives twice"
)

// wire is a network between one that asks and one that answers, on loopback. It takes each request as bytes and passes it on, or
// does what it was told to do to one of three.
type wire struct {
	to string
	ln net.Listener
	wg sync.WaitGroup

	mu     sync.Mutex
	rnd    *rand.Rand
	fault  wireFault
	spoilt int // exchanges that did not go well
	open   map[net.Conn]bool
	closed bool
	bad    []string
}

func newWire(t *testing.T, rnd *rand.Rand, to string) *wire {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{to: strings.TrimPrefix(to, "http://"), ln: ln, rnd: rnd, open: map[net.Conn]bool{}}
	w.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			w.wg.Go(func() { w.serve(c) })
		}
	})
	t.Cleanup(w.close)
	return w
}

func (w *wire) addr() string { return w.ln.Addr().String() }

func (w *wire) close() {
	_ = w.ln.Close()
	w.mu.Lock()
	w.closed = true
	for c := range w.open {
		_ = c.Close()
	}
	w.mu.Unlock()
	w.wg.Wait()
}

// set says what is done from now on. What is open ends when connections are meant, so that there are new ones.
func (w *wire) set(f wireFault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = f
	if !f.connecting() {
		return
	}
	for c := range w.open {
		reset(c)
	}
}

// connecting says whether a fault is one of a connection, not of an exchange.
func (f wireFault) connecting() bool { return f == wireGone || f == wireAtOnce }

// once says whether each exchange needs a connection of its own now.
func (w *wire) once() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fault.connecting()
}

func (w *wire) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.spoilt
}

// hold keeps a connection among those that close ends; false when it is over.
func (w *wire) hold(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open[c] = true
	return !w.closed
}

func (w *wire) drop(c net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, c)
	_ = c.Close()
}

// pick says what is done to the next exchange, and where in it.
func (w *wire) pick(connecting bool) (f wireFault, at float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at = w.rnd.Float64()
	if connecting != w.fault.connecting() || w.fault != wireGone && w.rnd.IntN(3) > 0 {
		return wireWell, at
	}
	if w.fault != wireWell {
		w.spoilt++
	}
	return w.fault, at
}

// reset ends a connection without a word: what was sent and not read yet is lost.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// serve passes on the requests of one connection.
func (w *wire) serve(client net.Conn) {
	defer w.drop(client)
	if f, _ := w.pick(true); f != wireWell || !w.hold(client) {
		reset(client)
		return
	}
	server, err := net.Dial("tcp", w.to)
	if err != nil || !w.hold(server) {
		reset(client) // the gateway may be gone at the moment
		return
	}
	defer w.drop(server)
	var asked, answered bytes.Buffer
	in, out := bufio.NewReader(io.TeeReader(client, &asked)), bufio.NewReader(io.TeeReader(server, &answered))
	for {
		asked.Reset()
		req, err := http.ReadRequest(in)
		if err == nil {
			_, err = io.Copy(io.Discard, req.Body)
		}
		if err != nil {
			return
		}
		f, at := w.pick(false)
		pass := func() bool { return w.pass(server, req, asked.Bytes(), out, &answered) }
		switch f {
		case wireInIt:
			_, _ = server.Write(asked.Bytes()[:int(at*float64(asked.Len()))])
			reset(server)
			reset(client)
			return
		case wireSent:
			reset(client)
			pass() // the other side works on it
			return
		case wireRead:
			pass()
			reset(client)
			return
		case wireHalf:
			if pass() {
				_, _ = client.Write(answered.Bytes()[:1+int(at*float64(answered.Len()-1))])
			}
			// No reset: it would take back what was sent and not read yet.
			return
		case wireLate:
			pass()
			_, _ = in.ReadByte() // until the one that asks has given up
			return
		case wireTwice:
			w.twice(req, asked.Bytes(), out, &answered, server, client)
			return
		case wireSlow:
			time.Sleep(time.Duration(at * float64(200*time.Millisecond)))
		}
		if !pass() {
			return
		}
		if f == wireSlow {
			half := answered.Len() / 2
			_, _ = client.Write(answered.Next(half))
			time.Sleep(time.Duration(at * float64(200*time.Millisecond)))
		}
		if _, err := client.Write(answered.Bytes()); err != nil || w.once() {
			return
		}
	}
}

// pass sends a request and reads the whole answer.
func (w *wire) pass(server net.Conn, req *http.Request, raw []byte, out *bufio.Reader, answered *bytes.Buffer) bool {
	answered.Reset()
	if _, err := server.Write(raw); err != nil {
		return false
	}
	resp, err := http.ReadResponse(out, req)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err == nil
}

// twice sends a request two times, as a network does that believes it lost, or one that asks that believes so: the answers are the
// same, up to the time of day in the head.
func (w *wire) twice(req *http.Request, raw []byte, out *bufio.Reader, answered *bytes.Buffer, server, client net.Conn) {
	if !w.pass(server, req, raw, out, answered) {
		return
	}
	first := slices.Clone(answered.Bytes())
	if !w.pass(server, req, raw, out, answered) {
		return
	}
	if one, two := answerOf(first), answerOf(answered.Bytes()); one.status == http.StatusAccepted && two.status == http.StatusAccepted && one.body != two.body {
		w.mu.Lock()
		w.bad = append(w.bad, "a message that came twice was answered with "+one.body+" and "+two.body)
		w.mu.Unlock()
	}
	_, _ = client.Write(answered.Bytes())
}

type answer struct {
	status int
	body   string
}

func answerOf(raw []byte) (a answer) {
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), nil)
	if err != nil {
		return a
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, string(text)}
}
