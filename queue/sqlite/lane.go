package sqlite

// lane is one queue of deliveries, in order of their numbers.
type lane struct {
	key    laneKey
	items  []laneItem
	at     int32 // place in the heap, -1 when not in it
	leased bool
}

type laneItem struct {
	seq, due int64
	waiting  bool // stored as waiting, otherwise as queued
}

// put adds a delivery at its place, or changes when it is due.
func (n *lane) put(x laneItem) {
	i := n.find(x.seq)
	if i < len(n.items) && n.items[i].seq == x.seq {
		n.items[i] = x
		return
	}
	n.items = append(n.items, laneItem{})
	copy(n.items[i+1:], n.items[i:])
	n.items[i] = x
}

func (n *lane) remove(seq int64) {
	i := n.find(seq)
	if i == len(n.items) || n.items[i].seq != seq {
		return
	}
	if i == 0 {
		n.items = n.items[1:] // the usual case: no copying; append moves on when the array is used up
		return
	}
	n.items = append(n.items[:i], n.items[i+1:]...)
}

func (n *lane) find(seq int64) int {
	if k := len(n.items); k == 0 || n.items[k-1].seq < seq {
		return k // a new delivery goes to the end
	}
	lo, hi := 0, len(n.items)
	for lo < hi {
		if mid := (lo + hi) / 2; n.items[mid].seq < seq {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// laneHeap orders lanes by when their head is due, then by its number.
type laneHeap []*lane

func (h laneHeap) Len() int { return len(h) }
func (h laneHeap) Less(i, j int) bool {
	a, b := h[i].items[0], h[j].items[0]
	if a.due != b.due {
		return a.due < b.due
	}
	return a.seq < b.seq
}
func (h laneHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = int32(i), int32(j)
}
func (h *laneHeap) Push(x any) {
	n := x.(*lane)
	n.at = int32(len(*h))
	*h = append(*h, n)
}
func (h *laneHeap) Pop() any {
	last := len(*h) - 1
	n := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	n.at = -1
	return n
}
