package rest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bounds of direct.
const (
	// maxDirect is the largest body that goes the direct way: with its head it finds room in the buffers of any
	// system, so that a receiver that answers before it has read everything is heard. Unit: bytes.
	maxDirect = 32 << 10
	// roomHead is room for the head of a request. Unit: bytes.
	roomHead = 1 << 10
	// maxHead bounds the head of an answer. Unit: bytes.
	maxHead = 64 << 10
	// maxEarly is how many answers of class 1xx may come before the real one.
	maxEarly = 5
	// idleConn is how long a connection is kept that nobody needs.
	idleConn = 90 * time.Second
)

// direct posts usual deliveries over HTTP/1.1 connections of its own in the caller's goroutine: one write, then the
// answer is read. The transport of net/http hands each request to two more goroutines, which costs more than the wire.
// Everything that is not a plain post of a body of known, usual size goes to that transport.
//
// Like it, direct sends again only what did not leave at all: when a kept connection turns out to be closed by
// the other side before the first byte was written. What may have arrived is never sent twice; that is for the queue to decide.
type direct struct {
	other   http.RoundTripper
	dial    func(ctx context.Context, network, addr string) (net.Conn, error)
	idleFor time.Duration
	maxIdle int
	slots   chan struct{} // one for each connection in use
	heads   sync.Pool     // *[]byte: requests being written

	mu     sync.Mutex
	idle   []*directConn // the last used one last
	timer  *time.Timer   // closes what is idle too long; nil when nothing is
	closed bool
}

func newDirect(other *http.Transport, maxIdle, maxConns int) *direct {
	return &direct{other: other, dial: other.DialContext, idleFor: idleConn, maxIdle: maxIdle, slots: make(chan struct{}, maxConns)}
}

// RoundTrip implements http.RoundTripper.
func (d *direct) RoundTrip(req *http.Request) (*http.Response, error) {
	if !usual(req) {
		return d.other.RoundTrip(req)
	}
	room, _ := d.heads.Get().(*[]byte)
	if room == nil {
		room = new([]byte)
	}
	defer d.heads.Put(room)
	b, err := appendRequest((*room)[:0], req)
	*room = b[:0]
	if err != nil {
		return nil, err
	}
	return d.exchange(req.Context(), req, b)
}

// exchange sends a whole request when there is a connection for it, and reads the head of the answer.
func (d *direct) exchange(ctx context.Context, req *http.Request, b []byte) (*http.Response, error) {
	select {
	case d.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	resp, err := d.post(ctx, req, b)
	if err != nil {
		<-d.slots
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	return resp, err
}

// usual tells whether the request is one that appendRequest can write.
func usual(req *http.Request) bool {
	return req.Body != nil && req.ContentLength > 0 && req.ContentLength <= maxDirect && usualHead(req)
}

// usualHead says the same of all but the body.
func usualHead(req *http.Request) bool {
	if req.Method != http.MethodPost || req.URL.Scheme != "http" || len(req.TransferEncoding) > 0 || req.Trailer != nil || req.Close ||
		req.Host != "" && req.Host != req.URL.Host || !plainText(req.URL.Host) || strings.Contains(req.URL.Host, "%") {
		return false
	}
	for name, values := range req.Header {
		switch name {
		case "Connection", "Content-Length", "Expect", "Host", "Trailer", "Transfer-Encoding", "Upgrade":
			return false
		}
		if !token(name) {
			return false
		}
		for _, v := range values {
			if !plainText(v) {
				return false
			}
		}
	}
	return true
}

// plainText tells whether a value can stand in a head as it is.
func plainText(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// token tells whether s is made of letters, digits and hyphens, as all our field names are.
func token(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') && s[i] != '-' {
			return false
		}
	}
	return s != ""
}

// appendRequest appends the whole request and closes its body.
func appendRequest(b []byte, req *http.Request) ([]byte, error) {
	defer req.Body.Close()
	size := int(req.ContentLength)
	if cap(b) < size+roomHead {
		b = make([]byte, 0, size+roomHead)
	}
	b = appendHead(b, req)
	b = append(b, "\r\nContent-Length: "...)
	b = strconv.AppendInt(b, req.ContentLength, 10)
	b = append(b, "\r\n\r\n"...)
	n := len(b)
	b = slices.Grow(b, size)[:n+size]
	if _, err := io.ReadFull(req.Body, b[n:]); err != nil {
		return b, fmt.Errorf("read what is to be sent: %w", err)
	}
	var more [1]byte
	if k, _ := req.Body.Read(more[:]); k > 0 {
		return b, errors.New("more to be sent than was announced")
	}
	return b, nil
}

// appendHead appends the head as far as the request has it, without the end of its last line.
func appendHead(b []byte, req *http.Request) []byte {
	b = append(b, "POST "...)
	b = append(b, req.URL.RequestURI()...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, req.URL.Host...)
	for name, values := range req.Header {
		for _, v := range values {
			b = append(b, "\r\n"...)
			b = append(b, name...)
			b = append(b, ": "...)
			b = append(b, v...)
		}
	}
	return b
}

// post writes the request and reads the head of the answer.
func (d *direct) post(ctx context.Context, req *http.Request, b []byte) (*http.Response, error) {
	for {
		c := d.take()
		used := c != nil
		if !used {
			var err error
			if c, err = d.open(ctx, req); err != nil {
				return nil, err
			}
		}
		// The end of the caller's time ends whatever the connection is waiting for.
		stop := context.AfterFunc(ctx, func() { _ = c.wire.SetDeadline(time.Unix(1, 0)) })
		n, err := 0, ctx.Err() // nothing is sent for a caller who has gone
		if err == nil {
			n, err = c.wire.Write(b)
		}
		if err == nil || n > 0 { // what a receiver said before it stopped reading counts
			resp, rerr := c.answer(req)
			if rerr == nil {
				resp.Body = d.body(resp, c, stop, err == nil)
				return resp, nil
			}
			if err == nil {
				err = rerr
			}
		}
		stop()
		_ = c.wire.Close() // it is the exchange that failed
		if !used || n > 0 || ctx.Err() != nil {
			return nil, err
		}
	}
}

// open makes a connection.
func (d *direct) open(ctx context.Context, req *http.Request) (*directConn, error) {
	wire, err := d.dial(ctx, "tcp", net.JoinHostPort(req.URL.Hostname(), port(req.URL)))
	if err != nil {
		return nil, err
	}
	c := &directConn{wire: wire}
	c.watch()
	c.r = bufio.NewReader(c)
	return c, nil
}

// take gives the connection that was used last and is open still, nil when there is none.
func (d *direct) take() *directConn {
	for {
		d.mu.Lock()
		n := len(d.idle) - 1
		if n < 0 {
			d.mu.Unlock()
			return nil
		}
		c := d.idle[n]
		d.idle[n] = nil
		d.idle = d.idle[:n]
		d.mu.Unlock()
		if time.Since(c.since) < d.idleFor && c.open() {
			return c
		}
		_ = c.wire.Close()
	}
}

// give keeps a connection for the next one.
func (d *direct) give(c *directConn) {
	c.since = time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.idle) >= d.maxIdle {
		_ = c.wire.Close()
		return
	}
	d.idle = append(d.idle, c)
	if d.timer == nil {
		d.timer = time.AfterFunc(d.idleFor, d.prune)
	}
}

