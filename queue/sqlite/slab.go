package sqlite

// slabChunk is how many values a slab makes room for at a time. A slice that grew would be copied whole, and for a moment
// there would be two of it.
const slabChunk = 1024

// slabKeeps is how many chunks a slab keeps when it is empty.
const slabKeeps = 8

// slab holds values by small numbers instead of pointers: the collector need not look at a million of them one by one.
// Numbers begin with 1 and are used again; 0 is none. A pointer to a value is good as long as the value is there.
type slab[T any] struct {
	chunks []*[slabChunk]T
	free   []uint32
	used   uint32 // the greatest number ever given
}

func (s *slab[T]) get(id uint32) *T { return &s.chunks[id/slabChunk][id%slabChunk] }

// add gives room for a value, which is the zero one.
func (s *slab[T]) add() uint32 {
	if last := len(s.free) - 1; last >= 0 {
		id := s.free[last]
		s.free = s.free[:last]
		return id
	}
	s.used++
	if int(s.used/slabChunk) == len(s.chunks) {
		s.chunks = append(s.chunks, new([slabChunk]T))
	}
	return s.used
}

// drop forgets a value. When it was the last one of many, so is the room of all.
func (s *slab[T]) drop(id uint32) {
	var zero T
	*s.get(id) = zero
	s.free = append(s.free, id)
	if len(s.free) == int(s.used) && len(s.chunks) > slabKeeps {
		*s = slab[T]{}
	}
}
