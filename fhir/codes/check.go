package codes

import (
	"strconv"

	"github.com/samvirke/samvirke/fhir"
)

// Codes of findings; stable.
const (
	NoteUnknown = "unknown-code"
	NoteDrift   = "display-drift"
)

// MaxFindings bounds what Check tells of one message; a message with more is told of in the first ones.
const MaxFindings = 500

// Finding is one coding that the register does not have, or knows by another display. Neither is a
// reason to refuse or to change anything.
type Finding struct {
	// Path is the place of the coding, "Condition[2].code.coding[0]".
	Path string
	// Note is NoteUnknown or NoteDrift.
	Note string
	// System is the number of the code system.
	System  string
	Code    string
	Display string
	// Official is the register's display; "" for an unknown code.
	Official string
}

// Check looks at every national coding of a message. It costs some microseconds a coding: it is for
// validating, translating and reading, not for the path of a message.
func (r *Register) Check(b *fhir.Bundle) []Finding {
	if b == nil {
		return nil
	}
	w := checker{r: r}
	seen := map[string]int{}
	for _, e := range b.Entries() {
		w.walk(e.Resource, e.Type+"["+strconv.Itoa(seen[e.Type])+"]")
		seen[e.Type]++
	}
	return w.found
}

type checker struct {
	r     *Register
	found []Finding
}

func (w *checker) walk(n *fhir.Node, path string) {
	if len(w.found) >= MaxFindings {
		return
	}
	if n.IsArray() {
		for i, item := range n.Items() {
			w.walk(item, path+"["+strconv.Itoa(i)+"]")
		}
		return
	}
	w.coding(n, path)
	for key, v := range n.Fields() {
		if v.IsArray() || v.IsObject() {
			w.walk(v, path+"."+key)
		}
	}
}

func (w *checker) coding(n *fhir.Node, path string) {
	number := NumberOf(n.Get("system").Text())
	code := n.Get("code").Text()
	if number == "" || code == "" {
		return
	}
	f := Finding{Path: path, System: number, Code: code, Display: n.Get("display").Text()}
	switch official, v := w.r.Lookup(n.Get("system").Text(), code); {
	case v == Unknown:
		f.Note = NoteUnknown
	case v == Known && f.Display != "" && plain(f.Display) != plain(official):
		f.Note, f.Official = NoteDrift, official
	default:
		return
	}
	w.found = append(w.found, f)
}
