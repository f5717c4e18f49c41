package kith

import (
	"bytes"
	"encoding/xml"
	"slices"
	"strings"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/mapping/kith/schema"
)

// Content without a published schema: it is let through unchecked, where a kind is known to have it, and named.

// problemsBut gives those of the problems of a message that remain when what has no published schema is not
// looked at. The wildcard of Content is strict, so without this a kind with such content could
// never be read or written.
func (f *Format) problemsBut(text []byte, all []schema.Problem) []schema.Problem {
	s, _ := sniff(text)
	t := f.tables[s.Kind]
	if t == nil || len(t.unchecked) == 0 {
		return all
	}
	for _, space := range t.unchecked {
		text = blankForeign(text, space)
	}
	return f.problems(text)
}

// blankForeign overwrites the elements inside Content whose namespace begins so with white space; lines stay.
func blankForeign(text []byte, space string) []byte {
	out := bytes.Clone(text)
	dec := xml.NewDecoder(bytes.NewReader(text))
	depth, inside, from := 0, 0, int64(0) // inside: depth of the element being overwritten
	for {
		at := dec.InputOffset()
		tok, err := dec.Token()
		if err != nil {
			return out
		}
		switch t := tok.(type) {
		case xml.StartElement:
			depth++
			if inside == 0 && depth == contentDepth && strings.HasPrefix(t.Name.Space, space) {
				inside, from = depth, at
			}
		case xml.EndElement:
			if depth == inside {
				inside = 0
				for i := from; i < dec.InputOffset(); i++ {
					if out[i] != '\n' {
						out[i] = ' '
					}
				}
			}
			depth--
		}
	}
}

// contentDepth is the level of a payload: MsgHead/Document/RefDoc/Content/payload.
const contentDepth = 5

// checkUnchecked warns of content that no published schema tells anything about.
func (f *Format) checkUnchecked(src *source, env *samvirke.Envelope, warn func(code, path, text string)) {
	t := f.tables[env.Kind]
	if len(t.unchecked) == 0 {
		return
	}
	for _, d := range src.root.SelectElements("Document") {
		for _, k := range childElements(childNamed(childNamed(d, "RefDoc"), "Content")) {
			if uri, _ := scopeOf(k).uriOf(k.Space); slices.ContainsFunc(t.unchecked, func(space string) bool { return strings.HasPrefix(uri, space) }) {
				warn("no-schema", "/MsgHead/Document/RefDoc/Content/"+k.Tag, "this content has no published schema; it is carried unchecked")
			}
		}
	}
}

func childElements(e *etree.Element) []*etree.Element {
	if e == nil {
		return nil
	}
	return e.ChildElements()
}