// prune closes what nobody needed for a while.
func (d *direct) prune() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.timer = nil
	old := 0
	for old < len(d.idle) && time.Since(d.idle[old].since) >= d.idleFor {
		_ = d.idle[old].wire.Close()
		old++
	}
	d.idle = append(d.idle[:0], d.idle[old:]...)
	clear(d.idle[len(d.idle):cap(d.idle)])
	if len(d.idle) > 0 && !d.closed {
		d.timer = time.AfterFunc(d.idleFor-time.Since(d.idle[0].since), d.prune)
	}
}

// close closes what is idle and keeps nothing from now on.
func (d *direct) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, c := range d.idle {
		_ = c.wire.Close()
	}
	d.idle = nil
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

// directConn is one connection; it belongs to one request at a time.
type directConn struct {
	wire  net.Conn
	r     *bufio.Reader
	left  int64 // what may still be read of a head
	since time.Time
	probe probe
}

// Read implements io.Reader for r, within the bound of a head.
func (c *directConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errors.New("the head of the answer is over the size limit")
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.wire.Read(p)
	c.left -= int64(n)
	return n, err
}

// answer reads the head of the answer.
func (c *directConn) answer(req *http.Request) (*http.Response, error) {
	c.left = maxHead
	for range maxEarly + 1 {
		resp, err := http.ReadResponse(c.r, req) //nolint:bodyclose // the caller's
		if err != nil {
			return nil, err
		}
		if resp.StatusCode/100 != 1 || resp.StatusCode == http.StatusSwitchingProtocols {
			c.left = math.MaxInt64
			return resp, nil
		}
	}
	return nil, errors.New("too many answers before the real one")
}

// body gives what stands behind the head. With its end the connection is free again.
func (d *direct) body(resp *http.Response, c *directConn, stop func() bool, whole bool) io.ReadCloser {
	a := &directBody{from: resp.Body, d: d, c: c, stop: stop,
		keep: whole && !resp.Close && resp.StatusCode != http.StatusSwitchingProtocols}
	if resp.Body == http.NoBody || resp.ContentLength == 0 {
		a.end(true)
		return http.NoBody
	}
	return a
}

// directBody is the body of an answer.
type directBody struct {
	from  io.Reader
	d     *direct
	c     *directConn
	stop  func() bool
	keep  bool
	ended bool
}

// Read implements io.Reader.
func (a *directBody) Read(p []byte) (int, error) {
	if a.ended {
		return 0, io.EOF
	}
	n, err := a.from.Read(p)
	if err != nil {
		a.end(errors.Is(err, io.EOF))
	}
	return n, err
}

// Close implements io.Closer. What was not read is not waited for: the connection is given up instead.
func (a *directBody) Close() error {
	a.end(false)
	return nil
}

// end frees the connection, or closes it when it cannot be used again.
func (a *directBody) end(clean bool) {
	if a.ended {
		return
	}
	a.ended = true
	if a.stop() && clean && a.keep && a.c.r.Buffered() == 0 {
		a.d.give(a.c)
	} else {
		_ = a.c.wire.Close() // nothing of it is needed any more
	}
	<-a.d.slots
}
