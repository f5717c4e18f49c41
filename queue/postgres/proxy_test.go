package postgres

import (
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/samvirke/samvirke/queue/postgres/postgrestest"
)

// proxy stands between a store and its database and breaks connections on demand.
type proxy struct {
	ln net.Listener
	to string

	mu      sync.Mutex
	conns   map[net.Conn]bool
	refuse  bool
	cuts    int
	swallow bool           // answers of the server are lost
	grip    func(net.Conn) // is done to new connections before anything comes through; nil for nothing
	wg      sync.WaitGroup
}

func newProxy(tb testing.TB, port int) *proxy {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &proxy{ln: ln, to: fmt.Sprintf("127.0.0.1:%d", port), conns: map[net.Conn]bool{}}
	p.wg.Go(p.serve)
	tb.Cleanup(func() {
		ln.Close()
		p.cut(true)
		p.wg.Wait()
	})
	return p
}

// url is the address that leads through the proxy.
func (p *proxy) url() string {
	return fmt.Sprintf("postgres://samvirke@127.0.0.1:%d/postgres?%s", p.ln.Addr().(*net.TCPAddr).Port, postgrestest.URLOptions)
}

func (p *proxy) serve() {
	for {
		in, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		refuse, cuts := p.refuse, p.cuts
		p.mu.Unlock()
		if refuse {
			in.Close()
			continue
		}
		out, err := net.Dial("tcp", p.to)
		if err != nil {
			in.Close()
			continue
		}
		p.mu.Lock()
		late := p.cuts != cuts // it came before a cut and would outlive it
		if !late {
			p.conns[in], p.conns[out] = true, true
			if p.grip != nil {
				p.grip(in)
				p.grip(out)
			}
		}
		p.mu.Unlock()
		if late {
			in.Close()
			out.Close()
			continue
		}
		p.wg.Go(func() { p.copy(out, in, false) })
		p.wg.Go(func() { p.copy(in, out, true) })
	}
}

func (p *proxy) copy(to, from net.Conn, answers bool) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		p.mu.Lock()
		drop := answers && p.swallow
		p.mu.Unlock()
		if drop {
			continue
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

// lose makes answers of the server get lost from now on.
func (p *proxy) lose(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.swallow = on
}

// cut ends all connections; refuse says what happens to new ones.
func (p *proxy) cut(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = refuse
	p.cuts++
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}
