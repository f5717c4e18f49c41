package xmltree

const (
	// firstChunk is how many values the first chunk of an arena holds, enough for a short receipt.
	firstChunk = 64
	// maxChunk is the largest chunk, and the most memory that is kept for the next text: real messages
	// stay under 2,000 elements. Unit: values.
	maxChunk = 4096
)

// Arena hands out values of one type from chunks, so that a tree costs a few allocations and, when
// the memory is used again, none. The zero value is ready.
type Arena[T any] struct {
	chunk []T // handed out up to its length; full ones before it belong to the tree only
}

// Take gives n zero values side by side. Appending to them copies them.
func (a *Arena[T]) Take(n int) []T {
	at := len(a.chunk)
	if at+n > cap(a.chunk) {
		a.chunk = make([]T, 0, max(n, min(max(2*cap(a.chunk), firstChunk), maxChunk)))
		at = 0
	}
	a.chunk = a.chunk[:at+n]
	return a.chunk[at : at+n : at+n]
}

// Reset gives the arena that hands out the same memory again, zeroed.
func (a *Arena[T]) Reset() Arena[T] {
	clear(a.chunk)
	if cap(a.chunk) > maxChunk {
		return Arena[T]{}
	}
	return Arena[T]{chunk: a.chunk[:0]}
}

// emptied gives the memory of a slice for the next text, without what stood in it; nothing of one that
// has grown beyond what is kept.
func emptied[T any](s []T) []T {
	if cap(s) > maxChunk {
		return nil
	}
	clear(s[:cap(s)])
	return s[:0]
}
