package folder

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/connectors/connectortest"
)

var message = bytes.Repeat([]byte("<abcdef>"), 1024) // 8 KB

// BenchmarkSource takes 8 KB files that are there already, with a receiver that costs nothing.
func BenchmarkSource(b *testing.B) {
	to := &connectortest.Receiver{}
	dir := b.TempDir()
	for i := range b.N {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%09d.xml", i)), fmt.Append(nil, i, string(message)), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	s, err := NewSource(SourceOptions{Party: "hospital", Dir: dir, Receiver: to, Settle: -1, ScanEvery: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(message)))
	b.ResetTimer()
	if err := s.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer s.Stop()
	if err := to.Wait(b.Context(), func(_ int, kept []connectors.Incoming) bool { return len(kept) == b.N }); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkSend writes 8 KB files with both syncs, from several goroutines.
func BenchmarkSend(b *testing.B) {
	s, err := NewSender(SenderOptions{Party: "gp", Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	seq := make(chan int64)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	go func() {
		for n := int64(1); ; n++ {
			select {
			case seq <- n:
			case <-ctx.Done():
				return
			}
		}
	}()
	b.SetBytes(int64(len(message)))
	b.SetParallelism(8)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Send(ctx, samvirke.Delivery{Seq: <-seq, ExternalID: "x", ContentType: "application/xml", Body: message}); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
