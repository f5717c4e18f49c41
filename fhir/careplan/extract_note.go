package careplan

import (
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
	var b strings.Builder
	for div != "" {
		i := strings.IndexByte(div, '<')
		if i < 0 {
			b.WriteString(div)
			break
		}
		b.WriteString(div[:i])
		j := strings.IndexByte(div[i:], '>')
		if j < 0 {
			break
		}
		tag := strings.ToLower(strings.Trim(div[i:i+j], "</ "))
		if name, _, _ := strings.Cut(tag, " "); name == "br" || name == "p" || name == "div" || name == "li" || name == "tr" {
			b.WriteByte('\n')
		}
		div = div[i+j+1:]
	}
	s := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&#39;", "'", "&apos;", "'", "&#160;", " ", "&nbsp;", " ", "&amp;", "&").Replace(b.String())
	var lines []string
	for _, l := range strings.Split(s, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "\n")
}
