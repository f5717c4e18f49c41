package main

import (
	"bytes"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/codes"
	"github.com/samvirke/samvirke/internal/reading"
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
