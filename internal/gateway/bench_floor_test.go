//go:build unix

package gateway

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/samvirke/samvirke/mapping/kith"
)

// floorGroup is how many messages share one sync: about as many as a group of the store has under full load.
const floorGroup = 32

// BenchmarkFloor is the least that any gateway must do for a message of some 8 KB: read it, and append it to a file that is synced
// before the answer. No rules, no plan, no receivers, no receipts, no HTTP. What samvirke bench tells as CPU for a message is to
// be held against the cpu-ms/message here, measured in the same sitting.
func BenchmarkFloor(b *testing.B) {
	f, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		b.Fatal(err)
	}
	body, _ := newDesk(b).report(1, "")
	file, err := os.Create(filepath.Join(b.TempDir(), "journal"))
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	spent := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	began, n := spent(), 0
	var group []byte
	for b.Loop() {
		if _, err := f.Parse(body); err != nil {
			b.Fatal(err)
		}
		group = append(group, body...)
		if n++; n%floorGroup != 0 {
			continue
		}
		if _, err := file.Write(group); err != nil {
			b.Fatal(err)
		}
		if err := file.Sync(); err != nil {
			b.Fatal(err)
		}
		group = group[:0]
	}
	b.ReportMetric(float64(spent()-began)/float64(n)/1e6, "cpu-ms/message")
}
