package sqlite

import (
	"cmp"
	"slices"
)

// laneID is the number of a lane among those of its party, 0 for none.
type laneID = uint32

// lane is one queue of deliveries, in order of their numbers. There may be a million of them with one delivery each, so it
// has no pointers, and the deliveries after the first lie elsewhere.
type lane struct {
	key    laneKey
	head   laneItem // the first delivery; none when the lane is empty
	more   uint32   // the place of the further ones in partyLanes.more, 0 when there are none
	at     int32    // place in the heap, -1 when not in it
	leased bool
}

// laneItem is a delivery in its lane.
type laneItem struct {
	due  int64
	mark int64 // twice the delivery's number, and one more when it is stored as waiting instead of queued; 0: none
}

func itemOf(seq, due int64, waiting bool) laneItem {
	x := laneItem{due: due, mark: seq << 1}
	if waiting {
		x.mark++
	}
	return x
}

func (x laneItem) seq() int64    { return x.mark >> 1 }
func (x laneItem) waiting() bool { return x.mark&1 != 0 }
func (x laneItem) none() bool    { return x.mark == 0 }

func bySeq(x laneItem, seq int64) int { return cmp.Compare(x.seq(), seq) }

// put adds a delivery to a lane at its place, or changes when it is due.
func (p *partyLanes) put(n *lane, x laneItem) {
	switch {
	case n.head.none() || n.head.seq() == x.seq():
		n.head = x
		return
	case x.seq() < n.head.seq():
		x, n.head = n.head, x
	}
	if n.more == 0 {
		n.more = p.more.add()
	}
	rest := p.more.get(n.more)
	if last := len(*rest) - 1; last < 0 || (*rest)[last].seq() < x.seq() {
		*rest = append(*rest, x) // a new delivery goes to the end
		return
	}
	i, there := slices.BinarySearchFunc(*rest, x.seq(), bySeq)
	if there {
		(*rest)[i] = x
		return
	}
	*rest = slices.Insert(*rest, i, x)
}

// remove takes a delivery out of a lane.
func (p *partyLanes) remove(n *lane, seq int64) {
	var rest []laneItem
	if n.more != 0 {
		rest = *p.more.get(n.more)
	}
	switch {
	case n.head.seq() == seq && len(rest) == 0:
		n.head = laneItem{}
		return
	case n.head.seq() == seq:
		n.head, rest = rest[0], rest[1:] // no copying; append moves on when the array is used up
	default:
		i, there := slices.BinarySearchFunc(rest, seq, bySeq)
		if !there {
			return
		}
		rest = slices.Delete(rest, i, i+1)
	}
	if *p.more.get(n.more) = rest; len(rest) == 0 {
		p.more.drop(n.more)
		n.more = 0
	}
}

// laneHeap orders lanes by when their head is due, then by its number; see container/heap, which would have every number
// it takes and gives put into memory of its own.
type laneHeap []laneID

// before says whether one lane of the heap comes before another.
func (p *partyLanes) before(i, j int) bool {
	a, b := &p.all.get(p.ready[i]).head, &p.all.get(p.ready[j]).head
	return a.due < b.due || a.due == b.due && a.seq() < b.seq()
}

func (p *partyLanes) swap(i, j int) {
	h := p.ready
	h[i], h[j] = h[j], h[i]
	p.all.get(h[i]).at, p.all.get(h[j]).at = int32(i), int32(j)
}

func (p *partyLanes) up(j int) {
	for i := (j - 1) / 2; j > 0 && p.before(j, i); i = (j - 1) / 2 {
		p.swap(i, j)
		j = i
	}
}

// down says whether the lane has moved.
func (p *partyLanes) down(from int) bool {
	i := from
	for {
		j := 2*i + 1
		if j >= len(p.ready) {
			break
		}
		if k := j + 1; k < len(p.ready) && p.before(k, j) {
			j = k
		}
		if !p.before(j, i) {
			break
		}
		p.swap(i, j)
		i = j
	}
	return i > from
}

// push makes a lane ready.
func (p *partyLanes) push(id laneID, n *lane) {
	n.at = int32(len(p.ready))
	p.ready = append(p.ready, id)
	p.up(len(p.ready) - 1)
}

// fix puts a ready lane whose head has changed at its place.
func (p *partyLanes) fix(i int) {
	if !p.down(i) {
		p.up(i)
	}
}

// unready takes the lane at a place out of the ready ones and gives it.
func (p *partyLanes) unready(i int) laneID {
	last := len(p.ready) - 1
	if i != last {
		p.swap(i, last)
	}
	id := p.ready[last]
	if p.ready = p.ready[:last]; i != last {
		p.fix(i)
	}
	if p.all.get(id).at = -1; last == 0 && cap(p.ready) > manyLanes {
		p.ready = nil
	}
	return id
}
