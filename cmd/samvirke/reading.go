package main

import (
	"bytes"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/codes"
	"github.com/samvirke/samvirke/internal/admin"
	"github.com/samvirke/samvirke/internal/reading"
	"github.com/samvirke/samvirke/mapping/kith"
)

// readingPage is a message as a page of its own that people read: nothing loaded, no script.
func readingPage(b *fhir.Bundle) ([]byte, error) {
	r, err := reading.NewRenderer()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := r.Document(&out, reading.Of(b, new(codes.Register))); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// canonical reads stored bytes for the pages. A message that is refused, or that is a receipt, is read as
// far as it goes.
func (h *house) canonical(raw []byte) (*fhir.Bundle, error) {
	p, fault := parse(h.formats, raw)
	if p != nil && p.Bundle != nil {
		return p.Bundle, nil
	}
	b, err := fhir.ParseBundle(raw)
	if err == nil {
		return b, nil
	}
	if fault != nil {
		return nil, fault
	}
	return nil, err
}

// tables shows the element tables of a format to the pages.
type tables struct{ *kith.Format }

// Table lists the rows of one kind.
func (t tables) Table(kind, version string) []admin.MappingRow {
	var out []admin.MappingRow
	for _, r := range t.Format.Table(kind, version) {
		out = append(out, admin.MappingRow(r))
	}
	return out
}

// mappings are the element tables of this house; nil when no format has any.
func (h *house) mappings() admin.Mappings {
	for _, f := range h.formats {
		if k, ok := f.(*kith.Format); ok {
			return tables{k}
		}
	}
	return nil
}
