package xmltree

import (
	"encoding/xml"
	"strings"
	"unicode/utf8"

	"github.com/beevik/etree"
)

// manyAttributes is from how many on an index finds one that stands twice: comparing each with each
// costs the square.
const manyAttributes = 16

// qualified reads the name of an element or attribute. Prefix and local name are those of
// encoding/xml: a name with a colon at an end is local as a whole.
func (p *Parser) qualified() (raw, space, local string, err *Error) {
	from, colon, odd := p.pos, -1, false
	i := from
	for ; i < len(p.text); i++ {
		class := classes[p.text[i]]
		if class&inName == 0 {
			break
		}
		if class&rareInName == 0 {
			continue
		}
		if colon < 0 && p.text[i] == ':' {
			colon = i - from
		} else {
			odd = true // a second colon, or a character outside ASCII
		}
	}
	if odd || i == from || i == len(p.text) || classes[p.text[from]]&nameStart == 0 {
		return p.oddName()
	}
	raw, p.pos = p.text[from:i], i
	if colon <= 0 || colon == len(raw)-1 {
		return raw, "", raw, nil
	}
	return raw, raw[:colon], raw[colon+1:], nil
}

// oddName is qualified for names with anything that is rare or wrong.
func (p *Parser) oddName() (raw, space, local string, err *Error) {
	raw, err = p.name()
	if err != nil {
		return "", "", "", err
	}
	i := strings.IndexByte(raw, ':')
	if i <= 0 || i == len(raw)-1 {
		if i == 0 && strings.IndexByte(raw[1:], ':') >= 0 {
			return "", "", "", p.broken(p.pos)
		}
		return raw, "", raw, nil
	}
	if strings.IndexByte(raw[i+1:], ':') >= 0 {
		return "", "", "", p.broken(p.pos)
	}
	return raw, raw[:i], raw[i+1:], nil
}

// name reads a name, which ends before the first ASCII character that no name has.
func (p *Parser) name() (string, *Error) {
	from, wide := p.pos, false
	i := from
	for ; i < len(p.text); i++ {
		c := p.text[i]
		if classes[c]&inName == 0 {
			break
		}
		wide = wide || c >= utf8.RuneSelf
	}
	if i >= len(p.text) {
		return "", p.cutOff()
	}
	s := p.text[from:i]
	if s == "" || !wide && classes[s[0]]&nameStart == 0 || wide && !isName(s) {
		return "", p.broken(from)
	}
	p.pos = i
	return s, nil
}

// isName tells whether a name with characters outside ASCII is one. The tables are those of
// encoding/xml, which does not give them away but can be asked; no standard here has such a name.
func isName(s string) bool {
	t, err := xml.NewDecoder(strings.NewReader("<?" + s + "?>")).RawToken()
	_, ok := t.(xml.ProcInst)
	return ok && err == nil
}

// space moves over white space.
func (p *Parser) space() {
	for p.pos < len(p.text) && classes[p.text[p.pos]]&white != 0 {
		p.pos++
	}
}

// checkNames finds prefixes that are not declared and attributes that stand twice.
func (p *Parser) checkNames(e *etree.Element) Kind {
	if e.Space != "" {
		if _, ok := p.spaces.uriOf(e.Space); !ok {
			return ElementPrefix
		}
	}
	if len(e.Attr) > manyAttributes {
		return p.checkMany(e.Attr)
	}
	for i := range e.Attr {
		a := &e.Attr[i]
		if !p.declared(a) {
			return AttributePrefix
		}
		for j := range e.Attr[:i] {
			b := &e.Attr[j]
			if a.Key == b.Key && (a.Space == b.Space || p.identity(a) == p.identity(b)) {
				return AttributeTwice
			}
		}
	}
	return 0
}

// checkMany is checkNames for many attributes.
func (p *Parser) checkMany(attrs []etree.Attr) Kind {
	seen := make(map[identity]struct{}, len(attrs))
	for i := range attrs {
		if !p.declared(&attrs[i]) {
			return AttributePrefix
		}
		id := p.identity(&attrs[i])
		if _, ok := seen[id]; ok {
			return AttributeTwice
		}
		seen[id] = struct{}{}
	}
	return 0
}

func (p *Parser) declared(a *etree.Attr) bool {
	if a.Space == "" || a.Space == "xmlns" {
		return true
	}
	_, ok := p.spaces.uriOf(a.Space)
	return ok
}

// identity is what two attributes of an element must not have in common.
type identity struct {
	sort     byte // p = plain, d = a declaration, n = in a namespace
	uri, key string
}

func (p *Parser) identity(a *etree.Attr) identity {
	switch a.Space {
	case "":
		return identity{'p', "", a.Key}
	case "xmlns":
		return identity{'d', "", a.Key}
	}
	uri, _ := p.spaces.uriOf(a.Space)
	return identity{'n', uri, a.Key}
}
