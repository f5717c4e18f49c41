package careplan

import (
	"encoding/binary"
	"hash/maphash"
)

// wordTable finds words by what they say in the bytes that records are packed into. It holds places and no text, so that it
// keeps no message alive. The zero value is ready once begin was called.
type wordTable struct {
	seed  maphash.Seed // senders choose the words: nobody shall know which of them meet
	slots []uint32     // place of a word + 1; 0 is free. Its length is a power of two.
	n     int
}

// leastSlots is the smallest table: a report has a hundred words.
const leastSlots = 512

// begin empties the table and makes room for some words and those of one more record.
func (t *wordTable) begin(words int) {
	if t.slots == nil {
		t.seed = maphash.MakeSeed()
	}
	size := leastSlots
	for size < 3*words {
		size *= 2
	}
	if size > len(t.slots) || size < len(t.slots)/8 {
		t.slots = make([]uint32, size)
	} else {
		clear(t.slots)
	}
	t.n = 0
}

// find gives the place of a word. A new one is noted as standing at next; then ok is false.
func (t *wordTable) find(b []byte, word string, next int) (at int, ok bool) {
	if 2*(t.n+1) > len(t.slots) {
		t.grow(b)
	}
	i := t.home(word)
	for ; t.slots[i] != 0; i = (i + 1) & (len(t.slots) - 1) {
		if at = int(t.slots[i] - 1); string(wordAt(b, at)) == word {
			return at, true
		}
	}
	t.slots[i] = uint32(next + 1) //nolint:gosec // records of 4 GB are far beyond any bound
	t.n++
	return next, false
}

// home is where the search for a word begins.
func (t *wordTable) home(word string) int {
	return int(maphash.String(t.seed, word) & uint64(len(t.slots)-1)) //nolint:gosec // below the length
}

// put notes the word that stands at a place and is not in the table.
func (t *wordTable) put(b []byte, at int) {
	i := int(maphash.Bytes(t.seed, wordAt(b, at)) & uint64(len(t.slots)-1)) //nolint:gosec // below the length
	for t.slots[i] != 0 {
		i = (i + 1) & (len(t.slots) - 1)
	}
	t.slots[i] = uint32(at + 1) //nolint:gosec // see find
	t.n++
}

// grow makes the table twice as large. The word that is being looked for is not in it.
func (t *wordTable) grow(b []byte) {
	old := t.slots
	t.slots, t.n = make([]uint32, 2*len(old)), 0
	for _, at := range old {
		if at != 0 {
			t.put(b, int(at-1))
		}
	}
}

// wordAt is the word that stands at a place.
func wordAt(b []byte, at int) []byte {
	n, size := binary.Uvarint(b[at:])
	from := at + size
	return b[from : from+int(n>>1)] //nolint:gosec // as it was written
}
