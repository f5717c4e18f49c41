package kith

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/mapping"
)

// maxNotes bounds the notes of one code about one message. Real messages have a few. Each costs a walk over the siblings of
// its element, so a message made of nothing else would keep a processor busy for as long as it has elements, squared.
const maxNotes = 1000

// note says what became of something at a place of the source.
func (b *builder) note(w *where, code, text string) {
	if b.noted == nil {
		b.noted = map[string]int{}
	}
	if b.noted[code]++; b.noted[code] <= maxNotes {
		b.notes = append(b.notes, mapping.Note{Path: w.String(), Code: code, Text: text})
	}
}

// said gives all notes. Where there are too many the last of its code says how many more there would be.
func (b *builder) said() []mapping.Note {
	for _, code := range slices.Sorted(maps.Keys(b.noted)) {
		if more := b.noted[code] - maxNotes; more > 0 {
			b.notes = append(b.notes, mapping.Note{Path: "/", Code: code, Text: fmt.Sprintf("the same at %d more places", more)})
		}
	}
	return b.notes
}

// textOf joins all text of an element, also around comments.
func textOf(e *etree.Element) string {
	var first string
	var more strings.Builder // a comment splits a text, and a message may have very many
	n := 0
	for _, t := range e.Child {
		cd, ok := t.(*etree.CharData)
		if !ok {
			continue
		}
		switch n++; n {
		case 1:
			first = cd.Data
		case 2:
			more.WriteString(first)
			fallthrough
		default:
			more.WriteString(cd.Data)
		}
	}
	if n > 1 {
		return more.String()
	}
	return first
}
