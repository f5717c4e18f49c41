package native

import (
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
)

// Render writes a canonical message as FHIR JSON: as it is, or under another id or to another
// receiver. Then resources that only the former destinations needed go too: a receiver must not
// learn from a copy who else was told. b itself is not changed.
func (f *Format) Render(b *fhir.Bundle, t mapping.Target) (*mapping.Rendered, error) {
	if v := t.Version; v != "" && v != "R4" && !strings.HasPrefix(v, "4.0") {
		h, _ := fhir.HeaderOf(b)
		if v != h.Version {
			return nil, &samvirke.Fault{Class: samvirke.Permanent, Code: "version-not-supported", Safe: "FHIR messages are written in version 4.0 only"}
		}
	}
	root := b.Root
	if t.NewID != "" || t.To != nil {
		root = root.Clone()
		var err error
		if b, err = fhir.BundleOf(root); err != nil {
			return nil, &samvirke.Fault{Class: samvirke.Permanent, Code: CodeNotBundle, Safe: "the canonical message is no Bundle", Err: err}
		}
	}
	header := b.First("MessageHeader")
	if header == nil {
		return nil, &samvirke.Fault{Class: samvirke.Permanent, Code: CodeNoHeader, Safe: "the canonical message has no MessageHeader"}
	}
	if t.To != nil {
		readdress(b, header, *t.To)
	}
	if t.NewID != "" {
		root.Set("identifier", fhir.MessageIdentifier(t.NewID))
		if header.Get("id") != nil && fhir.IsUUID(t.NewID) {
			header.Set("id", fhir.String(t.NewID))
		}
	}
	b, err := fhir.BundleOf(root)
	if err != nil {
		return nil, &samvirke.Fault{Class: samvirke.Permanent, Code: CodeNotBundle, Safe: "the canonical message is no Bundle", Err: err}
	}
	h, _ := fhir.HeaderOf(b)
	return &mapping.Rendered{Body: b.Bytes(), ContentType: ContentType, ExternalID: h.ID, Kind: kindOf(b, h), Version: versionOf(h)}, nil
}

// readdress replaces the destinations by one.
func readdress(b *fhir.Bundle, header *fhir.Node, to samvirke.Address) {
	before := reach(b, header)
	header.Set("destination", nil)
	// What the header never led to stays, and with it what it needs.
	keep := []*fhir.Node{header}
	for _, e := range b.Entries() {
		if !before[e.FullURL] {
			keep = append(keep, e.Resource)
		}
	}
	after := reach(b, keep...)
	entries := b.Root.Get("entry")
	kept := fhir.NewArray()
	for _, e := range entries.Items() {
		if url := e.Get("fullUrl").Text(); url != "" && before[url] && !after[url] {
			continue
		}
		kept.Add(e)
	}
	// Their URLs follow from the message and the receiver: the same copy has the same bytes.
	m := fhir.NewMessage(fhir.MessageID(b)+"/to/"+to.HER(), time.Time{}, fhir.Coding{})
	m.To(to)
	added := m.Bundle()
	header.Set("destination", added.First("MessageHeader").Get("destination"))
	for i, e := range added.Root.Get("entry").Items() {
		if i > 0 {
			kept.Add(e)
		}
	}
	b.Root.Set("entry", kept)
}

// reach lists the fullUrls that references lead to from these resources.
func reach(b *fhir.Bundle, from ...*fhir.Node) map[string]bool {
	seen := map[string]bool{}
	var walk func(n *fhir.Node)
	walk = func(n *fhir.Node) {
		if ref := n.Get("reference").Text(); ref != "" {
			if e, ok := b.Resolve(ref); ok && !seen[e.FullURL] {
				seen[e.FullURL] = true
				walk(e.Resource)
			}
		}
		for _, k := range n.Keys() {
			walk(n.Get(k))
		}
		for _, k := range n.Items() {
			walk(k)
		}
	}
	for _, n := range from {
		walk(n)
	}
	return seen
}
