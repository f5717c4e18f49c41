package simulate

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// histogram counts times in buckets that are at most 1/128 wide, relative to the time. Its memory does not
// grow with what is counted. It is safe for concurrent use.
type histogram struct {
	n       atomic.Int64
	max     atomic.Int64 // us
	buckets [64 * fine]atomic.Uint32
}

// fine is how many buckets there are between a power of two and the next.
const fine = 128

func (h *histogram) add(d time.Duration) {
	us := max(d.Microseconds(), 0)
	h.buckets[bucketOf(uint64(us))].Add(1)
	for old := h.max.Load(); us > old && !h.max.CompareAndSwap(old, us); old = h.max.Load() {
	}
	h.n.Add(1)
}

// bucketOf: below 2*fine each value has a bucket of its own; above, the first bits of the value choose.
func bucketOf(us uint64) int {
	shift := max(0, bits.Len64(us)-bits.Len64(fine))
	return shift*fine + int(us>>shift)
}

// upper is the largest value in a bucket.
func upper(bucket int) uint64 {
	if bucket < 2*fine {
		return uint64(bucket)
	}
	shift := bucket/fine - 1
	return uint64(bucket-shift*fine+1)<<shift - 1
}

// quantile gives, in ms, a time that a share q of all did not exceed; at most 1/128 above the least
// such time. 0 when nothing was counted.
func (h *histogram) quantile(q float64) float64 {
	n := h.n.Load()
	if n == 0 {
		return 0
	}
	most := uint64(h.max.Load())
	rank, sum := int64(math.Ceil(q*float64(n))), int64(0)
	for i := range h.buckets {
		if sum += int64(h.buckets[i].Load()); sum >= max(rank, 1) {
			return float64(min(upper(i), most)) / 1000
		}
	}
	return float64(most) / 1000
}
