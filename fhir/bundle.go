package fhir

import (
	"errors"
	"fmt"
)

// ErrNotBundle is returned for JSON that is no FHIR Bundle.
var ErrNotBundle = errors.New("not a FHIR Bundle")

// Bundle is a FHIR Bundle over an ordered JSON tree. Root is the truth; Entries and
// lookups read it.
type Bundle struct {
	Root    *Node
	entries []Entry
}

// Entry is one entry of a Bundle.
type Entry struct {
	FullURL  string
	Type     string // resourceType
	ID       string
	Resource *Node
}

// ParseBundle reads a Bundle. It checks JSON bounds, duplicate keys and resourceType, no more.
func ParseBundle(raw []byte) (*Bundle, error) {
	n, err := ParseNode(raw)
	if err != nil {
		return nil, err
	}
	return BundleOf(n)
}

// BundleOf takes a tree as a Bundle; the tree is not copied.
func BundleOf(n *Node) (*Bundle, error) {
	if n.Get("resourceType").Text() != "Bundle" {
		return nil, ErrNotBundle
	}
	items := n.Get("entry").Items()
	b := &Bundle{Root: n, entries: make([]Entry, 0, len(items))}
	for i, e := range items {
		r := e.Get("resource")
		if r == nil {
			continue
		}
		if r.Get("resourceType").Text() == "" {
			return nil, fmt.Errorf("entry %d: no resourceType", i)
		}
		b.entries = append(b.entries, Entry{
			FullURL: e.Get("fullUrl").Text(), Type: r.Get("resourceType").Text(),
			ID: r.Get("id").Text(), Resource: r,
		})
	}
	return b, nil
}

// Bytes encodes the Bundle.
func (b *Bundle) Bytes() []byte { return b.Root.Bytes() }

// Entries returns all entries with a resource, in order. The caller must not change the slice.
func (b *Bundle) Entries() []Entry { return b.entries }

// All returns the resources of one type in order.
func (b *Bundle) All(resourceType string) []*Node {
	var out []*Node
	for _, e := range b.entries {
		if e.Type == resourceType {
			out = append(out, e.Resource)
		}
	}
	return out
}

// First returns the first resource of one type, nil when there is none.
func (b *Bundle) First(resourceType string) *Node {
	for _, e := range b.entries {
		if e.Type == resourceType {
			return e.Resource
		}
	}
	return nil
}

// Resolve finds the entry a reference ("urn:uuid:...", "Patient/1" or a full URL) points to.
func (b *Bundle) Resolve(ref string) (Entry, bool) {
	if ref == "" {
		return Entry{}, false
	}
	for _, e := range b.entries {
		if e.FullURL == ref || e.ID != "" && e.Type+"/"+e.ID == ref {
			return e, true
		}
	}
	return Entry{}, false
}
