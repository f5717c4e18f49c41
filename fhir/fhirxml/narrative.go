package fhirxml

import (
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"sort"
	"strings"
)

// maxNarrativeDepth is how deep narrative may nest. Unit: levels of elements.
const maxNarrativeDepth = 128

var errNotDiv = errors.New("the narrative is no div of XHTML")

// divOut makes the text of a narrative ready to stand in FHIR XML. As a rule that is the text itself.
// Named characters that only HTML knows are written as numbers, and a missing namespace is declared;
// changed says so.
func divOut(text string) (div, changed string, err error) {
	div = strings.TrimSpace(text) // white space around the element belongs to the element around it
	if div != text {
		changed = "white space around the narrative left out"
	}
	scope := map[string]string{"": nsFHIR}
	borrowed, err := checkDiv(div, scope)
	if err != nil {
		if numbered := numberEntities(div); numbered != div {
			div, changed = numbered, "named characters of HTML written as numbers"
			borrowed, err = checkDiv(div, scope)
		}
	}
	if errors.Is(err, errNotDiv) { // perhaps only the namespace is missing
		named := declare(div, map[string]string{"": nsXHTML})
		if borrowed, err = checkDiv(named, scope); err == nil {
			div, changed = named, "namespace of XHTML added"
		}
	}
	if err == nil && len(borrowed) > 0 {
		err = errNotDiv // prefixes that nobody declares
	}
	return div, changed, err
}

// divIn takes a narrative out of FHIR XML: the bytes as they are, with the namespaces declared that it
// borrows from the elements around it.
func divIn(raw string, scope map[string]string) (string, error) {
	borrowed, err := checkDiv(raw, scope)
	if err != nil {
		return "", err
	}
	if len(borrowed) == 0 {
		return raw, nil
	}
	missing := map[string]string{}
	for _, prefix := range borrowed {
		missing[prefix] = scope[prefix]
	}
	return declare(raw, missing), nil
}

// declare adds namespaces to the first tag.
func declare(raw string, missing map[string]string) string {
	end := strings.IndexAny(raw, " \t\r\n/>")
	if end < 0 {
		return raw
	}
	prefixes := make([]string, 0, len(missing))
	for p := range missing {
		prefixes = append(prefixes, p)
	}
	sort.Strings(prefixes)
	var b strings.Builder
	b.WriteString(raw[:end])
	for _, p := range prefixes {
		if p != "" {
			p = ":" + p
		}
		fmt.Fprintf(&b, ` xmlns%s="%s"`, p, strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;").Replace(missing[strings.TrimPrefix(p, ":")]))
	}
	b.WriteString(raw[end:])
	return b.String()
}

// divCheck walks a narrative without changing it.
type divCheck struct {
	scopes   []map[string]string // the first is what surrounds the narrative
	names    []xml.Name
	borrowed map[string]bool
	closed   bool
}

// checkDiv demands well-formed XML with one root, a div of XHTML, bounded, without declarations of a
// document type. borrowed lists the prefixes that it takes from scope.
func checkDiv(raw string, scope map[string]string) (borrowed []string, err error) {
	if !legal(raw) {
		return nil, errors.New("characters that XML does not allow")
	}
	c := &divCheck{scopes: []map[string]string{scope}, borrowed: map[string]bool{}}
	d := xml.NewDecoder(strings.NewReader(raw))
	for {
		tok, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errors.New("the narrative is not well-formed")
		}
		if err := c.token(tok); err != nil {
			return nil, err
		}
	}
	if !c.closed {
		return nil, errors.New("the narrative is not well-formed")
	}
	for p := range c.borrowed {
		borrowed = append(borrowed, p)
	}
	sort.Strings(borrowed)
	return borrowed, nil
}

func (c *divCheck) token(tok xml.Token) error {
	switch tok := tok.(type) {
	case xml.StartElement:
		return c.start(tok)
	case xml.EndElement:
		if len(c.names) == 0 || c.names[len(c.names)-1] != tok.Name {
			return errors.New("the narrative is not well-formed")
		}
		c.names, c.scopes = c.names[:len(c.names)-1], c.scopes[:len(c.scopes)-1]
		c.closed = len(c.names) == 0
	case xml.Directive, xml.ProcInst:
		return errors.New("the narrative holds a declaration or processing instruction")
	default: // text and comments
		if len(c.names) == 0 {
			return errNotDiv
		}
	}
	return nil
}

func (c *divCheck) start(tok xml.StartElement) error {
	if c.closed || len(c.names) >= maxNarrativeDepth || len(tok.Attr) > maxInOneTag {
		return errors.New("the narrative has two roots, too many levels or too many attributes")
	}
	own := map[string]string(nil)
	for i, a := range tok.Attr {
		for _, b := range tok.Attr[:i] {
			if a.Name == b.Name {
				return errors.New("the narrative is not well-formed: an attribute stands twice")
			}
		}
		prefix, is := "", a.Name.Space == "" && a.Name.Local == "xmlns"
		if a.Name.Space == "xmlns" {
			prefix, is = a.Name.Local, true
		}
		if is {
			if own == nil {
				own = map[string]string{}
			}
			own[prefix] = a.Value
		}
	}
	c.scopes, c.names = append(c.scopes, own), append(c.names, tok.Name)
	uri, ok := c.resolve(tok.Name.Space)
	if len(c.names) == 1 && (uri != nsXHTML || tok.Name.Local != "div") {
		return errNotDiv
	}
	for _, a := range tok.Attr {
		if p := a.Name.Space; p != "" && p != "xmlns" {
			_, known := c.resolve(p)
			ok = ok && known
		}
	}
	if !ok {
		return errors.New("the narrative uses a prefix that nobody declares")
	}
	return nil
}

// resolve finds the namespace of a prefix and remembers when it comes from outside.
func (c *divCheck) resolve(prefix string) (string, bool) {
	if prefix == "xml" {
		return nsXML, true
	}
	for i := len(c.scopes) - 1; i >= 0; i-- {
		if uri, ok := c.scopes[i][prefix]; ok {
			if i == 0 {
				c.borrowed[prefix] = true
			}
			return uri, true
		}
	}
	return "", prefix == ""
}

// numberEntities writes named characters such as &nbsp; as numbers; the five of XML stay.
func numberEntities(s string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 {
			break
		}
		b.WriteString(s[:i])
		s = s[i:]
		end := strings.IndexByte(s, ';')
		name := ""
		if end > 1 && end <= 32 {
			name = s[1:end]
		}
		r := []rune(html.UnescapeString("&" + name + ";"))
		switch name {
		case "", "amp", "lt", "gt", "quot", "apos":
			r = nil
		}
		if len(r) != 1 || name[0] == '#' {
			b.WriteByte('&')
			s = s[1:]
			continue
		}
		fmt.Fprintf(&b, "&#%d;", r[0])
		s = s[end+1:]
	}
	b.WriteString(s)
	return b.String()
}
