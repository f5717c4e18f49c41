package memory_test

import (
	"testing"

	"github.com/samvirke/samvirke/internal/drawn"
	"github.com/samvirke/samvirke/internal/leaks"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/memory"
	"github.com/samvirke/samvirke/queue/queuetest"
)

func TestMain(m *testing.M) { leaks.Main(m) }

func TestSuite(t *testing.T) {
	defer drawn.Cases(100)()
	disks := map[string]*memory.Disk{} // by folder; the suite opens from one goroutine
	queuetest.Run(t, queuetest.Engine{
		Open: func(_ testing.TB, dir string) queue.Store {
			if disks[dir] == nil {
				disks[dir] = memory.NewDisk()
			}
			return memory.Open(disks[dir], memory.Options{})
		},
		Tamper: func(t testing.TB, dir string, seq int64) {
			if !disks[dir].Tamper(seq) {
				t.Fatalf("no audit entry %d", seq)
			}
		},
		Find: func(_ testing.TB, dir, text string) []string { return disks[dir].Find(text) },
	})
}
