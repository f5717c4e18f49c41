package postgres

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// swallowAll makes the system drop whatever comes in for the connections of a proxy before it is confirmed, also ends and resets, and
// makes new connections like that: as when a cable is pulled, nobody is told. What is sent meanwhile comes when it is off, if its sender has
// the patience to send it again.
func (p *proxy) swallowAll(tb testing.TB, on bool) {
	tb.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.grip = nil; on {
		p.grip = func(c net.Conn) { filtered(tb, c, true) }
	}
	for c := range p.conns {
		filtered(tb, c, on)
	}
}

func filtered(tb testing.TB, c net.Conn, on bool) {
	if sys := filter(c, on); sys != nil && (on || sys != unix.ENOENT) { //nolint:errorlint // a number of the system
		tb.Errorf("filter of a connection: %v", sys)
	}
}

// filter gives what the system says, nothing when the connection is closed.
func filter(c net.Conn, on bool) (sys error) {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return nil
	}
	err = raw.Control(func(fd uintptr) {
		if on {
			none := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0} // of each packet 0 bytes are kept
			sys = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &none})
			return
		}
		sys = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
	})
	if err != nil {
		return nil
	}
	return sys
}

// filtersHere skips a test where the system lets no filter be put on a connection, or takes it and does not go by it: some sandboxes do
// the one or the other.
func filtersHere(tb testing.TB) {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer ln.Close()
	out, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	defer out.Close()
	in, err := ln.Accept()
	if err != nil {
		tb.Fatal(err)
	}
	defer in.Close()
	if err := filter(in, true); err != nil {
		tb.Skipf("the kernel refuses a filter at a socket (SO_ATTACH_FILTER): %v", err)
	}
	if _, err := out.Write([]byte("x")); err != nil {
		tb.Fatal(err)
	}
	// On the loopback what is not dropped is there before Write is back. A filter that is not gone by would let the test show nothing.
	if err := in.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		tb.Fatal(err)
	}
	if n, _ := in.Read(make([]byte, 1)); n > 0 {
		tb.Skip("the kernel takes a filter at a socket (SO_ATTACH_FILTER) and does not go by it")
	}
}

// of counts what was accepted under ids that begin in a way.
func (l *ledger) of(prefix string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.accepted {
		if strings.HasPrefix(id, prefix) {
			n++
		}
	}
	return n
}

// TestSilentCut pulls the cable of one of two gateways in the middle of a group, when it holds what all need for writing: nobody is told that
// the connection is gone. The database lets go of it after idle_in_transaction_session_timeout and the other gateway goes on; when the
// cable is back, the first one does too. What either was told to be stored is there once.
func TestSilentCut(t *testing.T) {
	s := server(t)
	filtersHere(t)
	for _, point := range []string{pointRead, pointWrite, pointCommitted} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			name := schema(t, t.TempDir())
			p := newProxy(t, s.Port)
			var armed atomic.Bool
			pulled := make(chan struct{})
			cut := open(t, Options{URL: p.url(), Schema: name, Logger: quiet(), Poll: 20 * time.Millisecond, Patience: patience, Ahead: 8, at: func(at string) {
				if at == point && armed.CompareAndSwap(true, false) {
					p.swallowAll(t, true)
					close(pulled)
				}
			}})
			whole := open(t, Options{Schema: name, Poll: 20 * time.Millisecond, Patience: patience})
			l := newLedger()
			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			var wg sync.WaitGroup
			for g, st := range []*Store{cut, whole} {
				for w := range 3 {
					wg.Go(func() { l.accept(ctx, t, st, fmt.Sprintf("%d-%d", g, w), 5) })
				}
				wg.Go(func() { l.send(ctx, t, st) })
			}
			l.reach(t, l.accepted, 20)
			armed.Store(true)
			select {
			case <-pulled:
			case <-time.After(patience):
				t.Fatal("the point was never reached")
			}
			l.reach(t, l.accepted, 50) // three are under way in the gateway that is cut off, at most
			p.swallowAll(t, false)
			before := l.of("0-")
			for deadline := time.Now().Add(patience); l.of("0-") == before; time.Sleep(5 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("the gateway that was cut off does not go on")
				}
			}
			l.reach(t, l.accepted, 20)
			stop()
			wg.Wait()
			for _, st := range []*Store{cut, whole} {
				if err := st.Err(); err != nil {
					t.Errorf("a store failed: %v", err)
				}
			}
			l.check(t, s.URL(), name)
		})
	}
}
