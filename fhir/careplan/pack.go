package careplan

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/samvirke/samvirke"
)

// Packed holds a person's records in few bytes, for keeping many people in memory: a word that stands
// several times, in one record or in several, is kept once, and a report that repeats the one before it
// costs little more than what differs. It pins no memory of the messages. The zero value holds no records;
// a Packed is never changed.
type Packed struct {
	s string
	n int
}

// Len is the number of records.
func (p Packed) Len() int { return p.n }

// Size is what they take. Unit: bytes.
func (p Packed) Size() int { return len(p.s) }

// Scratch is the room in which records are unpacked, used over and over: reading them then allocates next
// to nothing. Its zero value is ready. It serves one reader at a time.
type Scratch struct {
	records  []Record
	contents []content
	original [][]string
	from     Packed    // what was unpacked last
	words    []int     // where its words stand
	seen     wordTable // the same by word, while packing
	rare     rareParts
	b        []byte // what is being packed
}

// Records unpacks. What it gives is good until the scratch is used again, and must not be encoded (it has
// no Content) nor changed; a Plan folded from it stays good. There is room to append one record.
func (p Packed) Records(s *Scratch) []Record {
	s.words = s.words[:0]
	s.records = slices.Grow(s.records[:0], p.n+1)[:p.n]
	s.contents, s.original = room(s.contents, p.n), room(s.original, p.n)
	k := packer{s: p.s, words: s.words, rare: &s.rare}
	for i := range s.records {
		r := &s.records[i]
		*r = Record{Original: s.original[i], facts: &s.contents[i]}
		k.record(r)
		s.original[i] = r.Original
	}
	s.from, s.words = p, k.words
	return s.records
}

// Pack packs records, see Packed.With.
func Pack(records []Record, s *Scratch) Packed { return Packed{}.with(records, s) }

// With gives the records of p and one more. What was unpacked into the scratch before stays good only when
// that was p itself.
func (p Packed) With(r Record, s *Scratch) Packed { return p.with([]Record{r}, s) }

func (p Packed) with(records []Record, s *Scratch) Packed {
	if s.from != p {
		p.Records(s) // tells where its words stand
	}
	k := packer{write: true, b: append(s.b[:0], p.s...), seen: &s.seen}
	k.seen.begin(len(s.words))
	for _, at := range s.words {
		k.seen.put(k.b, at)
	}
	for _, r := range records {
		r.facts = r.contents()
		k.record(&r)
	}
	s.b = k.b
	return Packed{string(k.b), p.n + len(records)}
}

// room gives a slice of n elements that keeps what its old ones point to, to be used again.
func room[T any](list []T, n int) []T {
	if n > cap(list) {
		list = append(list[:cap(list)], make([]T, n-cap(list))...)
	}
	return list[:n]
}

// packer writes and reads records by one and the same walk, so that the two cannot drift apart: each step
// takes a pointer to a value and either writes it or sets it.
type packer struct {
	write bool
	// b and seen are for writing.
	b    []byte
	seen *wordTable
	// s, the place in it, and where words stand in it are for reading.
	s     string
	i     int
	words []int
	rare  *rareParts
}

// minWord is the shortest word that is looked for and named by its place. Unit: bytes.
const minWord = 4

func (k *packer) uint(v *uint64) {
	if k.write {
		k.b = binary.AppendUvarint(k.b, *v)
		return
	}
	*v, k.i = k.uintAt(k.i)
}

// uintAt reads a number and tells where the next thing stands.
func (k *packer) uintAt(i int) (v uint64, end int) {
	for shift := 0; ; shift += 7 {
		c := k.s[i]
		i++
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v, i
		}
	}
}

// text keeps a word as 2 x length and its bytes, or as 2 x place + 1 of the same word earlier.
func (k *packer) text(s *string) {
	if !k.write {
		at := k.i
		n, end := k.uintAt(at)
		if k.i = end; n&1 == 1 {
			*s = k.word(int(n >> 1))
			return
		}
		k.i = end + int(n>>1)
		*s = k.s[end:k.i]
		if n>>1 >= minWord {
			k.words = append(k.words, at)
		}
		return
	}
	if len(*s) >= minWord {
		if at, ok := k.seen.find(k.b, *s, len(k.b)); ok {
			k.b = binary.AppendUvarint(k.b, uint64(at)<<1|1)
			return
		}
	}
	k.b = binary.AppendUvarint(k.b, uint64(len(*s))<<1)
	k.b = append(k.b, *s...)
}

// word is the word that stands at a place.
func (k *packer) word(at int) string {
	n, end := k.uintAt(at)
	return k.s[end : end+int(n>>1)]
}

func (k *packer) flag(v *bool) {
	var n uint64
	if *v {
		n = 1
	}
	k.uint(&n)
	*v = n == 1
}

// How a time is kept: none, seconds and nanoseconds of UTC, or as text with its zone.
const (
	noTime = iota
	utcTime
	zoneTime
)

func (k *packer) time(t *time.Time) {
	var how uint64 = zoneTime
	switch {
	case !k.write:
	case t.IsZero():
		how = noTime
	case t.Location() == time.UTC && t.Unix() >= 0:
		how = utcTime
	}
	k.uint(&how)
	switch how {
	case noTime:
		*t = time.Time{}
	case utcTime:
		sec, nano := uint64(t.Unix()), uint64(t.Nanosecond()) //nolint:gosec // not negative, see above
		k.uint(&sec)
		k.uint(&nano)
		if !k.write {
			*t = time.Unix(int64(sec), int64(nano)).UTC() //nolint:gosec // as it was written
		}
	default:
		text := t.Format(time.RFC3339Nano)
		k.text(&text)
		if !k.write {
			*t, _ = time.Parse(time.RFC3339Nano, text) // as it was written
		}
	}
}

func packed[T any](k *packer, list *[]T, each func(*packer, *T)) {
	n := uint64(len(*list))
	k.uint(&n)
	if !k.write {
		*list = room(*list, int(n)) //nolint:gosec // as it was written
	}
	for i := range *list {
		each(k, &(*list)[i])
	}
}

func packedIf[T any](k *packer, v **T, each func(*packer, *T)) {
	has := *v != nil
	k.flag(&has)
	switch {
	case !has:
		*v = nil
		return
	case *v == nil:
		*v = new(T)
	}
	each(k, *v)
}

func (k *packer) record(r *Record) {
	op := string(r.Chain.Op)
	for _, s := range [...]*string{&r.Key.Sender, &r.Key.MessageID, &r.Hash, &r.Chain.Conversation, &r.Chain.Parent, &op,
		&r.Subject, &r.Kind, &r.MessageID, &r.SenderName, &r.Author, &r.Mapping} {
		k.text(s)
	}
	r.Chain.Op = samvirke.Op(op)
	k.time(&r.Event)
	k.time(&r.Sent)
	k.time(&r.Receive)
	packed(k, &r.Original, (*packer).text)
	k.flag(&r.NoForwarding)
	packed(k, &r.Seen, (*packer).text)
	packed(k, &r.Roles, (*packer).text)
	k.content(r.facts)
}
