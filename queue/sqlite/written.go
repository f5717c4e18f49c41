package sqlite

import (
	"iter"
	"math/bits"
	"sync"
)

// writtenPages are the pages of the database that were written since they were last looked through by a wipe. What was in the unused
// room of the others was overwritten then, and nothing came there since.
type writtenPages struct {
	mu sync.Mutex
	// all: it is not known which, as after a start.
	all  bool
	bits []uint64
}

// mark notes a page, whose number is 1 or more.
func (p *writtenPages) mark(pgno uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := int(pgno / 64)
	for at >= len(p.bits) {
		p.bits = append(p.bits, make([]uint64, max(64, len(p.bits)))...)
	}
	p.bits[at] |= 1 << (pgno % 64)
}

// markAll notes every page.
func (p *writtenPages) markAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = true
}

// take gives the pages in order and forgets them; last is the last page of the database. It is for a job of the writer: in the middle
// of a transaction pages would be taken that nobody can read yet.
func (p *writtenPages) take(last int64) iter.Seq[int64] {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.all {
		last = 0
	}
	marked := p.bits
	p.all, p.bits = false, nil
	return func(yield func(int64) bool) {
		for pgno := int64(1); pgno <= last; pgno++ {
			if !yield(pgno) {
				return
			}
		}
		for at, word := range marked {
			for ; word != 0; word &= word - 1 {
				if pgno := int64(at*64 + bits.TrailingZeros64(word)); pgno > last && !yield(pgno) {
					return
				}
			}
		}
	}
}
