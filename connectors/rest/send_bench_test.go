package rest

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
)

// leanFar is a receiver that costs next to nothing: what BenchmarkSend measures is the sender. It knows
// the length of what comes and looks at nothing.
func leanFar(b *testing.B, request int, answer []byte) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			wg.Go(func() {
				r := bufio.NewReaderSize(c, 16<<10)
				for {
					for {
						line, err := r.ReadSlice('\n')
						if err != nil {
							return
						}
						if len(line) == 2 {
							break
						}
					}
					if _, err := r.Discard(request); err != nil {
						return
					}
					if _, err := c.Write(answer); err != nil {
						return
					}
				}
			})
		}
	})
	b.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return "http://" + l.Addr().String() + "/in"
}

// BenchmarkSend posts 8 KB to a receiver that answers with a receipt of 1.5 KB.
func BenchmarkSend(b *testing.B) {
	body := bytes.Repeat([]byte("<abcdef>"), 1024)
	answer := "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: 1504\r\n\r\n<AppRec>" + strings.Repeat("<abcdef>", 187)
	url := leanFar(b, len(body), []byte(answer))
	s, err := NewSender(ClientOptions{Party: "gp", URL: url, Token: "t"})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	d := samvirke.Delivery{
		ID: "5f3c1a2e-0001-4000-8000-000000000002", ExternalID: "5f3c1a2e-0001-4000-8000-000000000001",
		ContentType: "application/xml", Body: body,
	}
	b.ReportAllocs()
	b.SetParallelism(4)
	b.ResetTimer()
	used := processorTime()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			res, err := s.Send(context.Background(), d)
			if err != nil || len(res.Body) != 1504 {
				b.Error(err, len(res.Body))
				return
			}
		}
	})
	b.ReportMetric(float64((processorTime()-used).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// processorTime is what the process used so far, user and system.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
