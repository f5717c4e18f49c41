package careplan

import (
	"bytes"
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// sections turns the narrative of every section into a note under its heading.
func (x extractor) sections(list *fhir.Node, block string, c *content, depth int) {
	if depth > 8 {
		return
	}
	for _, s := range list.Items() {
		if t := plainText(s.At("text.div").Text()); t != "" {
			c.addNote(headingOf(s, block), t+suffix(s.Extension(extRemark).Get("valueString").Text()))
		}
		x.sectionWords(s, c)
		x.sections(s.Get("section"), first(concept(s.Get("code")).Code, block), c, depth+1)
	}
}

// headingOf is the heading that the source gave a text; without one, the block the text stands in.
func headingOf(s *fhir.Node, block string) coded {
	code, title := s.Get("code"), s.Get("title").Text()
	for _, cd := range code.Get("coding").Items() {
		if c := cd.Get("code").Text(); c != "" && cd.Get("system").Text() != fhir.SystemSection {
			return coded{Code: c, System: cd.Get("system").Text(), Text: first(cd.Get("display").Text(), title, c)}
		}
	}
	h := concept(code)
	h.Text = first(title, h.Text)
	if h.Code == "Journaltekst" && block != "" {
		h.Code = block
		if h.Text == "Journaltekst" {
			h.Text = block
		}
	}
	return h
}

// sectionWords keeps words that a section carries outside its narrative. A change in function told
// in words stays words: no score is made of them (function.md section 1, rule 9).
func (x extractor) sectionWords(s *fhir.Node, c *content) {
	for _, sub := range s.Extension(fhir.ExtBase + "StructureDefinition/follow-up").Get("extension").Items() {
		if sub.Get("url").Text() == "EndringFunksjonsnivaa" {
			c.addNote(coded{Text: "Change in function", Code: "EndringFunksjonsnivaa", System: fhir.SystemSection}, sub.Get("valueString").Text())
		}
	}
}

func (x extractor) impression(n *fhir.Node, c *content) {
	var words []string
	for _, f := range n.Get("finding").Items() {
		if t := strings.TrimSpace(concept(f.Get("itemCodeableConcept")).Text + " " + f.Get("basis").Text()); t != "" {
			words = append(words, t)
		}
	}
	c.addNote(coded{Text: first(n.Get("description").Text(), "Assessment"), Code: "InfoVurderinger", System: fhir.SystemSection}, strings.Join(words, "\n"))
}

// reservation keeps what a person reserves against as words; it restricts nothing by itself, since
// the source says in words only what it covers.
func (x extractor) reservation(n *fhir.Node, c *content) {
	if hasCode(n.Get("category"), fhir.SystemSection, "ReservasjonOnske") {
		c.addNote(coded{Text: "Reservation", Code: "ReservasjonOnske", System: fhir.SystemSection}, n.At("policyRule.text").Text())
	}
}

func (c *content) addNote(heading coded, text string) {
	if text != "" {
		c.Notes = append(c.Notes, note{Heading: heading, Text: text})
	}
}

func suffix(s string) string {
	if s == "" {
		return ""
	}
	return "\n" + s
}

// plainText takes the words out of a narrative div. Block ends become line ends.
func plainText(div string) string {
	if div == "" {
		return ""
	}
	b := make([]byte, 0, len(div))
	for div != "" {
		i := strings.IndexByte(div, '<')
		if i < 0 {
			b = append(b, div...)
			break
		}
		b = append(b, div[:i]...)
		j := strings.IndexByte(div[i:], '>')
		if j < 0 {
			break
		}
		tag := strings.ToLower(strings.Trim(div[i:i+j], "</ "))
		if name, _, _ := strings.Cut(tag, " "); name == "br" || name == "p" || name == "div" || name == "li" || name == "tr" {
			b = append(b, '\n')
		}
		div = div[i+j+1:]
	}
	return string(trimLines(unescape(b)))
}

// unescape replaces the entities that narratives use, in place: none is shorter than what it stands for.
func unescape(b []byte) []byte {
	from := bytes.IndexByte(b, '&')
	if from < 0 {
		return b
	}
	out := b[:from]
next:
	for rest := b[from:]; len(rest) > 0; {
		if rest[0] == '&' {
			for _, e := range [...][2]string{{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", `"`}, {"&#39;", "'"}, {"&apos;", "'"},
				{"&#160;", " "}, {"&nbsp;", " "}, {"&amp;", "&"}} {
				if len(rest) >= len(e[0]) && string(rest[:len(e[0])]) == e[0] {
					out = append(out, e[1]...)
					rest = rest[len(e[0]):]
					continue next
				}
			}
		}
		out = append(out, rest[0])
		rest = rest[1:]
	}
	return out
}

// trimLines drops empty lines and the space around the others, in place.
func trimLines(b []byte) []byte {
	out := b[:0]
	for rest, more := b, true; more; {
		var l []byte
		l, rest, more = bytes.Cut(rest, []byte{'\n'})
		if l = bytes.TrimSpace(l); len(l) == 0 {
			continue
		}
		if len(out) > 0 {
			out = append(out, '\n')
		}
		out = append(out, l...)
	}
	return out
}
