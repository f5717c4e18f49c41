package xmltree

import (
	"slices"
	"strings"

	"github.com/beevik/etree"
)

// Kind is what is wrong with a text.
type Kind uint8

const (
	// Syntax is text that is not well-formed, end tags that do not match included.
	Syntax Kind = iota + 1
	// TooDeep is an element below MaxDepth others.
	TooDeep
	// NoRoot is a document without an element.
	NoRoot
	// TwoRoots is a second element beside the root.
	TwoRoots
	// TextOutside is text beside the root.
	TextOutside
	// Directive is a declaration such as a document type beside the root.
	Directive
	// ElementPrefix is an element with a prefix that is not declared.
	ElementPrefix
	// AttributePrefix is an attribute with a prefix that is not declared.
	AttributePrefix
	// AttributeTwice is an attribute that an element has twice, also under two prefixes of one namespace.
	AttributeTwice
	// TooManyAttributes is an element with more than MaxAttributes attributes.
	TooManyAttributes
	// TooManySpaces is more than MaxSpaces namespace declarations in force, or a namespace longer than MaxSpace.
	TooManySpaces
)

// Error is the first thing wrong with a text: first broken syntax, then the outline of the
// document, then names. It holds nothing of the text.
type Error struct {
	Kind Kind
	// Line is where, from 1; 0 when unknown, as for all but Syntax.
	Line int
}

func (e *Error) Error() string {
	switch e.Kind {
	case Syntax:
		return "not well-formed"
	case TooDeep:
		return "too many levels"
	case NoRoot:
		return "no root element"
	case TwoRoots:
		return "more than one root element"
	case TextOutside:
		return "text outside the root element"
	case Directive:
		return "a declaration outside the root element"
	case ElementPrefix:
		return "an element has a prefix that is not declared"
	case AttributePrefix:
		return "an attribute has a prefix that is not declared"
	case AttributeTwice:
		return "an element has the same attribute twice"
	case TooManyAttributes:
		return "an element has too many attributes"
	case TooManySpaces:
		return "too many namespace declarations in force, or one that is too long"
	}
	return "unknown"
}

// Parser reads one text after the other. The zero value is ready once MaxDepth is set.
type Parser struct {
	// MaxDepth is how many levels of elements there may be; the root is the first.
	MaxDepth int
	// MaxAttributes is how many attributes an element may have, namespace declarations included; 0 for any number.
	MaxAttributes int
	// MaxSpaces is how many namespace declarations may be in force at an element; 0 for any number.
	MaxSpaces int
	// MaxSpace is how long a namespace may be where MaxSpaces is set. Unit: bytes.
	MaxSpace int

	text string
	pos  int
	doc  etree.Document

	open    []frame       // the elements around pos
	pending []etree.Token // children of the open elements, until their element ends
	spaces  spaces        // namespace declarations in force
	attrs   []etree.Attr  // of the tag at hand
	buf     []byte        // a text whose references are being resolved
	names   Kind          // the first thing wrong with names
	// wrongEnd is the line of the first end tag that does not match, 0 when all do. Behind it nothing is
	// built; only broken syntax is looked for, which is told rather than the tag.
	wrongEnd int

	// lax is set by what encoding/xml lets pass although XML does not have it; see Strict.
	lax bool

	elements Arena[etree.Element]
	texts    Arena[etree.CharData]
	attrsOf  Arena[etree.Attr]
	children Arena[etree.Token]
}

// frame is an open element.
type frame struct {
	element *etree.Element
	raw     string // its name as written
	kids    int    // where its children start in pending
	spaces  int    // how many declarations were in force outside
}

// Parse reads text, which must be valid UTF-8, and gives the root element; its parent is the
// document. The error is an *Error. The tree of the text before is gone.
func (p *Parser) Parse(text string) (*etree.Element, error) {
	p.Reset()
	p.text = text
	if err := p.read(); err != nil {
		return nil, err // not nil: an *Error must not become an error before
	}
	p.close(&p.doc.Element, 0)
	root, err := Root(&p.doc)
	if err == nil && p.names != 0 {
		return nil, &Error{Kind: p.names}
	}
	return root, err
}

// Strict tells whether the text last read keeps the rules of XML that encoding/xml does not look at and that
// do not show in the tree: white space between attributes.
func (p *Parser) Strict() bool { return !p.lax }

// Reset forgets text and tree and keeps the memory for the next text, within bounds.
func (p *Parser) Reset() {
	*p = Parser{
		MaxDepth: p.MaxDepth, MaxAttributes: p.MaxAttributes, MaxSpaces: p.MaxSpaces, MaxSpace: p.MaxSpace,
		open: emptied(p.open), pending: emptied(p.pending), spaces: spaces{list: emptied(p.spaces.list)}, attrs: emptied(p.attrs),
		buf:      emptied(p.buf),
		elements: p.elements.Reset(), texts: p.texts.Reset(), attrsOf: p.attrsOf.Reset(), children: p.children.Reset(),
	}
}

// read goes through the text token by token.
func (p *Parser) read() *Error {
	for p.pos < len(p.text) {
		var err *Error
		if p.text[p.pos] != '<' {
			err = p.charData()
		} else {
			err = p.markup()
		}
		if err != nil {
			return err
		}
	}
	switch {
	case p.wrongEnd > 0:
		return &Error{Syntax, p.wrongEnd}
	case len(p.open) > 0:
		return p.cutOff()
	}
	return nil
}

// markup reads what begins with "<".
func (p *Parser) markup() *Error {
	if p.pos+1 == len(p.text) {
		return p.cutOff()
	}
	switch p.text[p.pos+1] {
	case '/':
		return p.endTag()
	case '?':
		return p.instruction()
	case '!':
		return p.declaration()
	}
	return p.startTag()
}

