package main

import (
	"fmt"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/codes"
	"github.com/samvirke/samvirke/mapping"
)

// codeNotes tells which codes of a message the national lists do not have or call otherwise. Such a
// code is carried as it came; the notes are for the person who validates or translates by hand, and
// the gateway does not make them on its way.
func codeNotes(b *fhir.Bundle) []mapping.Note {
	var r codes.Register
	var out []mapping.Note
	for _, f := range r.Check(b) {
		n := mapping.Note{Path: f.Path, Code: f.Note}
		if f.Note == codes.NoteUnknown {
			n.Text = fmt.Sprintf("code %q is not in list %s; it is carried as it is", f.Code, f.System)
		} else {
			n.Text = fmt.Sprintf("code %q of list %s is called %q here and %q in the list; the code counts", f.Code, f.System, f.Display, f.Official)
		}
		out = append(out, n)
	}
	return out
}
