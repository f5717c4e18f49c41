package kith

import (
	"crypto/sha1"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// resources are those of the message that a builder makes, in order, found again by their fullUrl. The
// memory of one message serves the next. The zero value is ready once seed is set.
type resources struct {
	seed string // message id: fullUrls follow from it
	list []entry
	// roots are those of which a message has one; roots is short and searched from the start.
	roots []rootEntry
	// slots is a hash table over list: position+1 by the first digits of the fullUrl, which are those of a
	// checksum and need no further hashing; 0 is empty. Its length is a power of two.
	slots []int32
	urls  strings.Builder // texts of fullUrls side by side
}

type entry struct {
	url string
	res *fhir.Node
}

type rootEntry struct {
	typ string
	entry
}

const (
	urlPrefix = "urn:uuid:"
	urlLength = len(urlPrefix) + 36
	// urlsAtOnce is how many fullUrls share one piece of memory. It stays as long as one of them does.
	urlsAtOnce = 16
	// firstSlots is the first size of the hash table, keptEntries from how many entries on memory goes back.
	firstSlots  = 64
	keptEntries = 512
)

// add takes a resource and gives its fullUrl, which follows from message id and position.
func (e *resources) add(r *fhir.Node) string {
	if e.urls.Cap()-e.urls.Len() < urlLength {
		e.urls = strings.Builder{}
		e.urls.Grow(urlsAtOnce * urlLength)
	}
	from := e.urls.Len()
	writePositionURL(&e.urls, e.seed, len(e.list))
	url := e.urls.String()[from:]
	e.list = append(e.list, entry{url, r})
	if 2*len(e.list) > len(e.slots) {
		e.grow()
	} else {
		e.put(len(e.list) - 1)
	}
	return url
}

// of gives the resource with a fullUrl of this message, nil when there is none.
func (e *resources) of(url string) *fhir.Node {
	if len(url) != urlLength || len(e.slots) == 0 {
		return nil
	}
	for i := e.home(url); ; i = (i + 1) & (len(e.slots) - 1) {
		switch at := e.slots[i]; {
		case at == 0:
			return nil
		case e.list[at-1].url == url:
			return e.list[at-1].res
		}
	}
}

// home is where the search for a fullUrl begins.
func (e *resources) home(url string) int {
	h := 0
	for i := range 8 {
		h = h<<4 ^ h>>8 ^ int(url[len(urlPrefix)+i])
	}
	return h & (len(e.slots) - 1)
}

// put notes where in list an entry stands. Half of the slots are empty.
func (e *resources) put(at int) {
	i := e.home(e.list[at].url)
	for e.slots[i] != 0 {
		i = (i + 1) & (len(e.slots) - 1)
	}
	e.slots[i] = int32(at + 1)
}

func (e *resources) grow() {
	e.slots = make([]int32, max(2*len(e.slots), firstSlots))
	for i := range e.list {
		e.put(i)
	}
}

// root gives the resource of a type of which there is one; ok is false when it is not there.
func (e *resources) root(typ string) (entry, bool) {
	for i := range e.roots {
		if e.roots[i].typ == typ {
			return e.roots[i].entry, true
		}
	}
	return entry{}, false
}

// reset forgets the message. What has become large goes back.
func (e *resources) reset() {
	if len(e.list) > keptEntries {
		*e = resources{}
		return
	}
	clear(e.list)
	clear(e.roots)
	clear(e.slots)
	*e = resources{list: e.list[:0], roots: e.roots[:0], slots: e.slots}
}

// writePositionURL writes a name-based UUID (RFC 9562 version 5 layout) over message id and position.
func writePositionURL(b *strings.Builder, seed string, position int) {
	var text [urlLength]byte
	name := append(append(append(make([]byte, 0, 64), "samvirke\x1f"...), seed...), '\x1f')
	sum := sha1.Sum(strconv.AppendInt(name, int64(position), 10))
	sum[6] = sum[6]&0x0f | 0x50
	sum[8] = sum[8]&0x3f | 0x80
	url := append(text[:0], urlPrefix...)
	from := 0
	for _, to := range [...]int{4, 6, 8, 10, 16} {
		if from > 0 {
			url = append(url, '-')
		}
		url = hex.AppendEncode(url, sum[from:to])
		from = to
	}
	b.Write(url)
}
