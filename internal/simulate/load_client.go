package simulate

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// postTimeout bounds one request. restTimeout is how long a connection may rest and be used again: less
// than any server waits.
const (
	postTimeout = 30 * time.Second
	restTimeout = 20 * time.Second
)

// gatewayWire is where and how messages are posted; every sender has its connection to it.
type gatewayWire struct {
	address string
	tls     *tls.Config // nil: plain
	head    string      // up to the length of the body
}

func newGatewayWire(gateway, token string) (*gatewayWire, error) {
	u, err := url.Parse(gateway)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("load: the gateway's address is no URL")
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("load: the token has odd characters")
	}
	w := &gatewayWire{address: u.Host}
	port := "80"
	if u.Scheme == "https" {
		port = "443"
		w.tls = &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	}
	if u.Port() == "" {
		w.address = net.JoinHostPort(u.Hostname(), port)
	}
	w.head = "POST " + strings.TrimSuffix(u.EscapedPath(), "/") + "/messages HTTP/1.1\r\nHost: " + u.Host +
		"\r\nAuthorization: Bearer " + token + "\r\nContent-Type: application/xml\r\nContent-Length: "
	return w, nil
}

// poster posts messages one after the other over a connection that lasts.
type poster struct {
	wire  *gatewayWire
	conn  net.Conn
	unbar func() bool // ends the watch over the context
	used  time.Time
	r     *bufio.Reader
	out   []byte
	text  []byte
}

// post sends a message once and gives the answer; text is good until the next call.
func (p *poster) post(ctx context.Context, body []byte) (status int, text []byte, err error) {
	if p.conn != nil && time.Since(p.used) > restTimeout {
		p.close()
	}
	if p.conn == nil {
		if err := p.dial(ctx); err != nil {
			return 0, nil, err
		}
	}
	h, err := p.exchange(body)
	if err == nil {
		p.text, err = readBody(p.r, h, p.text, maxAnswer)
	}
	if err != nil || h.last || h.length < 0 && !h.chunked {
		p.close()
	}
	p.used = time.Now()
	return h.status, p.text, err
}

func (p *poster) exchange(body []byte) (head, error) {
	if err := p.conn.SetDeadline(time.Now().Add(postTimeout)); err != nil {
		return head{}, err
	}
	p.out = strconv.AppendInt(append(p.out[:0], p.wire.head...), int64(len(body)), 10)
	p.out = append(append(p.out, "\r\n\r\n"...), body...)
	if _, err := p.conn.Write(p.out); err != nil {
		return head{}, err
	}
	for {
		h, err := readHead(p.r)
		if err != nil || h.status/100 != 1 {
			return h, err
		}
	}
}

func (p *poster) dial(ctx context.Context) error {
	d := net.Dialer{Timeout: postTimeout}
	c, err := d.DialContext(ctx, "tcp", p.wire.address)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	if p.wire.tls != nil {
		c = tls.Client(c, p.wire.tls)
	}
	p.conn = c
	p.unbar = context.AfterFunc(ctx, func() { _ = c.Close() })
	if p.r == nil {
		p.r = bufio.NewReaderSize(c, 4<<10)
	}
	p.r.Reset(c)
	return nil
}

// turn goes on to another gateway when there is one. Which one is chance, so that those of a dead gateway do not all
// come to the same.
func (p *poster) turn(wires []*gatewayWire) {
	if n := len(wires); n > 1 {
		p.close()
		p.wire = wires[(slices.Index(wires, p.wire)+1+rand.IntN(n-1))%n]
	}
}

func (p *poster) close() {
	if p.conn != nil {
		p.unbar()
		_ = p.conn.Close() // nothing of it is awaited
		p.conn = nil
	}
}