func (p *Parser) startTag() *Error {
	p.pos++
	raw, space, local, err := p.qualified()
	if err != nil {
		return err
	}
	p.attrs = p.attrs[:0]
	for {
		p.space()
		if p.pos >= len(p.text) {
			return p.cutOff()
		}
		switch p.text[p.pos] {
		case '/':
			if p.pos+1 >= len(p.text) || p.text[p.pos+1] != '>' {
				return p.broken(p.pos + 2)
			}
			p.pos += 2
			return p.begin(raw, space, local, true)
		case '>':
			p.pos++
			return p.begin(raw, space, local, false)
		}
		if err := p.attribute(); err != nil {
			return err
		}
	}
}

func (p *Parser) attribute() *Error {
	p.lax = p.lax || classes[p.text[p.pos-1]]&white == 0
	_, space, local, err := p.qualified()
	if err != nil {
		return err
	}
	p.space()
	if p.pos >= len(p.text) || p.text[p.pos] != '=' {
		return p.broken(p.pos + 1)
	}
	p.pos++
	p.space()
	if p.pos >= len(p.text) || p.text[p.pos] != '"' && p.text[p.pos] != '\'' {
		return p.broken(p.pos + 1)
	}
	p.pos++
	v, err := p.value(p.text[p.pos-1])
	if err != nil {
		return err
	}
	p.attrs = append(p.attrs, etree.Attr{Space: space, Key: local, Value: v})
	return nil
}

// begin makes the element of a start tag.
func (p *Parser) begin(raw, space, local string, empty bool) *Error {
	if p.wrongEnd > 0 {
		return nil
	}
	if len(p.open) >= p.MaxDepth {
		return &Error{Kind: TooDeep}
	}
	e := &p.elements.Take(1)[0]
	e.Space, e.Tag = space, local
	if len(p.attrs) > 0 {
		e.Attr = p.attrsOf.Take(len(p.attrs))
		copy(e.Attr, p.attrs)
	}
	outside := len(p.spaces.list)
	p.spaces.declare(e)
	if p.MaxSpaces > 0 && len(p.spaces.list) > outside && p.tooManySpaces(outside) {
		return &Error{Kind: TooManySpaces}
	}
	if p.MaxAttributes > 0 && len(p.attrs) > p.MaxAttributes {
		return &Error{Kind: TooManyAttributes}
	}
	if p.names == 0 {
		p.names = p.checkNames(e)
	}
	p.pending = append(p.pending, e)
	if empty {
		p.spaces.leave(outside)
		return nil
	}
	p.open = append(p.open, frame{element: e, raw: raw, kids: len(p.pending), spaces: outside})
	return nil
}

// tooManySpaces looks at the declarations from a place on, which an element has made.
func (p *Parser) tooManySpaces(from int) bool {
	return len(p.spaces.list) > p.MaxSpaces || slices.ContainsFunc(p.spaces.list[from:], func(b binding) bool { return len(b.uri) > p.MaxSpace })
}

func (p *Parser) endTag() *Error {
	p.pos += 2
	if n := len(p.open); n > 0 && p.wrongEnd == 0 {
		// Nearly always: the name that is open and nothing else.
		raw := p.open[n-1].raw
		rest := p.text[p.pos:]
		if len(rest) > len(raw) && rest[len(raw)] == '>' && rest[:len(raw)] == raw {
			p.pos += len(raw) + 1
			p.end()
			return nil
		}
	}
	raw, _, _, err := p.qualified()
	if err != nil {
		return err
	}
	p.space()
	if p.pos >= len(p.text) || p.text[p.pos] != '>' {
		return p.broken(p.pos + 1)
	}
	p.pos++
	switch n := len(p.open); {
	case p.wrongEnd > 0:
	case n == 0 || p.open[n-1].raw != raw:
		p.wrongEnd = p.lineAt(p.pos)
	default:
		p.end()
	}
	return nil
}

// end closes the innermost element.
func (p *Parser) end() {
	f := p.open[len(p.open)-1]
	p.open = p.open[:len(p.open)-1]
	p.spaces.leave(f.spaces)
	p.close(f.element, f.kids)
}

// close gives an element its children: those pending from a place on.
func (p *Parser) close(e *etree.Element, from int) {
	kids := p.pending[from:]
	if len(kids) == 0 {
		return
	}
	e.Child = p.children.Take(len(kids))[:0]
	for _, k := range kids {
		e.AddChild(k) // appends within what was taken
	}
	p.pending = p.pending[:from]
}

// Root gives the root element of a document, and demands that there is exactly one with nothing but
// white space around it. The error is an *Error.
func Root(doc *etree.Document) (*etree.Element, error) {
	var root *etree.Element
	for _, t := range doc.Child {
		switch t := t.(type) {
		case *etree.Element:
			if root != nil {
				return nil, &Error{Kind: TwoRoots}
			}
			root = t
		case *etree.CharData:
			if strings.TrimSpace(t.Data) != "" {
				return nil, &Error{Kind: TextOutside}
			}
		case *etree.Directive:
			return nil, &Error{Kind: Directive}
		}
	}
	if root == nil {
		return nil, &Error{Kind: NoRoot}
	}
	return root, nil
}

// broken is an error in the syntax, noticed when the text before an offset had been read.
func (p *Parser) broken(offset int) *Error { return &Error{Syntax, p.lineAt(offset)} }

// cutOff is a text that ends too early.
func (p *Parser) cutOff() *Error { return p.broken(len(p.text)) }

func (p *Parser) lineAt(offset int) int {
	return strings.Count(p.text[:min(offset, len(p.text))], "\n") + 1
}
