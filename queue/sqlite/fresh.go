package sqlite

import (
	"slices"

	"github.com/samvirke/samvirke"
)

// fresh keeps the newest deliveries whole until they are first leased, so that what is sent at once is
// not read again. It is bounded: what waits longer is forgotten, oldest first, and read from disk.
// It belongs to lanes and is guarded by its lock.
type fresh struct {
	known map[int64]*samvirke.Delivery
	order []int64
	bytes int
}

func newFresh() fresh { return fresh{known: map[int64]*samvirke.Delivery{}} }

func weigh(d *samvirke.Delivery) int { return len(d.Body) + 768 }

func (f *fresh) add(d *samvirke.Delivery) {
	if len(d.Body) > maxHeldOne {
		return
	}
	f.known[d.Seq] = d
	f.order = append(f.order, d.Seq)
	f.bytes += weigh(d)
	for f.bytes > maxFresh {
		seq := f.order[0]
		f.order = f.order[1:]
		f.take(seq)
	}
	if len(f.order) > 2*len(f.known)+1000 { // mostly leased long ago
		f.order = slices.DeleteFunc(f.order, func(seq int64) bool { return f.known[seq] == nil })
	}
}

// take gives a delivery and forgets it, nil when it is not held.
func (f *fresh) take(seq int64) *samvirke.Delivery {
	d := f.known[seq]
	if d != nil {
		f.bytes -= weigh(d)
		delete(f.known, seq)
	}
	return d
}
