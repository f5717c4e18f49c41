package careplan

import (
	"hash/maphash"

	"github.com/samvirke/samvirke/fhir"
)

// entryTable finds the entries of a Bundle by fullUrl and by type/id; of several with one name it finds the first.
type entryTable struct {
	seed maphash.Seed // senders choose the names: nobody shall know which of them meet
	// slots hold 2 x place + 1 for the fullUrl of an entry and 2 x place + 2 for its type/id; 0 is free. The length is a
	// power of two.
	slots []int32
}

func newEntryTable(entries []fhir.Entry) entryTable {
	size := 16
	for size < 4*len(entries) { // each may have two names
		size *= 2
	}
	t := entryTable{maphash.MakeSeed(), make([]int32, size)}
	for i := range entries {
		e := &entries[i]
		if e.FullURL != "" {
			t.put(entries, e.FullURL, 2*i+1)
		}
		if e.ID != "" {
			t.put(entries, e.Type+"/"+e.ID, 2*i+2)
		}
	}
	return t
}

func (t *entryTable) home(name string) int {
	return int(maphash.String(t.seed, name) & uint64(len(t.slots)-1)) //nolint:gosec // below the length
}

// put notes a name unless another entry has it.
func (t *entryTable) put(entries []fhir.Entry, name string, what int) {
	if _, taken := t.find(entries, name); taken {
		return
	}
	i := t.home(name)
	for t.slots[i] != 0 {
		i = (i + 1) & (len(t.slots) - 1)
	}
	t.slots[i] = int32(what) //nolint:gosec // a Bundle has far fewer entries, see fhir.MaxValues
}

// find gives the place of the entry that a reference names.
func (t *entryTable) find(entries []fhir.Entry, ref string) (at int, ok bool) {
	if ref == "" {
		return 0, false
	}
	for i := t.home(ref); t.slots[i] != 0; i = (i + 1) & (len(t.slots) - 1) {
		at = int(t.slots[i]-1) / 2
		e := &entries[at]
		if t.slots[i]&1 == 1 {
			if e.FullURL == ref {
				return at, true
			}
			continue
		}
		if n := len(e.Type); len(ref) == n+1+len(e.ID) && ref[:n] == e.Type && ref[n] == '/' && ref[n+1:] == e.ID {
			return at, true
		}
	}
	return 0, false
}
